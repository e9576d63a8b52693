# SPDX-License-Identifier: Apache-2.0
"""The simulator's watchdog: not fed for `limit_ms` of virtual time, it ends the run with WatchdogReset.

What a board does then, the simulator's caller does: run it again with reset_cause "watchdog".
"""


class VirtualWatchdog:
    """Begins to count at the first feeding; needs virtual time."""

    def __init__(self, ticks, limit_ms):
        self.ticks = ticks
        self.limit_ms = limit_ms

    def feed(self):
        """Put the reset off."""
        self.ticks.watch(self.limit_ms)
