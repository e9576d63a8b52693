# SPDX-License-Identifier: Apache-2.0
"""How a test talks to the recorder on the bench: a session for each piece of work, over the carrier that was chosen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import octolead
from hil_tests.bench import Bench
from octolead.errors import AnswerError, LinkLostError
from octolead.link import Range, Recorder, Sync, SyncReport, open_session
from octolead.link.transport import Transport

T = TypeVar("T")
Open = Callable[[Bench], Awaitable[Transport]]


async def over_usb(bench: Bench) -> Transport:
    """The cable."""
    from octolead.link.transport_usb import UsbTransport

    return await UsbTransport.open(await asyncio.to_thread(bench.plug))


async def over_ble(bench: Bench) -> Transport:
    """The air."""
    from octolead.link.transport_ble import SYSTEM, BleTransport, find

    adapter = bench.adapter or SYSTEM
    return await BleTransport.open(await find(bench.called, adapter), adapter)


CARRIERS: dict[str, Open] = {"usb": over_usb, "ble": over_ble}
"""Another carrier is one more line here."""


@dataclass
class Recorded:
    """A session that was recorded, as it came home."""

    session: str
    path: Path
    n_frames: int
    first_seq: int


class Link:
    """The recorder on the bench. Each call of `run` is a session of its own."""

    def __init__(self, bench: Bench, key: bytes, carrier: str) -> None:
        self.bench, self.key, self.carrier = bench, key, carrier

    async def transport(self) -> Transport:
        """A carrier without a session."""
        return await CARRIERS[self.carrier](self.bench)

    async def connect(self, key: bytes | None = None) -> Recorder:
        """Open a session."""
        return await open_session(await self.transport(), self.key if key is None else key, timeout_s=20)

    def run(self, work: Callable[[Recorder], Awaitable[T]], limit_s: float = 120) -> T:
        """Do `work` in a session."""

        async def main() -> T:
            async with asyncio.timeout(limit_s), await self.connect() as recorder:
                return await work(recorder)

        return asyncio.run(main())

    def settle(self) -> None:
        """Wait for the recorder to answer, and stop what it records."""
        until = time.monotonic() + 30

        async def stop(recorder: Recorder) -> None:
            if (await recorder.status()).state != "idle":
                with suppress(AnswerError):
                    await recorder.stop()

        while True:
            try:
                return self.run(stop)
            except LinkLostError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    async def pause(self, recorder_s: float) -> None:
        """Wait so many seconds of the recorder."""
        await asyncio.sleep(recorder_s / self.bench.speed)

    async def frame(self, recorder: Recorder) -> int:
        """The frame that is being recorded now."""
        return int((await recorder.status()).fields["frame"])

    def record(self, folder: Path, seconds: float, during: Callable[[Recorder], Awaitable[None]] | None = None, **start: Any) -> Recorded:
        """Record for so many seconds of the recorder, doing `during` after a second, and bring home that session alone."""

        async def work(recorder: Recorder) -> Recorded:
            first = (await recorder.range()).next_seq
            session = (await recorder.start(**start)).hex()
            if during:
                await self.pause(1)
                await during(recorder)
            await self.pause(seconds)
            frames = await recorder.stop()
            return Recorded(session, await self.bring_home(recorder, folder, first), frames, first)

        return self.run(work)

    async def bring_home(self, recorder: Recorder, folder: Path, first: int) -> Path:
        """Every block from ring_seq `first` on, one after another, in a file."""
        there: Range = await recorder.range()
        path = folder / f"from-{first}.olr"
        with path.open("wb") as file:
            async for piece in recorder.fetch(first, there.next_seq):
                file.write(piece.data)
        return path

    def sync(self, folder: Path, first: int, connect: Callable[[], Awaitable[Recorder]] | None = None) -> SyncReport:
        """Bring home what is missing from ring_seq `first` on; what lies before it is left on the card."""

        async def work() -> SyncReport:
            async with await self.connect() as recorder:
                ring_id = (await recorder.range()).ring_id.hex()
            folder.mkdir(exist_ok=True)
            state = folder / f"{ring_id}.json"
            if not state.exists():
                state.write_text(json.dumps({"next_seq": first}))
            return await Sync(folder, connect or self.connect).run()

        return asyncio.run(asyncio.wait_for(work(), 300))

    def open(self, recorded: Recorded) -> octolead.Recording:
        """The recording, checked with the recorder's key."""
        return octolead.open(recorded.path, session=recorded.session, key=self.key, check=True)
