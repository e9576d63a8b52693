# SPDX-License-Identifier: Apache-2.0
"""The patient's button: its first edge is latched by the interrupt, between two frames; bouncing is looked at later.

Wired to ground with a pull-up: a pull-down of the RP2350's A2 stepping can stick at 2 V (RP2350-E9).
"""

SETTLE_MS = 30


class Button:
    """`pin` has value() and irq(); `latch(pressed)` is a capture's; `ticks` has ms and diff.

    The handler allocates nothing. `look` is to be called now and then (each look into the ring of frames): it tells
    the level that bouncing hid.
    """

    def __init__(self, pin, latch, ticks, triggers, hard=False):
        self.pin = pin
        self.latch = latch
        self.ticks = ticks
        self.pressed = not pin.value()
        self._changed_ms = ticks.ms()
        handler = self._edge  # a bound method is an object: made once, here
        if hard:
            pin.irq(handler=handler, trigger=triggers, hard=True)
        else:
            pin.irq(handler=handler, trigger=triggers)

    def _edge(self, _):
        self.look()

    def look(self):
        """Latch the level when it differs from the last one, but not within SETTLE_MS of the last change."""
        pressed = not self.pin.value()
        if pressed == self.pressed:
            return
        now_ms = self.ticks.ms()
        if self.ticks.diff(now_ms, self._changed_ms) < SETTLE_MS:
            return
        self._changed_ms = now_ms
        self.pressed = pressed
        self.latch(pressed)
