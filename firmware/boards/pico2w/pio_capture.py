# SPDX-License-Identifier: Apache-2.0
"""The Pico's capture: frames from DRDY to RAM by PIO and DMA. Neither garbage collection nor a slow card can lose one.

The ring holds frames of nine 32-bit words, as frame.unpack_words takes them. While it runs the converter's SCLK is the
state machine's and chip select stays low; in between they are SPI's (`bus`).
"""

from recorder.capture import MASK, Capture

from .dma_ring import LAPS
from .drdy_pio import PUSH

WORDS = 9
FRAME_BYTES = 4 * WORDS
N_FRAMES = 4096
GUARD = 64  # frames; at 1000 samples/s 4.03 s remain
RESYNC_MS = 12  # three periods at 250 samples/s
_FIFO = 8


class PioCapture(Capture):
    """`ring` is a DmaRing over `n_frames` frames, `machine` the rp2.StateMachine that runs drdy_pio.take_frames.

    `bus.to_capture()` gives SCLK to the state machine and selects the chip, `bus.to_spi()` takes them back; `ticks` has
    ms and diff; `on_look`, if given, is called at each look into the ring (the button settles there).
    """

    def __init__(self, ring, machine, bus, ticks, n_frames=N_FRAMES, guard=GUARD, on_look=None):
        if n_frames & n_frames - 1 or n_frames * WORDS != ring.n_words:
            raise ValueError("%d frames over a ring of %d words: a power of two, %d words each" % (n_frames, ring.n_words, WORDS))
        self.dma = ring
        self.machine = machine
        self.bus = bus
        self.ticks = ticks
        self.on_look = on_look
        self.resyncs = 0
        self._running = False
        self._wrap = n_frames * LAPS - 1
        super().__init__(n_frames, FRAME_BYTES, ring.ring, guard)

    def reset(self):
        """Empty the ring and begin to count at 0."""
        super().reset()
        self._seen = 0

    def start(self):
        """Take frames from the next DRDY on."""
        self._seen = 0
        self.bus.to_capture()
        self.machine.active(0)
        self.machine.restart()
        for _ in range(_FIFO):
            if not self.machine.rx_fifo():
                break
            self.machine.get()
        self.dma.start()
        self._running = True
        self.machine.active(1)

    def stop(self):
        """Take no more frames; a frame that was under way is none."""
        self.machine.active(0)
        self._head()
        self._running = False
        self.dma.stop()
        self.bus.to_spi()

    def refresh(self):
        """Look at the ring; see Capture."""
        if self.on_look:
            self.on_look()
        return super().refresh()

    def resync(self):
        """Bring the state machine back to its beginning just behind a frame, and the words to a multiple of nine.

        Words that are missing are made up: that frame has a wrong nibble and is dropped as a slip, in its place.
        Waits RESYNC_MS at most for the end of a frame, so that no DRDY passes meanwhile.
        """
        self.resyncs += 1
        ticks = self.ticks
        began_ms = ticks.ms()
        before = self._now()
        while self._now() == before and ticks.diff(ticks.ms(), began_ms) < RESYNC_MS:
            pass
        machine = self.machine
        machine.active(0)
        machine.restart()
        for _ in range(-self.dma.words() % WORDS):
            machine.exec(PUSH)
        machine.active(1)

    def _now(self):
        """Return the counter of frames. Writes nothing, allocates nothing: the button's interrupt may ask."""
        if not self._running:
            return self._seen
        seen = self._seen
        return seen + (self.dma.words() // WORDS - seen & self._wrap) & MASK

    def _head(self):
        self._seen = self._now()
        return self._seen
