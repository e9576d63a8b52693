# SPDX-License-Identifier: Apache-2.0
"""The ESP32-S3's capture: DRDY interrupts in software, one SPI read of 27 bytes each. MicroPython has no better path there.

What it cannot do, it counts. A software interrupt comes late by tens of microseconds up to milliseconds (a garbage
collection, a long C call), and when it comes later than a conversion takes, frames are gone. The pulse counter (PCNT)
counts the falling edges of DRDY in hardware, whatever Python does. So every frame that was not read has its place: a
frame of zeros, whose wrong nibble the session turns into a gap of so many frames. A frame whose reading a new DRDY ran into
counts as not read.

`limits` says what was lost and how late the handler was. At 500 samples/s it has 2 ms for 27 bytes at 8 MHz.
"""

from recorder.capture import MASK, Capture

try:
    from .copy_fast import copy_bytes
except ImportError:  # no viper

    def copy_bytes(source, target, at, count):
        """Copy `count` bytes of `source` to target[at:]; source None: zeros."""
        for i in range(count):
            target[at + i] = source[i] if source else 0


FRAME_BYTES = 27
N_FRAMES = 4096
PULSES = 16384  # the pulse counter's modulus: 16 s at 1000 samples/s


class IrqCapture(Capture):
    """`drdy` has irq(handler=, trigger=), `pulses` value() and start() (PCNT, modulo PULSES), `bus` readinto and to_capture.

    `on_look`, if given, is called at each look into the ring.
    """

    def __init__(self, drdy, trigger, pulses, bus, ticks, n_frames=N_FRAMES, on_look=None):
        self.drdy = drdy
        self.trigger = trigger
        self.pulses = pulses
        self.bus = bus
        self.ticks = ticks
        self.on_look = on_look
        self.missed = 0  # frames that were not read, since the start
        self.late_us = 0  # longest time from the interrupt before to this one
        self._frame = bytearray(FRAME_BYTES)
        self._handler = self._ready
        self._running = False
        super().__init__(n_frames, FRAME_BYTES)

    def reset(self):
        """Empty the ring and begin to count at 0."""
        super().reset()
        self._index = 0
        self._count = 0
        self._pulse = 0

    def start(self):
        """Take frames from the next DRDY on."""
        self.bus.to_capture()
        self.missed = 0
        self.late_us = 0
        self._last_us = self.ticks.us()
        self._pulse = self.pulses.value()
        self._running = True
        self.drdy.irq(handler=self._handler, trigger=self.trigger)

    def stop(self):
        """Take no more frames."""
        self._running = False
        self.drdy.irq(handler=None)
        self.bus.to_spi()

    def refresh(self):
        """Look at the ring; see Capture."""
        if self.on_look:
            self.on_look()
        return super().refresh()

    def limits(self):
        """Return what this board lost since the start of the session, for `status`."""
        return {"frames_not_read": self.missed, "longest_interval_us": self.late_us}

    def _ready(self, _):
        """DRDY fell, maybe more than once: put nothing for what is gone, and the frame that is there behind it."""
        if not self._running:
            return
        now_us = self.ticks.us()
        interval_us = self.ticks.diff(now_us, self._last_us)
        self._last_us = now_us
        if interval_us > self.late_us:
            self.late_us = interval_us
        due = self.pulses.value() - self._pulse & PULSES - 1
        if not due:
            return  # a second call for the same pulse
        self._pulse = self._pulse + due & PULSES - 1
        for _ in range(due - 1):
            self._put(None)
        self.bus.readinto(self._frame)
        self._put(self._frame if self.pulses.value() == self._pulse else None)

    def _put(self, frame):
        if frame is None:
            self.missed += 1
        copy_bytes(frame, self.ring, self._index * FRAME_BYTES, FRAME_BYTES)
        self._index = (self._index + 1) % self.n_frames
        self._count = self._count + 1 & MASK

    def _head(self):
        return self._count
