# SPDX-License-Identifier: Apache-2.0
"""Live frames (docs/SPEC.md 6.6): what the session has just unpacked, chosen leads, packed by differences. May be dropped, never late."""

import struct
from array import array

from . import constants as c
from .frame import LEADS

FRAMES = 128  # most that wait; the app's poll empties them ten times a second
_HEAD = c.LIVE_HEAD_SIZE
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
        sums = self._sums
        divisor = self.divisor
        bits = divisor >> 1  # 2: 1, 4: 2
        for i in range(count):
            if not self._summed:
                if (frame + i) % divisor:
                    continue
                for k in self._chosen:
                    sums[k] = 0
            for k in self._chosen:
                sums[k] += work[LEADS * i + k]
            self._summed += 1
            if self._summed == divisor:
                self._summed = 0
                self._keep(sums, bits, frame + i + 1 - divisor)

    def _keep(self, sums, bits, frame):
        if self.n == FRAMES:
            self.n = 0
        if not self.n:
            self.first_frame = frame
        at = LEADS * self.n
        for k in self._chosen:
            self._values[at + k] = sums[k] >> bits
        self.n += 1

    def pack(self, out, at, room):
        """Put as many of the waiting frames into `out` as fit; return the bytes, 0 when none waits. The rest goes on waiting."""
        n = min(self.n, 255)
        if not n:
            return 0
        while True:
            widths = [self._width(k, n) for k in self._chosen]
            size = _HEAD + sum(_FIRST + (n - 1) * w for w in widths)
            if size <= room or n == 1:
                break
            n = max(1, min(n - 1, n * (room - _HEAD) // size))
        struct.pack_into(c.LIVE_HEAD_FORMAT, out, at, self.first_frame, self.leads, self.divisor, n, 0)
        position = at + _HEAD
        for k, width in zip(self._chosen, widths):
            position = self._pack_lead(out, position, k, n, width)
        self._drop(n)
        return size

    def _width(self, k, n):
        """Return the bytes a difference of lead k takes among the first n frames."""
        values = self._values
        before = values[k]
        largest = 0
        for at in range(LEADS + k, LEADS * n, LEADS):
            value = values[at]
            difference = value - before
            before = value
            largest |= difference if difference >= 0 else ~difference
        return 1 if largest < 1 << 7 else 2 if largest < 1 << 15 else 3

    def _pack_lead(self, out, at, k, n, width):
        values = self._values
        before = values[k]
        out[at] = before & 255
        out[at + 1] = before >> 8 & 255
        out[at + 2] = before >> 16 & 255
        out[at + 3] = width
        at += _FIRST
        for i in range(LEADS + k, LEADS * n, LEADS):
            value = values[i]
            difference = value - before
            before = value
            out[at] = difference & 255
            if width > 1:
                out[at + 1] = difference >> 8 & 255
                if width > 2:
                    out[at + 2] = difference >> 16 & 255
            at += width
        return at

    def _drop(self, n):
        left = self.n - n
        if left:
            self._values[: LEADS * left] = self._values[LEADS * n : LEADS * self.n]
            self.first_frame += n * self.divisor
        self.n = left
