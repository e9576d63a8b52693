# SPDX-License-Identifier: Apache-2.0
"""P peaks against those that were put by hand (files `.pwave` of the MIT-BIH Arrhythmia Database P-Wave Annotations).

https://physionet.org/content/pwave/1.0.0/. A peak of the test within 50 ms of one of the reference is right, one to one; a P wave
that no QRS followed counts like any other. Ventricular flutter and fibrillation are left out, as EC57 says of beats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .annotations import inside_any
from .beats import percent
from .matching import match, window_frames

P_REFERENCE: Final = "pwave"
WINDOW_MS: Final = 50.0
Frames = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PScore:
    """P waves found, missed, and found where none is."""

    tp: int = 0
    fn: int = 0
    fp: int = 0

    def __add__(self, other: PScore) -> PScore:
        return PScore(self.tp + other.tp, self.fn + other.fn, self.fp + other.fp)

    def as_dict(self) -> dict[str, Any]:
        """Counts, sensitivity and positive predictivity in percent."""
        return {**vars(self), "se_percent": percent(self.tp, self.tp + self.fn), "ppv_percent": percent(self.tp, self.tp + self.fp)}


def score_p(reference: Frames, test: Frames, fs_hz: float, left_out: Frames) -> PScore:
    """Compare rising frames of P peaks.

    Args:
        reference: put by hand.
        test: found.
        fs_hz: clock of both.
        left_out: int64 (n, 2), stretches that are not scored.

    >>> score_p(np.array([100, 500]), np.array([104, 900]), 360, np.zeros((0, 2), np.int64))
    PScore(tp=1, fn=1, fp=1)
    """
    kept, found = (frames[~inside_any(frames, left_out)] for frames in (reference, np.sort(test)))
    pairs = match(kept, found, window_frames(WINDOW_MS, fs_hz))
    return PScore(len(pairs.pairs), len(pairs.missed), len(pairs.extra))
