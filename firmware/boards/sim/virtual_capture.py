# SPDX-License-Identifier: Apache-2.0
"""The simulator's capture: the virtual chip's frames, as many as the clock says, straight into the ring.

It stands where PIO and DMA stand on a board: it does not wait for the reader and overwrites what was not read.
Whatever is to happen at a certain frame (button, electrode, clock) happens between the frames before and behind it.
"""

from recorder.capture import MASK, Capture


class VirtualCapture(Capture):
    """`limit` frames are played, or no end if 0; `schedule` is [(frame, function, arguments)]."""

    def __init__(self, chip, ticks, limit=0, schedule=(), n_frames=4096):
        self.chip = chip
        self.ticks = ticks
        self.limit = limit
        self._schedule = sorted(schedule, key=lambda item: item[0])
        self._next = 0  # of the schedule
        self.produced = 0
        self._running = False
        self._acting = False
        super().__init__(n_frames, 27)

    def start(self):
        """Begin to play; the chip converts from now on."""
        self.produced = 0
        self._next = 0
        self._running = True
        self.ticks.passed = self._head
        self._began_us = self.ticks.us()
        self._rate_nhz = self.chip.rate_hz() * (1000000000 + self.chip.rate_ppb())
        self._act()

    def stop(self):
        """Take what is due, and no more."""
        self._head()
        self._running = False
        self.ticks.passed = None

    def finished(self):
        """True when `limit` frames were played."""
        return self.limit and self.produced >= self.limit

    def frames_at(self, us):
        """Return the number of frames that had been played when the clock stood at `us`."""
        return self.ticks.diff(us, self._began_us) * self._rate_nhz // 1000000000000000

    def _now(self):
        return self.produced & MASK

    def now(self):
        """Look at the clock first, as a board looks at its DMA; but for what happens at a certain frame it is that frame."""
        return self._now() if self._acting else self._head()

    def _head(self):
        if self._running:
            due = self.frames_at(self.ticks.us())
            if self.limit and due > self.limit:
                due = self.limit
            while self.produced < due:
                self._play(due - self.produced)
        return self.produced & MASK

    def _play(self, n):
        index = self.produced % self.n_frames
        if n > self.n_frames - index:
            n = self.n_frames - index
        if self._next < len(self._schedule) and self._schedule[self._next][0] - self.produced < n:
            n = self._schedule[self._next][0] - self.produced
        self.chip.clock_out(self.ring, index * self.frame_bytes, n)
        self.produced += n
        self._act()

    def _act(self):
        self._acting = True
        while self._next < len(self._schedule) and self._schedule[self._next][0] <= self.produced:
            _, function, arguments = self._schedule[self._next]
            self._next += 1
            function(*arguments)
        self._acting = False
