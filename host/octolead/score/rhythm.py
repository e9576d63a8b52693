# SPDX-License-Identifier: Apache-2.0
"""Atrial fibrillation by duration: what part of the reference's AF was found, and what part of what was found is AF (EC57 4.3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .annotations import Annotations
from .beats import percent

Stretches = npt.NDArray[np.int64]
AF_NAMES: Final = frozenset({"AFIB", "AF"})
"""Names of AF in rhythm annotations: AFIB, and AF in the Creighton University database. Flutter (AFL) is not AF here."""


@dataclass(frozen=True)
class AfScore:
    """Seconds of AF and of everything else, right and wrong."""

    tp_s: float = 0.0
    fn_s: float = 0.0
    fp_s: float = 0.0
    tn_s: float = 0.0

    def __add__(self, other: AfScore) -> AfScore:
        return AfScore(self.tp_s + other.tp_s, self.fn_s + other.fn_s, self.fp_s + other.fp_s, self.tn_s + other.tn_s)

    def as_dict(self) -> dict[str, Any]:
        """Seconds, and sensitivity, positive predictivity and specificity in percent."""
        return {
            **vars(self),
            "se_percent": percent(self.tp_s, self.tp_s + self.fn_s),
            "ppv_percent": percent(self.tp_s, self.tp_s + self.fp_s),
            "sp_percent": percent(self.tn_s, self.tn_s + self.fp_s),
            "burden_reference_percent": percent(self.tp_s + self.fn_s, self.tp_s + self.fn_s + self.fp_s + self.tn_s),
            "burden_test_percent": percent(self.tp_s + self.fp_s, self.tp_s + self.fn_s + self.fp_s + self.tn_s),
        }


def af_stretches(annotations: Annotations, stop: int) -> Stretches:
    """Stretches of AF in rhythm annotations, int64 (n, 2), stop excluded."""
    found = [(start, end) for start, end, name in annotations.rhythms(stop) if name in AF_NAMES]
    return np.array(found, np.int64).reshape(-1, 2)


def score_af(reference: Stretches, test: Stretches, scored: tuple[int, int], fs_hz: float) -> AfScore:
    """Compare stretches of AF within the frames `scored` (stop excluded).

    >>> score_af(np.array([[0, 100]]), np.array([[50, 120]]), (0, 200), 10.0)
    AfScore(tp_s=5.0, fn_s=5.0, fp_s=2.0, tn_s=8.0)
    """
    first, last = scored
    ref, found = merged(reference, first, last), merged(test, first, last)
    both = _overlap(ref, found)
    in_ref, in_test, whole = _length(ref), _length(found), max(0, last - first)
    return AfScore(*(n / fs_hz for n in (both, in_ref - both, in_test - both, whole - in_ref - in_test + both)))


def merged(stretches: Stretches, first: int, last: int) -> list[tuple[int, int]]:
    """The same stretches, cut to `first`..`last`, in order, those that touch made one."""
    result: list[tuple[int, int]] = []
    for start, stop in sorted((max(first, a), min(last, b)) for a, b in stretches.tolist()):
        if stop <= start:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def _length(stretches: list[tuple[int, int]]) -> int:
    return sum(stop - start for start, stop in stretches)


def _overlap(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> int:
    total = i = j = 0
    while i < len(one) and j < len(other):
        total += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return total
