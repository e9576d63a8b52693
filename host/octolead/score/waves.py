# SPDX-License-Identifier: Apache-2.0
"""Boundaries of P, QRS and T against those of cardiologists (LUDB, QTDB).

A wave is marked `(` peak `)`, the peak by `p`, a beat's symbol or `t` (https://physionet.org/content/ludb/1.0.1/,
https://physionet.org/content/qtdb/1.0.0/). What is scored:

- a boundary of the test counts as right where it pairs with one of the reference's within the tolerance (`matching.match`);
- an unpaired one counts as wrong only within the annotated stretch: from the first to the last mark of the reference in that lead, and,
  where the reference skips beats (QTDB), not in a hole of more than 1.2 times the median distance of its QRS;
- nor does it count where its wave pairs with a wave of the reference that has no such boundary (T onsets in QTDB);
- tolerances are 150 ms (AAMI), and 50 ms for P, 40 ms for QRS onset, 50 ms for QRS end, 100 ms for T.

Macro-F1 is the mean F1 of the six boundaries P on, P end, QRS on, QRS end, T on, T end at the narrow tolerances.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .annotations import AAMI, Annotations
from .beats import percent
from .matching import match, window_frames

NONE: Final = -1
KINDS: Final = ("P", "QRS", "T")
BOUNDARIES: Final = ("P on", "P end", "QRS on", "QRS end", "T on", "T end")
WIDE_MS: Final = 150.0
NARROW_MS: Final = {"P on": 50.0, "P end": 50.0, "QRS on": 40.0, "QRS end": 50.0, "T on": 100.0, "T end": 100.0}
_HOLE: Final = 1.2
_SYMBOLS: Final = {"p": "P", "t": "T"}


@dataclass(frozen=True)
class Waves:
    """Waves of one kind in one lead: int64 frames of onset, peak and end, -1 where there is none."""

    onset: npt.NDArray[np.int64]
    peak: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


Lead = dict[str, Waves]
"""Waves by kind: P, QRS, T."""


@dataclass(frozen=True)
class BoundaryScore:
    """Counts of one boundary at both tolerances, and the sums of its errors (test minus reference) at the wide one."""

    tp_wide: int = 0
    tp_narrow: int = 0
    n_ref: int = 0
    fp_wide: int = 0
    fp_narrow: int = 0
    error_sum_ms: float = 0.0
    error_square_ms2: float = 0.0

    def __add__(self, other: BoundaryScore) -> BoundaryScore:
        return BoundaryScore(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def as_dict(self) -> dict[str, Any]:
        """Se, +P and F1 in percent at both tolerances, mean ± SD in ms."""
        mean = self.error_sum_ms / self.tp_wide if self.tp_wide else None
        spread = max(0.0, self.error_square_ms2 / self.tp_wide - mean**2) ** 0.5 if mean is not None else None
        result: dict[str, Any] = {"n_reference": self.n_ref, "error_mean_ms": mean, "error_sd_ms": spread}
        for name, tp, fp in (("150_ms", self.tp_wide, self.fp_wide), ("narrow", self.tp_narrow, self.fp_narrow)):
            result[name] = {
                "tp": tp,
                "fn": self.n_ref - tp,
                "fp": fp,
                "se_percent": percent(tp, self.n_ref),
                "ppv_percent": percent(tp, tp + fp),
                "f1_percent": percent(2 * tp, self.n_ref + tp + fp),
            }
        return result


@dataclass(frozen=True)
class WaveScore:
    """The six boundaries of one lead, or summed over several."""

    boundaries: dict[str, BoundaryScore] = field(default_factory=lambda: {name: BoundaryScore() for name in BOUNDARIES})

    def __add__(self, other: WaveScore) -> WaveScore:
        return WaveScore({name: self.boundaries[name] + other.boundaries[name] for name in BOUNDARIES})

    def macro_f1(self, tolerance: str = "narrow") -> float | None:
        """Mean F1 in percent of the boundaries that the reference marks."""
        scores = [b.as_dict()[tolerance]["f1_percent"] for b in self.boundaries.values() if b.n_ref]
        return sum(scores) / len(scores) if scores else None

    def as_dict(self) -> dict[str, Any]:
        """All boundaries and the macro-F1."""
        return {
            "boundaries": {name: b.as_dict() for name, b in self.boundaries.items()},
            "macro_f1_narrow_percent": self.macro_f1("narrow"),
            "macro_f1_150_ms_percent": self.macro_f1("150_ms"),
        }


def waves_of(annotations: Annotations) -> Lead:
    """Waves in an annotation file; `(` belongs to the next peak, `)` to the one before."""
    found: dict[str, list[list[int]]] = {kind: [] for kind in KINDS}
    onset: int = NONE
    last: list[int] | None = None
    for frame, symbol in zip(annotations.frame.tolist(), annotations.symbol.tolist(), strict=True):
        if symbol == "(":
            onset, last = frame, None
        elif symbol == ")":
            if last is not None:
                last[2] = frame
            onset, last = NONE, None
        else:
            kind = _SYMBOLS.get(symbol, "QRS" if symbol in AAMI else None)
            last = [onset, frame, NONE]
            onset = NONE
            if kind is not None:
                found[kind].append(last)
    arrays = {kind: np.array(rows, np.int64).reshape(-1, 3) for kind, rows in found.items()}
    return {kind: Waves(*(rows[:, k].copy() for k in range(3))) for kind, rows in arrays.items()}


def score_lead(reference: Lead, test: Lead, fs_hz: float, *, skips_beats: bool = False) -> WaveScore:
    """Score one lead; `skips_beats`: the reference marks only some of the beats."""
    stretches = _stretches(reference, skips_beats)
    result: dict[str, BoundaryScore] = {}
    for kind in KINDS:
        ref, found = reference[kind], test[kind]
        paired = match(ref.peak, found.peak, window_frames(WIDE_MS, fs_hz)).pairs
        for name, side in ((f"{kind} on", "onset"), (f"{kind} end", "end")):
            wanted = getattr(ref, side)
            there = getattr(found, side)
            unknown = np.zeros(len(there), np.bool_)
            unknown[paired[wanted[paired[:, 0]] == NONE, 1]] = True
            result[name] = _score_side(wanted[wanted != NONE], there, (there == NONE) | unknown, name, fs_hz, stretches)
    return WaveScore(result)


def _score_side(
    ref: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    left_out: npt.NDArray[np.bool_],
    name: str,
    fs_hz: float,
    stretches: npt.NDArray[np.int64],
) -> BoundaryScore:
    ref, test = np.sort(ref), np.sort(test[~left_out])
    wide = match(ref, test, window_frames(WIDE_MS, fs_hz))
    narrow = match(ref, test, window_frames(NARROW_MS[name], fs_hz))
    error_ms = (test[wide.pairs[:, 1]] - ref[wide.pairs[:, 0]]) * (1000.0 / fs_hz)
    return BoundaryScore(
        tp_wide=len(wide.pairs),
        tp_narrow=len(narrow.pairs),
        n_ref=len(ref),
        fp_wide=_inside(test[wide.extra], stretches),
        fp_narrow=_inside(test[narrow.extra], stretches),
        error_sum_ms=float(error_ms.sum()),
        error_square_ms2=float((error_ms**2).sum()),
    )


def _inside(frames: npt.NDArray[np.int64], stretches: npt.NDArray[np.int64]) -> int:
    if not len(frames) or not len(stretches):
        return 0
    return int(((frames[:, None] >= stretches[:, 0]) & (frames[:, None] <= stretches[:, 1])).any(axis=1).sum())


def _stretches(reference: Lead, skips_beats: bool) -> npt.NDArray[np.int64]:
    marks = np.unique(np.concatenate([side for w in reference.values() for side in (w.onset, w.peak, w.end)]))
    marks = marks[marks != NONE]
    if not len(marks):
        return np.zeros((0, 2), np.int64)
    qrs = reference["QRS"].peak
    limit = _HOLE * float(np.median(np.diff(qrs))) if skips_beats and len(qrs) > 1 else np.inf
    breaks = np.flatnonzero(np.diff(marks) > limit)
    starts, stops = np.r_[marks[0], marks[breaks + 1]], np.r_[marks[breaks], marks[-1]]
    return np.stack((starts, stops), axis=1)
