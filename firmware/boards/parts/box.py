# SPDX-License-Identifier: Apache-2.0
"""Joins a board's parts into a recorder that is served over USB, and goes on by itself after power went.

`parts` is what a board's board.py makes: name, ticks, unique_id, front_end, capture, open_card() -> block device, supply,
led(on), watchdog, stream, reset_cause ("power_on" or "watchdog"), restart(): reset the board.
"""

import asyncio
import gc
import os

from recorder import constants as c
from recorder.app import App
from recorder.calibration import Calibration
from recorder.erase import finish_erase
from recorder.errors import CardError, SdError
from recorder.kept import Kept
from recorder.link import Link
from recorder.link_session import LockOut
from recorder.recorder import IDLE, Recorder, start_reason
from recorder.serve import Control, Server
from recorder.settings import Settings
from recorder.store import make_ring, open_store
from recorder.wire import Wire

from . import release, settings

CARD_RETRY_MS = 5000
IDLE_MS = 1000
CONFIRM_LOOPS = 30  # seconds of serving, after which a release on trial is a good one
BLINK_MS = 100


class Box:
    """`radio(recorder)`, where there is one, returns the radio's carrier, begun."""

    def __init__(self, parts, folder=settings.FOLDER, radio=None):
        self.parts = parts
        self.device_id, self.key = settings.identity(parts.unique_id, folder)
        self.recording = settings.recording(folder)
        self._folder = folder
        self._radio = radio
        self.recorder = None
        self.control = None
        self.links = []
        self.failure = None  # words: why there is no card that can be used, or no radio

    def run(self):
        """Serve until the app of a session crashes; then start the board anew."""
        try:
            asyncio.run(self.main())
        finally:
            self.parts.restart()

    async def main(self):
        """Wait for a card, go on with a recording that power ended, serve."""
        store = await self._wait_for_store()
        parts = self.parts
        self.recorder = Recorder(parts.front_end, parts.capture, store, self.device_id, parts.name, key=self.key)
        self.recorder.supply = parts.supply
        self.recorder.button = getattr(parts, "button", None)
        self.recorder.calibration = Calibration(Kept(self._folder + "/calibration"), self.device_id, self.key)
        chosen = Settings(Kept(self._folder + "/owner"), self.recording)
        self.control = Control(self.recorder, self._make_app, parts.ticks, chosen)
        self.links = self._links()
        server = Server(self.control, self.links)
        idle = asyncio.create_task(self._idle())
        if not store.head.clean:
            self.control.start_as_set(start_reason(store.head, parts.reset_cause == "watchdog"))
        try:
            await server.run()
        finally:
            idle.cancel()

    def _links(self):
        """The cable, and the radio where it comes up: a recorder whose radio fails records and is served by cable."""
        carriers = [(Wire(self.parts.stream), "proofs")]
        if self._radio:
            try:
                self.control.radio = self._radio(self.recorder)
                carriers.append((self.control.radio, "proofs_radio"))
            except OSError as error:
                self.control.radio = self.failure = "the radio did not come up (%r)" % error
        return [(carrier, self._link(carrier, counter)) for carrier, counter in carriers]

    def _link(self, carrier, counter):
        lock_out = LockOut(settings.ProofCounter(self._folder, counter), self.parts.ticks)
        return Link(self.control, carrier, self.key, lock_out, os.urandom)

    def _make_app(self):
        parts = self.parts
        stop_mv = self.recording["battery_stop_mv"]
        return App(self.recorder, parts.supply, parts.led, gc.collect, parts.watchdog, stop_mv)

    async def _wait_for_store(self):
        """Return the open store; while there is no card that can be used the LED blinks quickly."""
        while True:
            try:
                return self._open_store()
            except (CardError, SdError) as error:
                self.failure = error.message
            for _ in range(CARD_RETRY_MS // (2 * BLINK_MS)):
                self.parts.led(True)
                await asyncio.sleep_ms(BLINK_MS)
                self.parts.led(False)
                await asyncio.sleep_ms(BLINK_MS)

    def _open_store(self):
        """A ring is made where there is none; a card is never formatted here."""
        device = self.parts.open_card()
        store = open_store(device, self.device_id, self.parts.ticks)
        if store is None:
            make_ring(device, self.device_id, os.urandom(8), c.DEFAULT_SLOT_BYTES, self.parts.ticks)
            store = open_store(device, self.device_id, self.parts.ticks)
        else:
            finish_erase(store)
        store.recover()
        return store

    async def _idle(self):
        """While nothing is recorded, a loop that turns is progress enough; while something is, recorder/watchdog.py feeds."""
        loops = 0
        while True:
            loops += 1
            if loops == CONFIRM_LOOPS:
                release.confirm()
            if self.recorder.state == IDLE and self.parts.watchdog.hardware is not None:
                self.parts.watchdog.feed()
            await asyncio.sleep_ms(IDLE_MS)
