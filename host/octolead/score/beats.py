# SPDX-License-Identifier: Apache-2.0
"""Beat-by-beat comparison after ANSI/AAMI EC57: the matrix of reference and test classes, and what follows from it.

Rows are the reference's classes N S V F Q and O (no beat there), columns the test's and O (missed).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .annotations import Annotations, Beats, inside_any
from .matching import match, window_frames

WINDOW_MS: Final = 150.0
LEARNING_S: Final = 300.0
ROWS: Final = "NSVFQO"
Matrix = npt.NDArray[np.int64]


def percent(part: float, whole: float) -> float | None:
    """A share in percent; None where it is not defined."""
    return 100.0 * part / whole if whole > 0 else None


@dataclass(frozen=True)
class ClassScore:
    """Counts of one class of beats (VEB or SVEB): true and false positives, false and true negatives."""

    tp: int
    fn: int
    fp: int
    tn: int

    def as_dict(self) -> dict[str, Any]:
        """Counts, sensitivity, positive predictivity and false positive rate in percent."""
        return {
            **vars(self),
            "se_percent": percent(self.tp, self.tp + self.fn),
            "ppv_percent": percent(self.tp, self.tp + self.fp),
            "fpr_percent": percent(self.fp, self.fp + self.tn),
        }


@dataclass(frozen=True)
class BeatScore:
    """The matrix of one record, or the sum of several.

    Attributes:
        matrix: int64 (6, 6), reference by test in the order of `ROWS`.
        offset_sum_ms, offset_square_ms2: sums over matched beats of test minus reference.
    """

    matrix: Matrix = field(default_factory=lambda: np.zeros((6, 6), np.int64))
    offset_sum_ms: float = 0.0
    offset_square_ms2: float = 0.0

    def __add__(self, other: BeatScore) -> BeatScore:
        return BeatScore(
            self.matrix + other.matrix,
            self.offset_sum_ms + other.offset_sum_ms,
            self.offset_square_ms2 + other.offset_square_ms2,
        )

    @property
    def tp(self) -> int:
        """Beats that were found."""
        return int(self.matrix[:5, :5].sum())

    @property
    def fn(self) -> int:
        """Beats that were missed."""
        return int(self.matrix[:5, 5].sum())

    @property
    def fp(self) -> int:
        """Detections where no beat is."""
        return int(self.matrix[5, :5].sum())

    def veb(self) -> ClassScore:
        """Ventricular ectopic beats. A fusion or unclassifiable beat called V is neither right nor wrong (EC57 4.3.3.2)."""
        return self._class("V", left_out="FQ")

    def sveb(self) -> ClassScore:
        """Supraventricular ectopic beats. An unclassifiable beat called S is neither right nor wrong."""
        return self._class("S", left_out="Q")

    def _class(self, name: str, left_out: str) -> ClassScore:
        k = ROWS.index(name)
        m = self.matrix
        counted = [i for i, row in enumerate(ROWS) if row != name and row not in left_out]
        others = [i for i in range(5) if i != k]
        negatives = [i for i in range(6) if i != k]
        return ClassScore(
            tp=int(m[k, k]),
            fn=int(m[k].sum() - m[k, k]),
            fp=int(m[counted, k].sum()),
            tn=int(m[np.ix_(negatives, others)].sum()),
        )

    def as_dict(self, *, classes: bool) -> dict[str, Any]:
        """All numbers; those of the classes only where the test has any."""
        tp, fn, fp = self.tp, self.fn, self.fp
        mean = self.offset_sum_ms / tp if tp else None
        spread = max(0.0, self.offset_square_ms2 / tp - mean**2) ** 0.5 if mean is not None else None
        qrs = {
            "beats": tp + fn,
            "tp": tp,
            "fn": fn,
            "fp": fp,
            "se_percent": percent(tp, tp + fn),
            "ppv_percent": percent(tp, tp + fp),
            "der_percent": percent(fn + fp, tp + fn),
            "offset_mean_ms": mean,
            "offset_sd_ms": spread,
        }
        if not classes:
            return {"qrs": qrs}
        matrix = {row: dict(zip(ROWS, map(int, self.matrix[i]), strict=True)) for i, row in enumerate(ROWS)}
        return {"qrs": qrs, "veb": self.veb().as_dict(), "sveb": self.sveb().as_dict(), "matrix": matrix}


def score_beats(
    reference: Annotations,
    test: Beats,
    fs_hz: float,
    *,
    start_s: float = 0.0,
    stop_frame: int | None = None,
    window_ms: float = WINDOW_MS,
    escapes_as: str = "N",
) -> BeatScore:
    """Compare the beats of one record.

    All beats are matched first and then counted, so a pair astride `start_s` counts where its reference beat stands.

    Args:
        reference: the reference annotations; between `[` and `]` neither missed nor extra beats count.
        test: the beats to score, within VF or not.
        fs_hz: clock of both.
        start_s: only what stands at or after this time counts (300 s: without EC57's learning period).
        stop_frame: only what stands before this frame counts; None: all.
        window_ms: the match window.
        escapes_as: class of escape beats in reference and test, N or S.
    """
    ref = reference.beats()
    found = match(ref.frame, test.frame, window_frames(window_ms, fs_hz))
    ref_class = np.array([ROWS.index(c) for c in ref.classes(escapes_as).tolist()], np.int64)
    test_class = np.array([ROWS.index(c) for c in test.classes(escapes_as).tolist()], np.int64)
    first = start_s * fs_hz
    last = stop_frame if stop_frame is not None else np.iinfo(np.int64).max

    def counts(frames: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return np.asarray((frames >= first) & (frames < last))

    pairs = found.pairs[counts(ref.frame[found.pairs[:, 0]])]
    missed = found.missed[counts(ref.frame[found.missed])]
    extra_frames = test.frame[found.extra]
    extra = found.extra[counts(extra_frames) & ~inside_any(extra_frames, reference.vf())]
    matrix = np.zeros((6, 6), np.int64)
    np.add.at(matrix, (ref_class[pairs[:, 0]], test_class[pairs[:, 1]]), 1)
    matrix[:, 5] += np.bincount(ref_class[missed], minlength=6)
    matrix[5] += np.bincount(test_class[extra], minlength=6)
    offset_ms = (test.frame[pairs[:, 1]] - ref.frame[pairs[:, 0]]) * (1000.0 / fs_hz)
    return BeatScore(matrix, float(offset_ms.sum()), float((offset_ms**2).sum()))
