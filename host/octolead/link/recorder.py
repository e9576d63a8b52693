# SPDX-License-Identifier: Apache-2.0
"""A recorder over a link, as an asyncio API.

async with await connect_usb("/dev/ttyACM0", key) as recorder:
    print(await recorder.status())
    async for frames in recorder.live(leads=0b10):
        ...
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .. import _constants as c
from ..calibration import Calibration
from ..errors import AnswerError, LinkError, LinkLostError
from .client import Answer, BlockPiece, Client, Event, LiveFrames, Notice, Ready
from .crypto import KeySource
from .requests import ANSWER_S, Requests
from .transport import Transport

if TYPE_CHECKING:
    from .transport_ble import Adapter

CONNECT_S = 5.0
SILENCE_S = 15.0
_HELLO_AGAIN_S = 1.0
_QUEUED = 256  # live frames and notices that wait for whoever looks at them; the oldest are left out


class Recorder(Requests):
    """An open session. Made by `open_session`.

    Attributes:
        device_id: 8 bytes.
        lost: what ended the session, None while it goes on.
        on_notice: called with each notice as it comes, whoever else waits for them.
    """

    def __init__(self, transport: Transport, client: Client) -> None:
        self._transport = transport
        self._client = client
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._blocks: asyncio.Queue[BlockPiece | Notice | None] = asyncio.Queue()
        self._live: asyncio.Queue[LiveFrames | None] = asyncio.Queue()
        self._notices: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._sending = asyncio.Lock()
        self._is_live = False
        self._is_fetching = False
        self.device_id = client.device_id
        self.lost: LinkError | None = None
        self.on_notice: Callable[[Notice], None] = lambda notice: None
        self._task = asyncio.create_task(self._run())

    async def __aenter__(self) -> Recorder:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._end(LinkLostError("the connection was closed"))
        await self._transport.close()

    # What comes

    async def _run(self) -> None:
        try:
            while True:
                for event in self._client.receive(await self._transport.receive()):
                    self._dispatch(event)
                if self._is_live:
                    self._client.top_up(c.CHANNEL_LIVE, self._transport.live_window)
                if self._is_fetching:  # amid a block too: one may take more packets than the window has
                    self._client.top_up(c.CHANNEL_BLOCK, self._transport.window)
                if self._client.outgoing:
                    await self._flush()
        except LinkError as error:
            self._end(error)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, Answer):
            waiting = self._answers.pop(event.request_id, None)
            if waiting and not waiting.done():
                waiting.set_result(event)
        elif isinstance(event, BlockPiece):
            self._blocks.put_nowait(event)
        elif isinstance(event, LiveFrames):
            _put(self._live, event)
        elif isinstance(event, Notice):
            if event.kind == c.NOTICE_BLOCKS_DONE:
                self._blocks.put_nowait(event)
            else:
                self.on_notice(event)
                _put(self._notices, event)

    def _end(self, error: LinkError) -> None:
        if self.lost is not None:
            return
        self.lost = error
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(error)
        self._answers.clear()
        self._blocks.put_nowait(None)
        self._live.put_nowait(None)
        self._notices.put_nowait(None)

    async def _flush(self) -> None:
        async with self._sending:
            while self._client.outgoing:
                await self._transport.send(self._client.outgoing.pop(0))

    # Requests

    async def request(self, command: int, arguments: bytes = b"", *, timeout_s: float = ANSWER_S) -> bytes:
        """Send a request and return the data of its answer.

        Raises:
            AnswerError: the recorder answered with something else than OK.
            LinkError: the session is over, or nothing came in time.
        """
        if self.lost is not None:
            raise self.lost
        number = self._client.request(command, arguments)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        await self._flush()
        name = c.COMMAND_NAMES.get(command, str(command))
        try:
            answer = await asyncio.wait_for(future, timeout_s)
        except TimeoutError as error:
            self._answers.pop(number, None)
            raise LinkLostError(f"no answer to {name} within {timeout_s:g} s") from error
        if answer.answer != c.ANSWER_OK:
            words = answer.data.decode("utf-8", "replace")
            kind = c.ANSWER_NAMES.get(answer.answer, str(answer.answer))
            raise AnswerError(f"{name}: {words or kind}", command=command, answer=answer.answer, words=words)
        return answer.data

    def signed(self, calibration: Calibration) -> Calibration:
        """A calibration with its record, signed with this recorder's key: what `calibrate` may send."""
        return self._client.signed(calibration)

    # Streams

    async def fetch(self, first: int, last: int, offset: int = 0) -> AsyncIterator[BlockPiece]:
        """Blocks `first` to `last` - 1, the first from byte `offset` on; a piece without bytes says that there is none (or no more).

        Raises:
            AnswerError: they are not there.
            LinkError: the session is over, or nothing came for too long; `block_under_way` has what came last.
        """
        while not self._blocks.empty():
            self._blocks.get_nowait()
        await self.request(c.COMMAND_FETCH, struct.pack("<IIH", first, last, offset))
        done = False
        self._is_fetching = True
        try:
            self._client.top_up(c.CHANNEL_BLOCK, self._transport.window)
            await self._flush()
            while True:
                event = await self._next(self._blocks, "blocks")
                if isinstance(event, Notice):
                    done = True
                    return
                yield event
        finally:
            self._is_fetching = False
            if not done and self.lost is None:
                await self._cancel()

    async def _cancel(self) -> None:
        with suppress(LinkError, asyncio.CancelledError):
            await self.request(c.COMMAND_CANCEL)
            while not isinstance(await self._next(self._blocks, "blocks"), Notice):
                pass

    async def _next(self, queue: asyncio.Queue[Any], what: str) -> Any:
        """The next of a queue; blocks that grow are a sign of life, too."""
        before = -1
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), SILENCE_S)
            except TimeoutError as error:
                piece = self._client.block_under_way()
                if piece is None or len(piece.data) == before:
                    raise LinkLostError(f"no {what} for {SILENCE_S:g} s") from error
                before = len(piece.data)
                continue
            if event is None:
                queue.put_nowait(None)
                raise self.lost or LinkLostError("the session is over")
            return event

    def block_under_way(self) -> BlockPiece | None:
        """What has come of a block when the connection was lost in the middle of it."""
        return self._client.block_under_way()

    async def live(self, leads: int = 0xFF, divisor: int = 1) -> AsyncIterator[LiveFrames]:
        """Live frames of these leads (a bit each), until the iterator is closed."""
        await self.request(c.COMMAND_LIVE, bytes([leads, divisor]))
        self._is_live = True
        try:
            self._client.top_up(c.CHANNEL_LIVE, self._transport.live_window)
            await self._flush()
            while True:
                event = await self._live.get()
                if event is None:
                    self._live.put_nowait(None)
                    raise self.lost or LinkLostError("the session is over")
                yield event
        finally:
            self._is_live = False
            if self.lost is None:
                with suppress(LinkError):
                    await self.request(c.COMMAND_LIVE, b"\0\1")

    async def notices(self) -> AsyncIterator[Notice]:
        """Notices as they come."""
        while True:
            event = await self._notices.get()
            if event is None:
                self._notices.put_nowait(None)
                raise self.lost or LinkLostError("the session is over")
            yield event

    async def wait_for_notice(self, timeout_s: float) -> Notice | None:
        """The next notice, None when none comes in time."""
        try:
            event = await asyncio.wait_for(self._notices.get(), timeout_s)
        except TimeoutError:
            return None
        if event is None:
            self._notices.put_nowait(None)
            raise self.lost or LinkLostError("the session is over")
        return event


def _put(queue: asyncio.Queue[Any], event: Any) -> None:
    if queue.qsize() >= _QUEUED:
        queue.get_nowait()
    queue.put_nowait(event)


async def open_session(transport: Transport, key: KeySource, *, timeout_s: float = CONNECT_S) -> Recorder:
    """Open a session over a transport; the transport is closed when that fails.

    Raises:
        KeyRefusedError: the recorder has another key.
        LinkRefusedError: it takes no session now.
        LinkLostError: it does not answer.
    """
    client = Client(key, transport.max_packet)
    hello = client.outgoing[0]
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                while client.outgoing:
                    await transport.send(client.outgoing.pop(0))
                try:
                    packet = await asyncio.wait_for(transport.receive(), _HELLO_AGAIN_S)
                except TimeoutError:
                    if not client.device_id:
                        client.outgoing.append(hello)  # what stood in the line before may have swallowed the first one
                    continue
                if any(isinstance(event, Ready) for event in client.receive(packet)):
                    return Recorder(transport, client)
    except TimeoutError as error:
        await transport.close()
        raise LinkLostError(f"the recorder does not answer within {timeout_s:g} s: is it on, and is this its port?") from error
    except BaseException:
        await transport.close()
        raise


async def connect_usb(port: str, key: KeySource, *, timeout_s: float = CONNECT_S) -> Recorder:
    """Open a session over USB. Needs the extra `link`."""
    from .transport_usb import UsbTransport

    return await open_session(await UsbTransport.open(port), key, timeout_s=timeout_s)


async def connect_ble(name: str, key: KeySource, *, adapter: Adapter | None = None, timeout_s: float = CONNECT_S) -> Recorder:
    """Open a session over Bluetooth LE with the recorder of this name, id or address. Needs the extra `ble`.

    `adapter` is another than the system's. `timeout_s` is the session's: to find the recorder and to connect have their own.
    """
    from .transport_ble import SYSTEM, BleTransport, find

    adapter = adapter or SYSTEM
    return await open_session(await BleTransport.open(await find(name, adapter), adapter), key, timeout_s=timeout_s)
