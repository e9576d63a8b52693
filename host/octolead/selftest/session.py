# SPDX-License-Identifier: Apache-2.0
"""Sessions that are recorded for a trial, and brought home by themselves; and what the recorder's clock says beside ours."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..link import Recorder
from ..measure import rate_error_of_clock
from ..recording import Recording
from ..recording import open as open_recording

_LOOKS = 8
_T_95 = 2.23  # Student's factor of ten degrees of freedom


@dataclass(frozen=True)
class ClockReading:
    """The recorder's frame, and when its answer came by this computer's clock."""

    frame: int
    at_s: float
    round_trip_s: float


async def read_clock(recorder: Recorder) -> ClockReading:
    """The best of a few looks: the one with the shortest round trip."""
    found = []
    for _ in range(_LOOKS):
        began = time.monotonic()
        frame = int((await recorder.status()).fields["frame"])
        ended = time.monotonic()
        found.append(ClockReading(frame, ended, ended - began))
    return min(found, key=lambda reading: reading.round_trip_s)


def drift(readings: Sequence[ClockReading], rate_hz: float, speed: float = 1.0) -> tuple[float, float]:
    """How much faster than its rate a recorder counts frames by this computer's clock, in ppm, and the half width of that (95 %).

    A line through a dozen readings of one session. A request waits up to 10 ms until the recorder looks at it, its answer goes at
    once: so the answer's moment counts. What is the same in all of them cancels, and the rest is seen as distance from the line.
    Frames are counted whole: less than that gives is not believed. `speed` is the recorder's seconds in one of ours.

    >>> readings = [ClockReading(500 * s + s // 10, float(s), 0.0005) for s in range(0, 111, 10)]
    >>> found, width = drift(readings, 500)
    >>> round(found), round(width)
    (200, 11)
    """
    frames = np.array([reading.frame for reading in readings], np.float64)
    seconds = np.array([reading.at_s for reading in readings]) * speed
    found = rate_error_of_clock(frames, seconds, rate_hz)
    by_frames_ppm = 1e6 / rate_hz / math.sqrt(12) / float(np.sqrt(((seconds - seconds.mean()) ** 2).sum()))
    return found.value, _T_95 * max(by_frames_ppm, found.u if math.isfinite(found.u) else math.inf)


async def record(
    recorder: Recorder,
    folder: Path,
    seconds: float,
    *,
    speed: float = 1.0,
    during: Callable[[], Awaitable[None]] | None = None,
    key: bytes | None = None,
    rate_hz: int = 500,
    **start: int,
) -> Recording:
    """Record so many seconds of the recorder, doing `during` amid them, and open what came home.

    Raises:
        LinkError: the recorder refuses, or is gone.
        SessionError: nothing that can be read came home.
    """
    first = (await recorder.range()).next_seq
    session = (await recorder.start(rate_hz=rate_hz, **start)).hex()
    try:
        until = time.monotonic() + seconds / speed
        if during:
            await during()
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        await _frames_there(recorder, round(seconds * rate_hz))
    finally:
        await recorder.stop()
    path = folder / f"{session}.olr"
    last = (await recorder.range()).next_seq
    with path.open("wb") as file:
        async for piece in recorder.fetch(first, last):
            file.write(piece.data)
    return open_recording(path, session=session, key=key)


async def _frames_there(recorder: Recorder, n: int) -> None:
    """A simulator on a busy computer may be late; a recorder is not, and is waited for briefly."""
    until = time.monotonic() + 10
    before = -1
    while time.monotonic() < until:
        frame = int((await recorder.status()).fields["frame"])
        if frame >= n or frame == before:
            return
        before = frame
        await asyncio.sleep(0.2)


def whole_uv(recording: Recording) -> np.ndarray:
    """All frames in µV, shape (frames, leads), NaN where one is missing."""
    return np.asarray(recording.signal_uv(0, recording.n_frames), np.float64)
