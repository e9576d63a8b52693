# SPDX-License-Identifier: Apache-2.0
"""The capture: a RAM ring of frames between whatever takes them from the converter and the session.

A source (PIO and DMA, an interrupt, the simulator) subclasses Capture and gives `start`, `stop` and `_head`, the
number of frames it has put into the ring, modulo 2^28: counters of the hot path stay small integers on a 32-bit
board. A source never waits: when the ring is full it overwrites the oldest frames, and `refresh` says how many are
missing just before the next one. `guard` frames at the old end count as overwritten already, since a DMA engine
goes on writing while the reader is at work.

The reader:  lost = capture.refresh()          frames lost just before the next one
             capture.ready                     frames waiting
             capture.run(), capture.offset     frames that lie in one piece, and where (bytes) in capture.ring
             capture.release(n)                these are done
"""

from array import array

MASK = 0x0FFFFFFF  # twice that, plus the button's bit, is still a small integer on a 32-bit board
LATCHES = 16


class Capture:
    """Common base: the ring, its counters, and the latch of the button."""

    def __init__(self, n_frames=4096, frame_bytes=27, ring=None, guard=0):
        self.n_frames = n_frames
        self.frame_bytes = frame_bytes
        self.ring = bytearray(n_frames * frame_bytes) if ring is None else ring
        self.capacity = n_frames - guard
        self._latched = array("i", [0] * LATCHES)
        self.reset()

    def reset(self):
        """Empty the ring and begin to count at 0; the source must be stopped."""
        self.tail = 0
        self.ready = 0
        self.offset = 0
        self.overflows = 0
        self.latch_drops = 0
        self._tail_index = 0
        self._latch_in = 0
        self._latch_out = 0

    def start(self):
        """Begin to fill the ring."""
        raise NotImplementedError

    def stop(self):
        """Fill no more; what is in the ring stays."""
        raise NotImplementedError

    def resync(self):
        """Called after a run of frames with a wrong nibble: find the frame boundary again, if the source can."""

    def finished(self):
        """True when the source will give no more frames by itself (the simulator's input has an end)."""
        return False

    def _head(self):
        raise NotImplementedError

    def refresh(self):
        """Look at the source; return the number of frames that were overwritten before they were read."""
        ready = (self._head() - self.tail) & MASK
        lost = ready - self.capacity
        if lost <= 0:
            self.ready = ready
            return 0
        self.overflows += 1
        self._skip(lost)
        self.ready = self.capacity
        return lost

    def run(self):
        """Return how many of the waiting frames lie in one piece from `offset` on."""
        piece = self.n_frames - self._tail_index
        return self.ready if self.ready < piece else piece

    def release(self, n):
        """Give back the `n` oldest frames."""
        self.ready -= n
        self._skip(n)

    def _skip(self, n):
        self.tail = (self.tail + n) & MASK
        self._tail_index = (self._tail_index + n) % self.n_frames
        self.offset = self._tail_index * self.frame_bytes

    def latch(self, pressed):
        """Remember that the button changed now, between two frames. May be called from an interrupt."""
        following = (self._latch_in + 1) % LATCHES
        if following == self._latch_out:
            self.latch_drops += 1
            return
        self._latched[self._latch_in] = self._now() << 1 | (1 if pressed else 0)
        self._latch_in = following

    def _now(self):
        return self._head()

    def latched(self):
        """Return the oldest latched change as counter << 1 | pressed without taking it, or -1."""
        if self._latch_in == self._latch_out:
            return -1
        return self._latched[self._latch_out]

    def take_latch(self):
        """Drop the oldest latched change."""
        self._latch_out = (self._latch_out + 1) % LATCHES

    def now(self):
        """Return the counter of the next frame to come, modulo 2^28."""
        return self._now()
