# SPDX-License-Identifier: Apache-2.0
"""What the demo plays: another maker's record at the recorder's rate, looped, with electrode offsets, as nanovolt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .errors import ImportRefused, SourceError
from .imported import ImportedSignal
from .importers import load
from .leads import RECORDER_LEAD_IDS, RECORDER_LEADS

OFFSETS_MV = (85.0, -120.0, 210.0, -64.0, 142.0, -185.0, 48.0, -231.0)
"""Half-cell offsets of electrodes, lead by lead; real ones lie within ±300 mV."""

_STAND_INS = {c.LEAD_MLI: c.LEAD_I, c.LEAD_MLII: c.LEAD_II}
_SEAM_S, _SEARCH_S = 0.2, 1.2
_LIMIT_NV = 2**31 - 1


@dataclass(frozen=True)
class Played:
    """int32 nanovolt (frames, 8) of one round, how many frames are played of it, and what was done to the record."""

    nanovolt: npt.NDArray[np.int32]
    n_frames: int
    rate_hz: int
    record: str
    messages: tuple[str, ...]


def default_input() -> str:
    """The real 12-lead recording that pydicom ships.

    Raises:
        SourceError: pydicom is not installed or does not have it.
    """
    try:
        from pydicom.data import get_testdata_file
    except ImportError as error:
        raise SourceError(
            "the demo's record comes with pydicom: pip install 'octolead[dicom]', or give another with --input",
            kind="missing",
        ) from error
    path = get_testdata_file("waveform_ecg.dcm", download=False)
    if path is None:
        raise SourceError("this pydicom does not hold waveform_ecg.dcm; give another record with --input", kind="missing")
    return str(path)


def prepare(record: str | os.PathLike[str], seconds: float, rate_hz: int = 500) -> Played:
    """Read a record and make of it `seconds` of what eight electrode pairs would give.

    Raises:
        SourceError, ImportRefused: as `importers.load`.
    """
    signal = load(record)
    microvolt, messages = _eight_leads(signal)
    resampled = _resample(microvolt, signal.rate_hz, Fraction(rate_hz))
    n = round(seconds * rate_hz)
    if len(resampled) < n:
        messages.append(f"looped: the record has {len(resampled) / rate_hz:.1f} s")
    looped = one_round(resampled, n, rate_hz)
    nanovolt = np.rint(looped * 1000 + np.array(OFFSETS_MV) * 1e6)
    return Played(
        np.clip(nanovolt, -_LIMIT_NV, _LIMIT_NV).astype(np.int32),
        n,
        rate_hz,
        Path(record).name,
        (*signal.messages, *messages),
    )


def _eight_leads(signal: ImportedSignal) -> tuple[npt.NDArray[np.float64], list[str]]:
    """float64 µV (frames, 8); leads that the record has not are flat."""
    out = np.zeros((signal.n_frames, 8))
    if not signal.n_frames:
        raise ImportRefused("the record has no frames")
    messages: list[str] = []
    used: set[int] = set()
    for k, lead in enumerate(signal.lead_ids):
        place = _place(_STAND_INS.get(lead, lead), used)
        used.add(place)
        if lead != RECORDER_LEAD_IDS[place]:
            messages.append(f"{signal.names[k]} plays as {RECORDER_LEADS[place]}")
        value = (signal.raw[:, k].astype(np.float64) - signal.zero[k]) * float(signal.step_nv[k] / 1000)
        gone = signal.missing()[:, k]
        if gone.any():
            messages.append(f"{int(gone.sum())} missing samples of {signal.names[k]} are bridged")
            value = np.interp(np.arange(len(value)), np.flatnonzero(~gone), value[~gone]) if not gone.all() else value * 0
        out[:, place] = value - np.median(value)
    flat = [name for i, name in enumerate(RECORDER_LEADS) if i not in used]
    if flat:
        messages.append(f"not in the record, played flat: {', '.join(flat)}")
    return out, messages


def _place(lead: int, used: set[int]) -> int:
    """The recorder's channel for a lead: its own, or the first free one."""
    if lead in RECORDER_LEAD_IDS and RECORDER_LEAD_IDS.index(lead) not in used:
        return RECORDER_LEAD_IDS.index(lead)
    return next(i for i in (1, 2, 3, 4, 5, 6, 7, 0) if i not in used)


def _resample(values: npt.NDArray[np.float64], old: Fraction, new: Fraction) -> npt.NDArray[np.float64]:
    from scipy.signal import resample_poly

    ratio = (new / old).limit_denominator(10_000)
    return values if ratio == 1 else np.asarray(resample_poly(values, ratio.numerator, ratio.denominator, axis=0, padtype="line"))


def one_round(values: npt.NDArray[np.float64], n: int, rate_hz: int) -> npt.NDArray[np.float64]:
    """What is played over and over to make `n` frames of (frames, leads); all of it, if it is long enough.

    The seam is a cross-fade of 0.2 s at that place near the end which resembles the beginning most: the same point of a
    beat, so the heart does not stumble and nothing jumps. A ramp over the whole record takes away how far its baseline
    wandered from one end to the other.
    """
    seam = min(int(_SEAM_S * rate_hz), len(values) // 3)
    if len(values) >= n or seam < 2:
        return values[:n]
    last = len(values) - seam
    places = range(max(seam, last - int(_SEARCH_S * rate_hz)), last + 1)
    period = min(places, key=lambda p: float(((values[p : p + seam] - values[:seam]) ** 2).sum()))
    wandered = np.median(values[period : period + seam] - values[:seam], axis=0)
    level = values - np.arange(len(values))[:, None] / period * wandered
    weight = np.linspace(0, 1, seam)[:, None]
    head = level[:seam] * weight + level[period : period + seam] * (1 - weight)
    return np.concatenate([head, level[seam:period]])
