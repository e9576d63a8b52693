# SPDX-License-Identifier: Apache-2.0
"""Does the converter still do what it was told, while it converts?

Its registers cannot be read without leaving continuous mode (SDATAC), which would cost frames: so they are read back when they
are written and again when a session stops (recorder.py), never in between. What is seen in between is its rate: a converter
that lost its settings (a dip of its supply) goes on at 250 samples/s, its reset value, with status words that look sound.
"""

from .capture import MASK

LOOK_MS = 10000
_PART = 20  # of the frames due, that may be missing or too many


class RateWatch:
    """Compares the capture's counter with the clock, LOOK_MS at a time. `ticks` has ms() and diff()."""

    def __init__(self, rate_hz, ticks):
        self._rate_hz = rate_hz
        self._ticks = ticks
        self._began_ms = None
        self._counter = 0
        self.wrong = 0  # times that the rate was not the one that was set

    def look(self, counter):
        """Take the counter of the next frame to come; True when over the last LOOK_MS the rate was another one."""
        now_ms = self._ticks.ms()
        if self._began_ms is None:
            self._begin(now_ms, counter)
            return False
        passed_ms = self._ticks.diff(now_ms, self._began_ms)
        if passed_ms < LOOK_MS:
            return False
        due = passed_ms * self._rate_hz // 1000
        off = (counter - self._counter & MASK) - due
        self._begin(now_ms, counter)
        if abs(off) <= due // _PART:
            return False
        self.wrong += 1
        return True

    def _begin(self, now_ms, counter):
        self._began_ms = now_ms
        self._counter = counter
