# SPDX-License-Identifier: Apache-2.0
"""Waves are measured behind the detector, in a thread of their own: by an analyzer that is told the beats."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..native.ahead import Seconds
from ..native.analyzer import DELINEATE, Analyzer
from ..native.waves import OVERALL_DTYPE, overall
from .signal import Signal

_MOST_WAITING: Final = 2
"""Stretches that may wait to be followed: memory stays bounded where waves are slower than the rest."""


@dataclass(frozen=True)
class Stretch:
    """Seconds that were made, and what comes after them.

    Attributes:
        seconds: of `octolead.native.ahead`, in order.
        gap: frames missing after them, 0 at the end of the recording; None: the next follow without a gap.
        n_frames: frames of the signal that are behind them, the gap's among them.
    """

    seconds: list[Seconds]
    gap: int | None
    n_frames: int


class WaveFollower:
    """Measures the waves of the beats another analyzer finds in the same seconds."""

    def __init__(self, signal: Signal, thread: Executor) -> None:
        lead_i, lead_ii = (signal.leads.index(name) if name in signal.leads else None for name in ("I", "II"))
        self._analyzer = Analyzer(signal.fs_hz, len(signal.leads), stages=DELINEATE, lead_i=lead_i, lead_ii=lead_ii)
        self._thread, self._jobs = thread, deque[Future[None]]()
        self._parts: deque[Seconds | int] = deque()  # seconds, and the gaps between them
        self._beats = np.zeros(0)
        self._n_done = 0
        self._waves: list[npt.NDArray[Any]] = []

    def follow(self, stretch: Stretch, beats: npt.NDArray[np.float64], n_decided: int) -> None:
        """Take the next stretch, the beats found since, and how many seconds in all are decided."""
        self._jobs.append(self._thread.submit(self._follow, stretch, beats, n_decided))
        while len(self._jobs) > _MOST_WAITING:
            self._jobs.popleft().result()

    def waves(self) -> npt.NDArray[Any]:
        """Return the waves of all beats, once all is followed: `OVERALL_DTYPE`."""
        while self._jobs:
            self._jobs.popleft().result()
        return np.concatenate(self._waves) if self._waves else np.zeros(0, OVERALL_DTYPE)

    def _follow(self, stretch: Stretch, beats: npt.NDArray[np.float64], n_decided: int) -> None:
        self._beats = np.concatenate((self._beats, beats))
        self._parts.extend(stretch.seconds)
        if stretch.gap is not None:
            self._parts.append(stretch.gap)
        while self._parts and self._take(self._parts.popleft(), n_decided):
            pass
        self._waves.append(overall(self._analyzer.found().waves))

    def _take(self, part: Seconds | int, n_decided: int) -> bool:
        """Follow a part as far as it is decided; what is not goes back. False when nothing more is."""
        self._beats = self._beats[self._analyzer.tell_all(self._beats) :]
        if isinstance(part, int):
            self._analyzer.gap(part)
            return True
        n = min(len(part), n_decided - self._n_done)
        self._analyzer.push_seconds(part[:n])
        self._n_done += n
        if n < len(part):
            self._parts.appendleft(part[n:])
        return n > 0
