# SPDX-License-Identifier: Apache-2.0
"""Live frames (docs/SPEC.md 6.6): what the session has just unpacked, chosen leads, packed by differences. May be dropped, never late."""

import struct
import sys
from array import array

from . import constants as c
from .frame import LEADS

try:
    from . import link_live_fast as fast
except ImportError:  # no viper
    from . import link_live_pack as fast

FRAMES = 128  # most that wait; the app's poll empties them ten times a second
_HEAD = c.LIVE_HEAD_SIZE
_EXTEND = 32 if sys.maxsize >> 32 else 0
_FIRST = 4  # bytes of a lead before its differences


def smallest(leads):
    """Return the bytes of a packet with one frame of these leads (a bit each)."""
    return _HEAD + _FIRST * sum(1 for k in range(LEADS) if leads >> k & 1)


class LiveBuffer:
    """Frames of the chosen leads, thinned out, until they are packed."""

    def __init__(self):
        self._values = array("i", bytes(4 * LEADS * FRAMES))
        self._sums = array("i", bytes(4 * LEADS))
        self.set(0, 1)

    def set(self, leads, divisor):
        """Choose leads (a bit each; 0: off) and the divisor of the rate: 1, 2 or 4."""
        self.leads = leads
        self.divisor = divisor
        self._chosen = [k for k in range(LEADS) if leads >> k & 1]
        self.clear()

    def clear(self):
        """Forget what waits."""
        self.n = 0
        self._summed = 0
        for k in range(LEADS):
            self._sums[k] = 0
        self._next = -1
        self.first_frame = 0

    def take(self, work, count, frame):
        """Take `count` frames of 8 values, the first of which is the session's frame `frame`."""
        if not self.leads:
            return
        if frame != self._next:
            self.clear()  # a gap: what waits is of before
        self._next = frame + count
        if self.divisor == 1:
            self._take_all(work, count, frame)
        else:
            self._take_means(work, count, frame)

    def _take_all(self, work, count, frame):
        if self.n + count > FRAMES:
            self.n = 0  # nobody packs them: the newer ones count
        count = min(count, FRAMES)
        if not self.n:
            self.first_frame = frame
        at = LEADS * self.n
        self._values[at : at + LEADS * count] = work[: LEADS * count]
        self.n += count

    def _take_means(self, work, count, frame):
        divisor = self.divisor
        i = 0
        while i < count:
            before = (frame + i) % divisor if not self._summed else 0
            if before:
                i += divisor - before  # a mean begins at a multiple of the divisor
                continue
            n = min(divisor - self._summed, count - i)
            fast.add(work, i, n, self._sums)
            self._summed += n
            i += n
            if self._summed == divisor:
                self._summed = 0
                self._keep(divisor >> 1, frame + i - divisor)

    def _keep(self, bits, frame):
        if self.n == FRAMES:
            self.n = 0
        if not self.n:
            self.first_frame = frame
        fast.settle(self._sums, bits, self._values, LEADS * self.n, _EXTEND)
        self.n += 1

    def pack(self, out, at, room):
        """Put as many of the waiting frames into `out` as fit; return the bytes, 0 when none waits. The rest goes on waiting."""
        n = min(self.n, 255)
        if not n:
            return 0
        while True:
            widths = [fast.width(self._values, k, n, _EXTEND) for k in self._chosen]
            size = _HEAD + sum(_FIRST + (n - 1) * w for w in widths)
            if size <= room or n == 1:
                break
            n = max(1, min(n - 1, n * (room - _HEAD) // size))
        struct.pack_into(c.LIVE_HEAD_FORMAT, out, at, self.first_frame, self.leads, self.divisor, n, 0)
        position = at + _HEAD
        for k, width in zip(self._chosen, widths):
            position = fast.pack_lead(self._values, k, n, out, position, width)
        self._drop(n)
        return size

    def _drop(self, n):
        left = self.n - n
        if left:
            self._values[: LEADS * left] = self._values[LEADS * n : LEADS * self.n]
            self.first_frame += n * self.divisor
        self.n = left
