# SPDX-License-Identifier: Apache-2.0
"""Time of day as observations beside the frame counter. Nothing is corrected: an anchor is kept as it was made.

The uncertainty is that of the observation. How it grows with the distance from it (20 ppm of the crystal) is the
reader's business.
"""

import time

from . import constants as c


class Anchors:
    """The latest time anchor of a session, as the block header carries it."""

    def __init__(self):
        self.latest = (0, c.ANCHOR_UNKNOWN, c.UNCERTAINTY_UNKNOWN)

    def known(self):
        """True once time of day was set."""
        return self.latest[1] != c.ANCHOR_UNKNOWN

    def observe(self, frame, utc_us, uncertainty_ms):
        """Keep an observation; an older frame than the latest is refused."""
        if self.known() and frame < self.latest[0]:
            return False
        self.latest = (frame, utc_us, uncertainty_ms)
        return True


class SystemTicks:
    """Milliseconds and microseconds that wrap, and blocking sleeps, from MicroPython's `time`."""

    def __init__(self):
        self.ms = time.ticks_ms
        self.us = time.ticks_us
        self.diff = time.ticks_diff
        self.sleep_ms = time.sleep_ms
        self.sleep_us = time.sleep_us
