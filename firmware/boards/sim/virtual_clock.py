# SPDX-License-Identifier: Apache-2.0
"""The simulator's clock: real time, or virtual time in which sleeping advances the clock at once.

Virtual time replaces asyncio's `ticks` and its wait for I/O, so the firmware's own tasks run unchanged. The compiled
part of asyncio still stamps tasks that are woken by events with the real clock; virtual time begins 2^40 ms later, so
those count as due at once. Tasks that sleep are ordered by virtual time alone, and a run is repeatable.

What goes on by itself on a board goes on here whenever time has passed: `passed` is called (the ring fills under a
reader that is busy), and the watchdog bites when its time is over, in the middle of whatever was being done.
"""

import time

_BASE_US = (1 << 40) * 1000


class WatchdogReset(Exception):
    """The virtual watchdog was not fed for too long: the board resets here, whatever it was doing."""


class RealTicks:
    """Real time."""

    def __init__(self):
        self.ms = time.ticks_ms
        self.us = time.ticks_us
        self.diff = time.ticks_diff
        self.sleep_ms = time.sleep_ms
        self.sleep_us = time.sleep_us

    def install(self):
        """Nothing to replace."""


class FastTicks:
    """Real time, `speed` times as fast for the signal and the card; the tasks of the app wait in real time."""

    def __init__(self, speed):
        self._speed = speed
        self._began_us = time.ticks_us()
        self.passed = None

    def us(self):
        """Return microseconds."""
        return int(time.ticks_diff(time.ticks_us(), self._began_us) * self._speed)

    def ms(self):
        """Return milliseconds."""
        return self.us() // 1000

    def diff(self, a, b):
        """Return a - b."""
        return a - b

    def sleep_us(self, us):
        """Wait."""
        time.sleep_us(int(us / self._speed))

    def sleep_ms(self, ms):
        """Wait."""
        self.sleep_us(1000 * ms)

    def install(self):
        """Nothing to replace."""


class VirtualTicks:
    """Virtual time; `now_us` only ever grows by sleeping."""

    def __init__(self):
        self.now_us = _BASE_US
        self.passed = None
        self._bites_us = 0

    def watch(self, limit_ms):
        """Reset the board after so many milliseconds, unless this is called again before."""
        self._bites_us = self.now_us + limit_ms * 1000

    def _pass(self, until_us):
        bites = self._bites_us
        if bites and until_us >= bites:
            until_us = bites
        self.now_us = until_us
        if self.passed:
            self.passed()
        if until_us == bites:
            self._bites_us = 0
            raise WatchdogReset("the watchdog was not fed")

    def us(self):
        """Return microseconds."""
        return self.now_us

    def ms(self):
        """Return milliseconds."""
        return self.now_us // 1000

    def diff(self, a, b):
        """Return a - b."""
        return a - b

    def sleep_us(self, us):
        """Let time pass."""
        self._pass(self.now_us + us)

    def sleep_ms(self, ms):
        """Let time pass."""
        self._pass(self.now_us + ms * 1000)

    def install(self):
        """Make asyncio run on this clock."""
        import asyncio.core as core

        def wait_io_event(_, ms):
            if ms > 0:
                self._pass((self.now_us // 1000 + ms) * 1000)

        core.ticks = self.ms
        core.IOQueue.wait_io_event = wait_io_event
