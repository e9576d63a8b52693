# SPDX-License-Identifier: Apache-2.0
"""A stretch of signal from a recorder: start, wait, stop, fetch its own blocks, decode. Lossless, whatever the link did."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CalibrationError, SourceError
from ..link.sync import parse_block
from ..measure.estimate import Floats
from ..recording import Recording
from ..recording import open as open_recording

if TYPE_CHECKING:
    from ..link import Recorder

_POLL_S = 0.05
_SETTLE_S = 0.2  # of signal at the beginning that is left out: the converter and the reference settle
SHIFT = 0


@dataclass(frozen=True)
class Taken:
    """µV (frames, leads), nominal, and what stood beside it.

    Attributes:
        saturated: leads that were at the converter's limit.
        step_uv: of the stored values.
        temperature_c: of the recorder, None where it does not measure it.
    """

    microvolt: Floats
    rate_hz: float
    saturated: tuple[str, ...]
    step_uv: float
    temperature_c: float | None


async def take(recorder: Recorder, seconds: float, *, source: int, rate_hz: int, gain: int, patience: float = 3.0) -> Taken:
    """Record so many seconds of one source.

    Args:
        recorder: an idle one.
        seconds: of signal.
        source: a value of `signal_source`.
        rate_hz: to record with.
        gain: of the amplifier.
        patience: how many times longer than the signal it may take.

    Raises:
        CalibrationError: it records already, or frames are missing.
        LinkError: the recorder refuses or is gone.
    """
    status = await recorder.status()
    if status.state == "recording":
        raise CalibrationError("refused", "the recorder is recording: octolead stop, then calibrate")
    first = (await recorder.range()).next_seq
    session = await recorder.start(rate_hz=rate_hz, gain=gain, shift=SHIFT, source=source)
    try:
        await _wait(recorder, round((seconds + _SETTLE_S) * rate_hz), patience * seconds + 10)
    finally:
        await recorder.stop()
    blocks = await _fetch(recorder, first, session)
    return _decoded(blocks, round(seconds * rate_hz))


async def _wait(recorder: Recorder, n_frames: int, limit_s: float) -> None:
    """Until so many frames are counted."""
    try:
        async with asyncio.timeout(limit_s):
            while (await recorder.status()).fields["frame"] < n_frames:
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        words = f"{n_frames} frames did not come within {limit_s:.0f} s: does its converter run? octolead selftest says"
        raise CalibrationError("frames", words) from error


async def _fetch(recorder: Recorder, first: int, session: bytes) -> bytes:
    """The sealed blocks of the session, one after another."""
    last = (await recorder.range()).next_seq
    found = []
    async for piece in recorder.fetch(first, last):
        block = parse_block(piece.data) if piece.data else None
        if block is not None and block.session_id == session and not block.is_checkpoint:
            found.append(piece.data)
    return b"".join(found)


def _decoded(blocks: bytes, n_frames: int) -> Taken:
    with tempfile.TemporaryDirectory(prefix="octolead-cal-") as folder:
        path = Path(folder) / "taken.olr"
        path.write_bytes(blocks)
        try:
            with open_recording(path, check=True, calibrated=False) as recording:
                return _taken(recording, n_frames)
        except SourceError as error:
            raise CalibrationError("frames", f"what was recorded cannot be read ({error}): measure again") from error


def _taken(recording: Recording, n_frames: int) -> Taken:
    missing = sum(gap.n_frames for gap in recording.gaps)
    if missing or recording.n_frames < n_frames:
        words = f"{missing} frames are missing, {recording.n_frames} of {n_frames} came: look at the card and the load, and measure again"
        raise CalibrationError("frames", words)
    signal = recording.signal_uv(recording.n_frames - n_frames, recording.n_frames)
    temperatures = recording.temperature[1]
    warmth = float(np.mean(temperatures)) if len(temperatures) else None
    limits = tuple(sorted({span.name for span in recording.saturation}))
    return Taken(signal.astype(np.float64), recording.fs_hz, limits, recording.step_uv, warmth)
