# SPDX-License-Identifier: Apache-2.0
"""The analysis of a whole recording: beats, episodes, hours and the numbers that stand for all of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..af import AfResult, detect_af
from ..hrv import Hrv, hrv, hrv_windows
from ..native.beats import CLASSES
from ..rr import RRSeries, rr_series
from . import episodes as ep
from .episodes import Episode
from .measures import Columns, measures, medians, wave_columns
from .pipeline import Found, Progress, find_beats
from .signal import Signal, open_signal

BEAT_CLASSES: Final = {symbol: ("Q" if symbol == "/" else symbol) for symbol in CLASSES}
"""MIT symbol -> AAMI class; a paced beat is Q there."""

_SPANS: Final = {"vf": "vf", "asystole": "asystole", "unusable": "not-analysable", "gap": "gap"}


@dataclass(frozen=True)
class Analysis:
    """What was found in one recording.

    Attributes:
        name, leads, fs_hz, n_frames: of the recording.
        start_utc: ISO text of frame 0's time of day, or None.
        found: beats, waves, spans and seconds, as the core gives them.
    """

    name: str
    leads: tuple[str, ...]
    fs_hz: float
    n_frames: int
    start_utc: str | None
    marks: tuple[tuple[int, str], ...]
    gaps: tuple[tuple[int, int], ...]
    found: Found

    @cached_property
    def frame(self) -> npt.NDArray[np.int64]:
        """Frame of each beat."""
        return np.asarray(self.found.beats.labels["frame"].astype(np.int64))

    @cached_property
    def symbol(self) -> npt.NDArray[np.str_]:
        """MIT symbol of each beat: N S V F Q or / (paced)."""
        return np.array(CLASSES)[self.found.beats.labels["beat_class"]] if len(self.frame) else np.zeros(0, "U1")

    @cached_property
    def time_ms(self) -> npt.NDArray[np.int64]:
        """Middle of each beat's QRS, milliseconds from frame 0: finer than frames, so that RR intervals are."""
        return _rising(np.rint(1000 * self.found.fiducial_s).astype(np.int64))

    @cached_property
    def rr_s(self) -> npt.NDArray[np.float64]:
        """Interval that ends at each beat; NaN over a gap or an unusable stretch."""
        return ep.intervals_s(self.time_ms, 1000.0, self._holes_ms)

    @cached_property
    def _holes_ms(self) -> list[tuple[int, int]]:
        return [(int(a * 1000 / self.fs_hz), int(b * 1000 / self.fs_hz) + 1) for a, b in self.holes]

    @cached_property
    def holes(self) -> list[tuple[int, int]]:
        """Gaps, unusable stretches and ventricular fibrillation: no interval reaches over one."""
        return sorted([*self.gaps, *self.found.spans_of("unusable"), *self.found.spans_of("vf")])

    @cached_property
    def series(self) -> RRSeries:
        """RR series with the reason why an interval is no NN interval."""
        return rr_series(self.time_ms, 1000.0, [BEAT_CLASSES[s] for s in self.symbol], self._holes_ms)

    @cached_property
    def af(self) -> AfResult:
        """Atrial fibrillation, from RR intervals and classes."""
        return detect_af(self.frame, self.fs_hz, np.array([BEAT_CLASSES[s] for s in self.symbol], "U1"), self.holes)

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        """All kinds, by start."""
        frame, symbol, rr_s = self.frame, self.symbol, self.rr_s
        found = [
            *(Episode(_SPANS[kind], a, b) for kind in _SPANS for a, b in self.found.spans_of(kind) if kind != "gap"),
            *(Episode("gap", a, b) for a, b in self.gaps),
            *ep.pauses(frame, rr_s),
            *ep.rate_episodes(frame, rr_s),
            *ep.ectopic_runs(frame, symbol, rr_s, "V"),
            *ep.ectopic_runs(frame, symbol, rr_s, "S"),
            *ep.geminy(frame, symbol, 2),
            *ep.geminy(frame, symbol, 3),
            *ep.af_episodes(self.af),
        ]
        return tuple(sorted(found, key=lambda e: (e.start_frame, e.stop_frame)))

    def hours(self) -> list[dict[str, Any]]:
        """One row an hour: beats by class, rates, pauses, share that can be analysed."""
        length = self.fs_hz * 3600
        return [
            self._hour(k, int(k * length), int(min((k + 1) * length, self.n_frames)))
            for k in range(-(-self.n_frames // max(1, int(length))))
        ]

    def _hour(self, number: int, start: int, stop: int) -> dict[str, Any]:
        here = (self.frame >= start) & (self.frame < stop)
        rate = ep.rates_bpm(self.rr_s)[here]
        rate = rate[np.isfinite(rate)]
        counts = Counter(self.symbol[here].tolist())
        return {
            "hour": number,
            "start_s": start / self.fs_hz,
            "n_beats": int(here.sum()),
            "mean_bpm": _rounded(60.0 / np.nanmean(self.rr_s[here]) if np.isfinite(self.rr_s[here]).any() else None),
            "min_bpm": _rounded(rate.min() if len(rate) else None),
            "max_bpm": _rounded(rate.max() if len(rate) else None),
            **{f"n_{name}": counts.get(symbol, 0) for symbol, name in _COUNTED.items()},
            "n_pauses": sum(e.kind == "pause" and start <= e.start_frame < stop for e in self.episodes),
            **medians(self.found, here & (self.symbol == "N"), self.leads),
            "analysable_percent": _rounded(self._analysable(start, stop)),
        }

    def _analysable(self, start: int, stop: int) -> float | None:
        lost = sum(max(0, min(b, stop) - max(a, start)) for a, b in _union([*self.gaps, *self.found.spans_of("unusable")]))
        return 100.0 * (1 - lost / (stop - start)) if stop > start else None

    def hrv(self) -> Hrv:
        """Heart rate variability of the whole recording (ESC/NASPE 1996)."""
        return hrv(self.series)

    def summary(self) -> dict[str, Any]:
        """Return what stands for the whole recording, units in the names; None where it cannot be told."""
        rate = ep.rates_bpm(self.rr_s)
        known = np.isfinite(rate)
        counts = Counter(self.symbol.tolist())
        return {
            "name": self.name,
            "leads": list(self.leads),
            "fs_hz": self.fs_hz,
            "duration_s": self.n_frames / self.fs_hz,
            "start_utc": self.start_utc,
            "analysable_percent": _rounded(self._analysable(0, self.n_frames)),
            "n_beats": len(self.frame),
            **{f"n_{name}": counts.get(symbol, 0) for symbol, name in _COUNTED.items()},
            "mean_bpm": _rounded(60.0 / np.nanmean(self.rr_s) if np.isfinite(self.rr_s).any() else None),
            "min_bpm": _rounded(rate[known].min() if known.any() else None),
            "max_bpm": _rounded(rate[known].max() if known.any() else None),
            "longest_rr_s": _rounded(np.nanmax(self.rr_s) if np.isfinite(self.rr_s).any() else None, 3),
            "episodes": dict(sorted(Counter(e.kind for e in self.episodes).items())),
            "af_burden_percent": _rounded(self.af.burden_percent),
            "marks": [{"frame": frame, "time_s": frame / self.fs_hz, "text": text} for frame, text in self.marks],
            "waves": measures(self.found, self.symbol == "N", self.leads),
            "hrv": asdict(self.hrv()),
            "limits": {name: {"value": value, "source": source} for name, (value, source) in ep.LIMITS.items()},
        }

    def beat_table(self) -> Columns:
        """Return what is known of each beat, a column each: units in the names, wave times from the beat's frame."""
        labels = self.found.beats.labels
        width = labels["width_2ms"].astype(np.float32) * 2
        return {
            "frame": self.frame,
            "time_s": self.frame / self.fs_hz,
            "symbol": self.symbol,
            "rr_ms": self.rr_s * 1000,
            "cluster": labels["cluster"],
            "confidence_percent": labels["confidence"],
            "width_ms": np.where(width > 0, width, np.nan),
            "reasons": labels["reasons"],
            **wave_columns(self.found.waves, self.leads),
        }

    def utc_of(self, frame: int) -> str | None:
        """Time of day of a frame, ISO 8601, if the start is known."""
        if self.start_utc is None:
            return None
        from datetime import datetime

        return (datetime.fromisoformat(self.start_utc) + timedelta(seconds=frame / self.fs_hz)).isoformat(timespec="milliseconds")

    def hrv_windows(self) -> list[Hrv]:
        """Heart rate variability of one window of five minutes after the other."""
        return hrv_windows(self.series)


_COUNTED: Final = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "fusion", "Q": "unclassifiable", "/": "paced"}


def _rounded(value: float | np.floating[Any] | None, digits: int = 2) -> float | None:
    return None if value is None else round(float(value), digits)


def _rising(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Two beats whose middles were put in the wrong order are put where they meet."""
    return np.maximum.accumulate(values)


def _union(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, after in sorted(spans):
        if out and first <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], after)
        else:
            out.append((first, after))
    return out


def analyze_signal(signal: Signal, progress: Progress | None = None) -> Analysis:
    """Analyse a signal that is open already."""
    found = find_beats(signal, progress)
    return Analysis(
        name=signal.name,
        leads=signal.leads,
        fs_hz=signal.fs_hz,
        n_frames=signal.n_frames,
        start_utc=signal.start_utc.isoformat() if signal.start_utc else None,
        marks=tuple((mark.frame, mark.text) for mark in signal.marks),
        gaps=tuple(_union(signal.gaps)),
        found=found,
    )


def analyze(
    source: str | os.PathLike[str], *, session: str | int | None = None, progress: Progress | None = None, key: bytes | None = None
) -> Analysis:
    """Analyse anything `octolead.open` reads, any WFDB record, or a DICOM waveform.

    Args:
        source: the recording.
        session: which one, where there are several; default: the latest.
        progress: called with (frames done, frames).
        key: the recorder's, for an enciphered recording.

    Raises:
        SourceError, ImportRefused: it cannot be read.
        ValueError: a rate outside 100 to 2000 samples/s.
    """
    with open_signal(source, session=session, key=key) as signal:
        return analyze_signal(signal, progress)
