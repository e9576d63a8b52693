# SPDX-License-Identifier: Apache-2.0
"""Rhythm from beats: pauses, fast and slow stretches, couplets, runs, bigeminy and trigeminy, AF, and what cannot be judged.

Limits stand in `LIMITS` with where they come from; none of them is a diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ..af import AfResult

PAUSE_S: Final = 2.0
BRADY_BPM: Final = 50.0
TACHY_BPM: Final = 120.0
VT_BPM: Final = 100.0
SUSTAINED_S: Final = 30.0
RATE_BEATS: Final = 8
"""A rate is that of eight intervals: one long or short one is no brady- or tachycardia."""

LIMITS: Final = {
    "pause_s": (PAUSE_S, "customary in Holter reports; 3 s is the one of pacing guidelines (ESC 2021, doi:10.1093/eurheartj/ehab364)"),
    "bradycardia_bpm": (BRADY_BPM, "ACC/AHA/HRS 2018, doi:10.1161/CIR.0000000000000628; over 8 intervals"),
    "tachycardia_bpm": (TACHY_BPM, "customary in Holter reports; the definition of sinus tachycardia is 100; over 8 intervals"),
    "vt_bpm": (VT_BPM, "three ventricular beats and more, over 100 a minute: AHA/ACC/HRS 2017, doi:10.1161/CIR.0000000000000549"),
    "sustained_s": (SUSTAINED_S, "AHA/ACC/HRS 2017, doi:10.1161/CIR.0000000000000549"),
    "asystole_s": (3.0, "no beat for so long in a signal that could show one; of the detector"),
}
"""Each limit and where it comes from."""

Frames = npt.NDArray[np.int64]
Classes = npt.NDArray[np.str_]
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Episode:
    """A stretch of the recording: `kind`, frames from its first to after its last, and numbers with units in their names."""

    kind: str
    start_frame: int
    stop_frame: int
    facts: dict[str, float | int | str] = field(default_factory=dict)


def intervals_s(frame: Frames, fs_hz: float, gaps: Spans) -> npt.NDArray[np.float64]:
    """Return the RR interval that ends at each beat; NaN for the first one and over a gap.

    >>> intervals_s(np.array([0, 500, 1500]), 500.0, [(600, 700)]).tolist()
    [nan, 1.0, nan]
    """
    out = np.full(len(frame), np.nan)
    out[1:] = np.diff(frame) / fs_hz
    for first, after in gaps:
        out[1:][(frame[:-1] < after) & (frame[1:] > first)] = np.nan
    return out


def pauses(frame: Frames, rr_s: npt.NDArray[np.float64]) -> list[Episode]:
    """Intervals of two seconds and more."""
    return [
        Episode("pause", int(frame[k - 1]), int(frame[k]), {"rr_s": round(float(rr_s[k]), 3)})
        for k in np.flatnonzero(np.nan_to_num(rr_s) >= PAUSE_S)
    ]


def rates_bpm(rr_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rate over the eight intervals that end at each beat; NaN where they are not all known."""
    if len(rr_s) < RATE_BEATS:
        return np.full(len(rr_s), np.nan)
    sums = np.convolve(np.nan_to_num(rr_s), np.ones(RATE_BEATS), "full")[: len(rr_s)]
    known = np.convolve(np.isfinite(rr_s).astype(float), np.ones(RATE_BEATS), "full")[: len(rr_s)] > RATE_BEATS - 0.5
    return np.where(known, 60.0 * RATE_BEATS / np.where(known, sums, 1.0), np.nan)


def rate_episodes(frame: Frames, rr_s: npt.NDArray[np.float64]) -> list[Episode]:
    """Stretches below 50 and from 120 beats a minute on, over eight intervals; those that overlap are one."""
    rate = rates_bpm(rr_s)
    found = []
    for kind, where in (("bradycardia", rate < BRADY_BPM), ("tachycardia", rate >= TACHY_BPM)):
        covered = np.convolve(where, np.ones(RATE_BEATS), "full")[RATE_BEATS - 1 :] > 0.5 if len(where) else where
        for first, after in stretches(covered):
            mean = float(np.mean(rate[first:after][where[first:after]]))
            facts: dict[str, float | int | str] = {"mean_bpm": round(mean, 1), "n_beats": after - first + 1}
            found.append(Episode(kind, int(frame[first - 1]), int(frame[after - 1]), facts))
    return found


def ectopic_runs(frame: Frames, classes: Classes, rr_s: npt.NDArray[np.float64], kind: str) -> list[Episode]:
    """Couplets and runs of one class (V or S); a ventricular run of three and more at 100 beats a minute and more is VT."""
    found = []
    joined = np.isfinite(rr_s)
    for first, after in stretches(classes == kind):
        for begin, end in _unbroken(first, after, joined):
            n = end - begin
            if n < 2:
                continue
            bpm = 60.0 / float(np.mean(rr_s[begin + 1 : end]))
            name = f"{kind.lower()}-couplet" if n == 2 else _run_name(kind, bpm)
            facts: dict[str, float | int | str] = {"n_beats": n, "rate_bpm": round(bpm, 1)}
            if float(np.sum(rr_s[begin + 1 : end])) >= SUSTAINED_S:
                facts["sustained"] = 1
            found.append(Episode(name, int(frame[begin]), int(frame[end - 1]), facts))
    return found


def _run_name(kind: str, bpm: float) -> str:
    if kind == "V":
        return "vt" if bpm >= VT_BPM else "idioventricular-run"
    return "svt" if bpm >= VT_BPM else "supraventricular-run"


def _unbroken(first: int, after: int, joined: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Cut first..after where an interval is not known."""
    cuts = [first, *[k for k in range(first + 1, after) if not joined[k]], after]
    return list(pairwise(cuts))


def geminy(frame: Frames, classes: Classes, period: int) -> list[Episode]:
    """Bigeminy (period 2) and trigeminy (3): every second or third beat ventricular, three times and more."""
    name = {2: "bigeminy", 3: "trigeminy"}[period]
    symbol = np.where(np.asarray(classes) == "V", b"V", b"n").tobytes()
    unit = b"n" * (period - 1) + b"V"
    found, at = [], 0
    while (at := symbol.find(unit * 3, at)) >= 0:
        end = at + 3 * period
        while symbol.startswith(unit, end):
            end += period
        found.append(Episode(name, int(frame[at]), int(frame[end - 1]), {"n_beats": end - at}))
        at = end
    return found


def af_episodes(result: AfResult) -> list[Episode]:
    """Atrial fibrillation, from irregular RR (flutter with a steady conduction is not seen by it)."""
    return [Episode("af", e.start_frame, e.stop_frame, {"mean_bpm": round(e.rate_bpm, 1)}) for e in result.episodes]


def stretches(where: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, after) of each run of True.

    >>> stretches(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], where.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
