# SPDX-License-Identifier: Apache-2.0
"""A live recorder on the desk: its blocks come home into an archive, and its live frames run ahead of them, for the eye.

Whatever is lost on the way, what is home stays; blocks that were missed are fetched when the recorder is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import LinkError, LinkLostError, OctoleadError, SourceError
from ..link import Notice, Recorder, Sync
from .desk import Desk
from .notices import told

RING_S: Final = 30.0
_REFRESH_S: Final = 1.0
_SILENT_S: Final = 3.0
_WORK_S: Final = 20.0
_FOREVER: Final = 1 << 30
_NOTICES: Final = 100

Connect = Callable[[], Awaitable[Recorder]]


class Live:
    """Follows a recorder in a thread of its own.

    Args:
        connect: opens a session; called again after each loss.
        folder: of the archive.
        start_if_idle: begin a recording when there is none: for the simulator.

    Attributes:
        state: what the page shows: ``connection`` (connecting, live, catching up, lost, refused), ``words``, ``behind`` in blocks.
    """

    def __init__(self, connect: Connect, folder: Path, *, start_if_idle: bool = False) -> None:
        self._connect, self._folder, self._start_if_idle = connect, folder, start_if_idle
        self.state: dict[str, Any] = {"connection": "connecting", "words": "", "behind": 0}
        self.session_id = ""
        self.desk: Desk | None = None
        self._notices: deque[dict[str, Any]] = deque(maxlen=_NOTICES)
        self._n_notices = 0
        self._ring: deque[tuple[int, np.ndarray[Any, Any]]] = deque()
        self._heard = time.monotonic()
        self._first_block, self._over = Event(), Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._run, name="octolead-live", daemon=True)
        self._refresher = Thread(target=self._refresh, name="octolead-refresh", daemon=True)

    def begin(self) -> None:
        """Start to follow; nothing when it was started."""
        if not self._thread.is_alive() and not self._over.is_set():
            self._thread.start()

    def end(self) -> None:
        """Stop; what is home is saved."""
        self._over.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it was over before
                self._loop.call_soon_threadsafe(self._cancel)
        for thread in (self._thread, self._refresher):
            if thread.is_alive():
                thread.join(10)

    def wait_for_file(self, timeout_s: float) -> Path:
        """Return the recording's file once its first block is home.

        Raises:
            LinkLostError: none came in time; the message says what the link said.
        """
        self.begin()
        if not self._first_block.wait(timeout_s):
            said = self.state["words"] or "nothing was said"
            raise LinkLostError(f"no block of a running recording came home within {timeout_s:g} s: {said}; is it recording?")
        return self._folder / f"{self.session_id}.olr"

    def attach(self, desk: Desk) -> None:
        """Keep a desk up to date from now on."""
        self.desk = desk
        self._refresher.start()

    # --- the link ---

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._follow())

    async def _follow(self) -> None:
        self._loop = asyncio.get_running_loop()
        sync = Sync(self._folder, self._open, progress=self._progress, say=self._lost, patience=_FOREVER)
        work = asyncio.ensure_future(sync.run(follow=True))
        self._tasks.add(work)  # type: ignore[arg-type]
        try:
            await work
        except asyncio.CancelledError:
            raise
        except (OctoleadError, OSError) as error:
            self.state = {"connection": "refused", "words": str(error), "behind": 0}

    def _cancel(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def _open(self) -> Recorder:
        self.state = {**self.state, "connection": "connecting"}
        try:
            recorder = await self._connect()
        except OctoleadError as error:
            if isinstance(error, LinkError) and not isinstance(error, LinkLostError):
                raise
            raise LinkLostError(str(error)) from error
        recorder.on_notice = self._noticed
        status = await recorder.status()
        if self._start_if_idle and status.state == "idle":
            await recorder.start()
            status = await recorder.status()
        self.session_id = status.fields["session_id"].hex()
        self._heard = time.monotonic()
        self.state = {**self.state, "connection": "live", "words": ""}
        task = asyncio.create_task(self._watch(recorder))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return recorder

    async def _watch(self, recorder: Recorder) -> None:
        """Keep the live frames of the last half minute."""
        with contextlib.suppress(LinkError):
            async for some in recorder.live(0xFF, 1):
                self._heard = time.monotonic()
                self._ring.append((some.first_frame, some.values))
                while len(self._ring) > 1 and some.first_frame - self._ring[0][0] > RING_S * 1000:
                    self._ring.popleft()

    def _noticed(self, notice: Notice) -> None:
        """Marks are shown before their block is home."""
        what = told(notice)
        if what is not None:
            self._n_notices += 1
            self._notices.append({"number": self._n_notices, **what})

    def _progress(self, done: int, of: int, n_bytes: int) -> None:
        del n_bytes
        behind = max(0, of - done)
        self.state = {**self.state, "connection": "catching up" if behind > 1 else "live", "behind": behind}
        if done and (self._folder / f"{self.session_id}.olr").exists():
            self._first_block.set()

    def _lost(self, words: str) -> None:
        self.state = {"connection": "lost", "words": words, "behind": self.state["behind"]}

    # --- the desk ---

    def _refresh(self) -> None:
        last = time.monotonic()
        while not self._over.wait(_REFRESH_S):
            if self.desk is None:
                continue
            try:
                grew = self.desk.refresh()
            except (SourceError, OSError):
                continue  # between two writes of the archive; the next look finds it
            if grew and not self.desk.is_busy and time.monotonic() - last > _WORK_S:
                last = time.monotonic()
                self.desk.begin()

    def routes(self, careful: Callable[[Any], Any]) -> list[Route]:
        """What the page asks."""
        return [Route("/api/live", careful(self._answer), methods=["GET"])]

    async def _answer(self, request: Request) -> Response:
        """Live frames from `since` on: uint32 length of a JSON head, the head padded to four bytes, float32 µV (frames, leads).

        The head holds the notices after number `heard`, too.
        """
        since = int(request.query_params.get("since", 0))
        step_uv = self.desk.recording.step_uv if self.desk else 1.0
        first = since
        parts: list[np.ndarray[Any, Any]] = []
        for at, values in list(self._ring):
            stop = at + len(values)
            if stop <= since:
                continue
            if parts and at != first + sum(map(len, parts)):
                parts = []  # frames were left out on the air: the page gets what follows
            if not parts:
                first = max(at, since)
            parts.append(values[max(0, since - at) :] if not parts else values)
        frames = np.concatenate(parts).astype("<f4") * np.float32(step_uv) if parts else np.zeros((0, 8), "<f4")
        silent_s = time.monotonic() - self._heard
        state = self.state | ({"connection": "silent"} if silent_s > _SILENT_S and self.state["connection"] == "live" else {})
        heard = int(request.query_params.get("heard", 0))
        new = [notice for notice in list(self._notices) if notice["number"] > heard]
        head = json.dumps(
            {**state, "notices": new, "silent_s": round(silent_s, 1), "first": first, "n": len(frames), "leads": frames.shape[1]}
        ).encode()
        head += b" " * (-len(head) % 4)
        return Response(len(head).to_bytes(4, "little") + head + frames.tobytes(), media_type="application/octet-stream")
