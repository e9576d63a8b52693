# SPDX-License-Identifier: Apache-2.0
"""The asyncio app: one task moves frames from the capture into blocks, one writes blocks and checkpoints to the card.

What gives way, and in which order, when the card is slow and the ring of frames fills:
1. frames wait in the ring, 4096 of them: 8.2 s at 500 samples/s, 4.1 s at 1000;
2. live frames, the heart rate found on board, then checkpoints are left out (load.py; a checkpoint left out is a FAULT
   event, and a power cut then costs more of the open block);
3. when the ring is full its oldest frames are lost: a GAP event with their number, never a silent splice;
4. a block that the card refuses is tried again, then in other slots, then given up (GAP, cause CARD);
5. CARD_FAILURES blocks refused in a row stop the session (STOP, cause CARD);
6. when nothing moves any more the watchdog is no longer fed (watchdog.py), and the board resets itself.
The record is given up last. A battery that stays below what the board says stops the session in order.
"""

import asyncio

from . import constants as c
from .load import CHECKPOINT
from .recorder import RECORDING
from .watchdog import Progress

POLL_MS = 100
WRITER_MS = 10
CARD_FAILURES = 3
SUPPLY_MS = 10000
LOW_LOOKS = 3  # looks at the battery in a row that must find it low


class App:
    """`recorder` does the work; `hooks` (all optional, may be None) are the board's own parts.

    supply() -> (battery_mv, temperature_cdeg); led(recording) shows the state; collect() frees memory between blocks;
    watchdog.feed() puts off a reset; `battery_stop_mv` ends the session while blocks can still be written.
    """

    def __init__(self, recorder, supply=None, led=None, collect=None, watchdog=None, battery_stop_mv=0):
        self.recorder = recorder
        self.supply = supply
        self.led = led
        self.collect = collect
        self.watchdog = watchdog
        self.battery_stop_mv = battery_stop_mv
        self._low = 0
        self.stop_reason = None
        self.failure = None
        self.done = asyncio.Event()
        self._sealed = asyncio.Event()

    def request_stop(self, reason=c.STOP_REASON_COMMAND):
        """Stop at the next poll."""
        self.stop_reason = reason

    async def run(self):
        """Move frames until a stop is asked for, the source ends or the card fails; the session must have started."""
        tasks = [asyncio.create_task(self._write())]
        if self.supply:
            self._look_at_supply()
        if self.supply or self.led:
            tasks.append(asyncio.create_task(self._look_after()))
        try:
            await self._capture()
        finally:
            for task in tasks:
                task.cancel()
            if self.led:
                self.led(False)
            self.done.set()

    async def _capture(self):
        recorder = self.recorder
        capture = recorder.capture
        session = recorder.session
        progress = Progress(self.watchdog, session) if self.watchdog else None
        while self.stop_reason is None:
            if self.failure is not None:
                raise self.failure
            self.turn(session)
            if progress:
                progress.look()
            if session.waiting:
                self._sealed.set()
                await asyncio.sleep_ms(0)  # the writer's turn; what does not fit waits in the ring
                if session.waiting:
                    await asyncio.sleep_ms(WRITER_MS)  # it did not come: do not spin
                continue
            if session.card_failures >= CARD_FAILURES:
                self.stop_reason = c.STOP_REASON_CARD
            elif capture.finished() and not capture.ready:
                self.stop_reason = c.STOP_REASON_COMPLETE
            else:
                await asyncio.sleep_ms(POLL_MS)
        if recorder.state == RECORDING and recorder.session is session:  # a link stops it by itself, to tell the frames
            recorder.stop(self.stop_reason)

    def turn(self, session):
        """One poll: take the frames that are there, secure the open block if it is time."""
        session.pump()
        if session.checkpoint_due():
            if session.load.gives_way(CHECKPOINT):
                session.skip_checkpoint()
            else:
                session.checkpoint()

    async def _write(self):
        while True:
            await self._sealed.wait()
            self._sealed.clear()
            try:
                self.recorder.session.flush()
            except Exception as error:  # not of the card: those are counted by the session; `run` raises it
                self.failure = error
                return
            if self.collect:
                self.collect()

    async def _look_after(self):
        lit = False
        while self.recorder.state == RECORDING:
            if self.supply:
                self._look_at_supply()
            if self.led:
                lit = not lit
                self.led(lit)
            await asyncio.sleep_ms(SUPPLY_MS)

    def _look_at_supply(self):
        battery_mv, temperature_cdeg = self.supply()
        self.recorder.observe_supply(battery_mv, temperature_cdeg)
        self._low = self._low + 1 if 0 < battery_mv < self.battery_stop_mv else 0
        if self._low == LOW_LOOKS and self.stop_reason is None:
            self.request_stop(c.STOP_REASON_BATTERY)
