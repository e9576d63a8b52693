# SPDX-License-Identifier: Apache-2.0
"""The board's watchdog behind recorder/watchdog.py: a budget that only progress refills.

Where the hardware waits for LIMIT_MS itself it is fed directly. Where it cannot (8388 ms on the RP2040, and on ports
that keep that limit), a timer feeds it as long as the budget lasts: LIMIT_MS less what the hardware waits by itself. A
loop in Python that never ends is ended by the budget, a loop in C that lets no timer through by the hardware alone.
A watchdog of this hardware cannot be stopped, so whoever is idle feeds it for being alive (`parts/box.py`).
"""

from recorder.watchdog import LIMIT_MS

SHORT_MS = 8000
TICK_MS = 1000


class Budget:
    """`make_watchdog(timeout_ms)` returns an object with feed() or raises ValueError; `make_timer(period_ms, function)`."""

    def __init__(self, make_watchdog, make_timer, limit_ms=LIMIT_MS):
        self._make_watchdog = make_watchdog
        self._make_timer = make_timer
        self.limit_ms = limit_ms
        self.hardware = None
        self.timer = None
        self.left_ms = 0

    def feed(self):
        """Something was done; the first call starts the watchdog."""
        if self.hardware is None:
            self._begin()
        self.left_ms = self.limit_ms - SHORT_MS
        self.hardware.feed()

    def _begin(self):
        try:
            self.hardware = self._make_watchdog(self.limit_ms)
        except ValueError:  # longer than the hardware counts
            self.hardware = self._make_watchdog(SHORT_MS)
            self.timer = self._make_timer(TICK_MS, self._tick)

    def _tick(self, _):
        if self.left_ms >= TICK_MS:
            self.left_ms -= TICK_MS
            self.hardware.feed()
