# SPDX-License-Identifier: Apache-2.0
"""What gives way while the ring of frames fills, and in which order. The record itself never does.

Live frames go first, then the heart rate that is found on board, then checkpoints.
Whoever does one of these things asks first:  if session.load.gives_way(HEART_RATE): return

The level is the number of things that give way now. It rises at once, when the frames that wait reach an eighth, a
quarter and half of the ring; it falls by one after CALM_LOOKS looks in a row, a second of polls, that find less than half
of that.
"""

from array import array

LIVE = 0
HEART_RATE = 1
CHECKPOINT = 2
NAMES = ("live", "heart_rate", "checkpoint")
CALM_LOOKS = 10
_PARTS = (8, 4, 2)  # of the ring


class Load:
    """The level of a session. `capacity` of the ring in frames; nothing is allocated by `look` and `gives_way`."""

    def __init__(self, capacity):
        self.level = 0
        self.peak_frames = 0  # most that ever waited
        self.entered = array("I", [0] * len(NAMES))  # how often the level came to 1, 2, 3
        self.shed = array("I", [0] * len(NAMES))  # how often each thing gave way
        self._rises = array("I", [capacity // part for part in _PARTS])
        self._calm = 0

    def look(self, waiting):
        """Take note of the frames that wait in the ring, at each poll that finds any."""
        if waiting > self.peak_frames:
            self.peak_frames = waiting
        level = self.level
        while level < len(NAMES) and waiting >= self._rises[level]:
            self.entered[level] += 1
            level += 1
        if level != self.level or (level and waiting >= self._rises[level - 1] >> 1):
            self._calm = 0
        elif level:
            self._calm += 1
            if self._calm == CALM_LOOKS:
                self._calm = 0
                level -= 1
        self.level = level

    def gives_way(self, thing):
        """Return True, and count it, when `thing` is to be left out now."""
        if self.level <= thing:
            return False
        self.shed[thing] += 1
        return True

    def status(self):
        """Return plain values for the recorder's status."""
        return {
            "level": self.level,
            "giving_way": list(NAMES[: self.level]),
            "entered": dict(zip(NAMES, self.entered)),
            "shed": dict(zip(NAMES, self.shed)),
            "ring_peak_frames": self.peak_frames,
        }
