# SPDX-License-Identifier: Apache-2.0
"""What can be scored: Octolead's own detector, and peers from `pip install 'octolead[peers]'`, each adapted in a few lines.

A beat detector takes a float32 signal in µV of shape (frames, leads) and its rate, and gives beats. Peers look at the first lead only.
A delineator takes the same and gives the waves of each lead.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .._constants import MAX_LEADS
from ..errors import OctoleadError
from ..native.analyzer import CLASSIFY, DETECT, Analyzer, delineate
from ..native.beats import CLASSES
from .annotations import Beats
from .waves import KINDS, NONE, Lead, Waves

Signal = npt.NDArray[np.float32]


class DetectorMissing(OctoleadError):
    """A detector was asked for that is not installed or not built in."""


@dataclass(frozen=True)
class Detector:
    """A named detector.

    Attributes:
        beats: gives the beats of a signal.
        waves: gives the waves of each lead; None: it marks none.
        classifies: its beats have classes worth scoring.
    """

    name: str
    beats: Callable[[Signal, float], Beats]
    waves: Callable[[Signal, float], list[Lead]] | None = None
    classifies: bool = False


def as_beats(frames: npt.ArrayLike) -> Beats:
    """Frames of beats without class, in order and once each."""
    array = np.asarray(frames)
    array = np.unique(np.rint(array[np.isfinite(array)]).astype(np.int64)) if array.size else np.zeros(0, np.int64)
    return Beats(array, np.full(len(array), "N", "U1"))


def _need(module: str, detector: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, AttributeError) as error:
        raise DetectorMissing(f"detector {detector}: {module} is missing; {extra}") from error


def _peer(module: str, detector: str) -> Any:
    return _need(module, detector, "install it with: pip install 'octolead[peers]'")


def _octolead_beats(signal: Signal, fs_hz: float) -> Beats:
    some = signal[:, -MAX_LEADS:]
    analyzer = Analyzer(fs_hz, some.shape[1], stages=DETECT | CLASSIFY)
    analyzer.push(some)
    labels = analyzer.label(analyzer.finish().records).labels
    return Beats(labels["frame"].astype(np.int64), np.array(CLASSES)[labels["beat_class"]])


def _octolead_waves(signal: Signal, fs_hz: float) -> list[Lead]:
    detector = Analyzer(fs_hz, min(signal.shape[1], MAX_LEADS), stages=DETECT)
    detector.push(signal[:, -MAX_LEADS:])
    beats, leads = detector.finish().beats["frame"], []
    for first in range(0, signal.shape[1], MAX_LEADS):
        some = signal[:, first : first + MAX_LEADS]
        found = delineate(some, fs_hz, beats)
        for k in range(some.shape[1]):
            own = {kind: _own_waves(found["frame"], found["lead"][:, k][kind.lower()], fs_hz) for kind in KINDS}
            leads.append(own | {"P": _with_extra(own["P"], found, fs_hz)})
    return leads


def _with_extra(p: Waves, found: npt.NDArray[Any], fs_hz: float) -> Waves:
    """Add the P waves that no QRS followed; of these only the peak is known."""
    more = [
        int(row["frame"]) + round(float(at) * fs_hz / 1000)  # frames are unsigned, these times negative
        for row in found[found["n_extra_p"] > 0]
        for at in row["extra_p_ms"][: row["n_extra_p"]]
    ]
    peak = np.concatenate([p.peak, np.array(more, np.int64)])
    order = np.argsort(peak, kind="stable")
    onset, end = (np.concatenate([side, np.full(len(more), NONE)])[order] for side in (p.onset, p.end))
    return Waves(onset, peak[order], end)


def _own_waves(beat: npt.NDArray[np.uint64], marks: npt.NDArray[Any], fs_hz: float) -> Waves:
    there = np.isfinite(marks["peak_ms"])
    marks, beat = marks[there], beat[there].astype(np.int64)
    sides = (np.rint(marks[f"{side}_ms"] * (fs_hz / 1000)) for side in ("on", "peak", "off"))
    onset, peak, end = (np.where(np.isfinite(at), beat + np.nan_to_num(at).astype(np.int64), NONE) for at in sides)
    return Waves(onset, peak, end)


def _sleepecg(signal: Signal, fs_hz: float) -> Beats:
    return as_beats(_peer("sleepecg", "sleepecg").detect_heartbeats(_millivolt(signal), fs_hz))


def _xqrs(signal: Signal, fs_hz: float) -> Beats:
    processing = _peer("wfdb.processing", "xqrs")
    return as_beats(processing.xqrs_detect(_millivolt(signal), fs=fs_hz, verbose=False))


def _gqrs(signal: Signal, fs_hz: float) -> Beats:
    processing = _peer("wfdb.processing", "gqrs")
    units = np.rint(_millivolt(signal) * 200).astype(np.int64)  # it thinks in units of 5 µV
    return as_beats(processing.gqrs_detect(d_sig=units, fs=fs_hz, adc_gain=200, adc_zero=0))


def _neurokit2(signal: Signal, fs_hz: float) -> Beats:
    nk = _peer("neurokit2", "neurokit2")
    rate = round(fs_hz)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clean = nk.ecg_clean(_millivolt(signal), sampling_rate=rate)
        return as_beats(nk.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"])


def _neurokit2_waves(signal: Signal, fs_hz: float) -> list[Lead]:
    nk = _peer("neurokit2", "neurokit2")
    rate, leads = round(fs_hz), []
    for k in range(signal.shape[1]):
        one = signal[:, k : k + 1]
        found: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clean = nk.ecg_clean(_millivolt(one), sampling_rate=rate)
            peaks = nk.ecg_peaks(clean, sampling_rate=rate)[1]["ECG_R_Peaks"]
            if len(peaks) > 3:
                found = nk.ecg_delineate(clean, peaks, sampling_rate=rate, method="dwt")[1]
                found["ECG_R_Peaks"] = peaks
        leads.append({kind: _nk_waves(found, "R" if kind == "QRS" else kind) for kind in KINDS})
    return leads


def _nk_waves(found: dict[str, Any], letter: str) -> Waves:
    n = max((len(v) for v in found.values()), default=0)
    columns = [found.get(f"ECG_{letter}_{side}", [np.nan] * n) for side in ("Onsets", "Peaks", "Offsets")]
    rows = np.array([np.asarray(c, float)[:n] for c in columns]) if n else np.zeros((3, 0))
    rows = rows[:, np.isfinite(rows).any(axis=0)]
    peak = np.where(np.isfinite(rows[1]), rows[1], np.nanmean(rows, axis=0)) if rows.size else rows[1]
    onset, end = (np.where(np.isfinite(r), r, NONE).astype(np.int64) for r in (rows[0], rows[2]))
    order = np.argsort(peak, kind="stable")
    return Waves(onset[order], np.rint(peak[order]).astype(np.int64), end[order])


def _millivolt(signal: Signal) -> npt.NDArray[np.float64]:
    """The first lead in mV."""
    return _held(signal[:, 0]) / 1000.0


def _held(lead: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """A lead in which missing samples are as the last one before."""
    good = np.isfinite(lead)
    if good.all() or not good.any():
        return np.where(good, lead, 0.0).astype(np.float64)
    last = np.maximum.accumulate(np.where(good, np.arange(len(lead)), -1))
    return lead[np.where(last < 0, int(np.argmax(good)), last)].astype(np.float64)


DETECTORS: Final = {
    d.name: d
    for d in (
        Detector("octolead", _octolead_beats, _octolead_waves, classifies=True),
        Detector("sleepecg", _sleepecg),
        Detector("gqrs", _gqrs),
        Detector("xqrs", _xqrs),
        Detector("neurokit2", _neurokit2, _neurokit2_waves),
    )
}
