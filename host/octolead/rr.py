# SPDX-License-Identifier: Apache-2.0
"""RR intervals of a series of beats, and the normal-to-normal (NN) ones among them, with the reason why each other one is left out.

Nothing is interpolated: an interval that is left out leaves a hole, and a difference is only taken between NN intervals that share a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

MIN_S: Final = 0.25
MAX_S: Final = 3.0
JUMP: Final = 0.20
_AROUND: Final = 5


class Reason(IntEnum):
    """Why an interval is no NN interval."""

    NORMAL = 0
    GAP = 1
    """It reaches over missing or unusable signal."""
    CLASS = 2
    """One of its two beats is not normal (so the coupling interval and the pause of an ectopic beat)."""
    LENGTH = 3
    """Under 0.25 s or over 3 s: no two sinus beats."""
    JUMP = 4
    """More than 20 % from the intervals around it."""


@dataclass(frozen=True)
class RRSeries:
    """Intervals between successive beats.

    Attributes:
        fs_hz: clock of the frames.
        start_frame: int64, the beat each interval begins with.
        stop_frame: int64, the beat it ends with.
        reason: uint8, a `Reason` for each.
    """

    fs_hz: float
    start_frame: npt.NDArray[np.int64]
    stop_frame: npt.NDArray[np.int64]
    reason: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start_frame)

    @property
    def interval_ms(self) -> npt.NDArray[np.float64]:
        """Length of each."""
        return np.asarray((self.stop_frame - self.start_frame) * (1000.0 / self.fs_hz), np.float64)

    @property
    def is_nn(self) -> npt.NDArray[np.bool_]:
        """Which are NN intervals."""
        return np.asarray(self.reason == Reason.NORMAL)

    @property
    def nn_ms(self) -> npt.NDArray[np.float64]:
        """The NN intervals."""
        return np.asarray(self.interval_ms[self.is_nn])

    @property
    def stop_s(self) -> npt.NDArray[np.float64]:
        """The time each interval ends at, from frame 0."""
        return np.asarray(self.stop_frame / self.fs_hz)

    def pairs_ms(self) -> npt.NDArray[np.float64]:
        """NN intervals that share a beat, float64 (n, 2)."""
        both = self.is_nn[:-1] & self.is_nn[1:] & (self.stop_frame[:-1] == self.start_frame[1:])
        length = self.interval_ms
        return np.stack((length[:-1][both], length[1:][both]), axis=1)

    def part(self, start_s: float, stop_s: float) -> RRSeries:
        """Those that end in `start_s` <= t < `stop_s`."""
        first, last = np.searchsorted(self.stop_s, (start_s, stop_s), side="left")
        return RRSeries(self.fs_hz, self.start_frame[first:last], self.stop_frame[first:last], self.reason[first:last])


def rr_series(
    frame: npt.ArrayLike,
    fs_hz: float,
    classes: Sequence[str] | npt.NDArray[np.str_] | None = None,
    gaps: Sequence[tuple[int, int]] = (),
    *,
    jump: float | None = JUMP,
) -> RRSeries:
    """Make the RR series of a recording and mark its NN intervals.

    The rules, in this order: gaps, class, length, jump. The last one is Malik's (Med Biol Eng Comput 1989;27:603-611,
    doi:10.1007/BF02441642): an interval more than 20 % from the one before is left out. Departures from it:

    - it is measured against the median of the nearest two candidates on either side and its own, not against the one before, so that
      the good interval after a bad one stays and a lasting change of rate does not shut everything out;
    - it is measured among the intervals that passed the other rules.

    Args:
        frame: rising frames of the beats.
        fs_hz: their clock.
        classes: AAMI class of each beat (N is normal); None: all count as normal.
        gaps: (start, stop) frames without usable signal.
        jump: the limit as a share; None: no such rule (atrial fibrillation).

    >>> rr_series([0, 400, 800, 1000, 1600, 2000], 500, "NNNVNN").reason.tolist()
    [0, 0, 2, 2, 0]
    """
    beats = np.asarray(frame, np.int64)
    if beats.ndim != 1 or np.any(np.diff(beats) <= 0) or not 0 < fs_hz < np.inf:
        raise ValueError(f"beats must be rising frames without repeats and fs_hz over 0, fs_hz is {fs_hz}")
    start, stop = beats[:-1], beats[1:]
    reason = np.zeros(len(start), np.uint8)
    length_s = (stop - start) / fs_hz
    _mark(reason, (length_s < MIN_S) | (length_s > MAX_S), Reason.LENGTH)
    if classes is not None:
        normal = np.array(list(classes)) == "N"
        if len(normal) != len(beats):
            raise ValueError(f"{len(normal)} classes for {len(beats)} beats")
        reason[~(normal[1:] & normal[:-1])] = Reason.CLASS
    for first, last in gaps:
        reason[(start < last) & (stop > first)] = Reason.GAP
    if jump is not None:
        good = np.flatnonzero(reason == Reason.NORMAL)
        reason[good[_jumps(length_s[good], jump)]] = Reason.JUMP
    return RRSeries(float(fs_hz), start, stop, reason)


def _mark(reason: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_], why: Reason) -> None:
    reason[where & (reason == Reason.NORMAL)] = why


def _jumps(length_s: npt.NDArray[np.float64], limit: float) -> npt.NDArray[np.bool_]:
    """Which are more than `limit` from the median of the five around them (fewer than five intervals: none)."""
    if len(length_s) < _AROUND:
        return np.zeros(len(length_s), np.bool_)
    half = _AROUND // 2
    windows = np.lib.stride_tricks.sliding_window_view(length_s, _AROUND)
    middle = np.median(windows, axis=1)
    around = np.concatenate((np.repeat(middle[:1], half), middle, np.repeat(middle[-1:], half)))
    return np.asarray(np.abs(length_s - around) > limit * around)
