# SPDX-License-Identifier: Apache-2.0
"""Another maker's record as an `.olr`: the same integers, the same steps, what is missing as gaps."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import native
from .errors import ImportRefused
from .events import LeadScale, encode_event, encode_lead_scale
from .imported import ImportedSignal
from .leads import lead_name
from .reader import MISSING_RAW

DEFAULT_CODEC = c.CODEC_ADAPTIVE
_NOTE_ROOM = 1500
_SATURATED_BYTES = c.EVENT_HEADER_SIZE + 1
_MAX_DEN, _MAX_NUM = 2**32 - 1, 2**64 - 1


@dataclass(frozen=True)
class Encoded:
    """What was written: sizes in frames, blocks and bytes; `messages` are sentences for people."""

    path: Path
    session_id: str
    n_frames: int
    n_missing: int
    n_leads: int
    n_blocks: int
    n_bytes: int
    messages: tuple[str, ...]

    @property
    def bits_per_sample(self) -> float:
        """All bytes of all blocks over the samples that are there."""
        samples = (self.n_frames - self.n_missing) * self.n_leads
        return 8 * self.n_bytes / samples if samples else 0.0


@dataclass(frozen=True)
class _Plan:
    """What is the same in every block."""

    header: native.BlockHeader
    scales: bytes
    notes: bytes
    saturated: npt.NDArray[np.uint8]
    room: int
    codec_id: int


def encode(
    signal: ImportedSignal,
    out: str | os.PathLike[str],
    *,
    slot_bytes: int = c.MAX_BLOCK_BYTES,
    codec_id: int = DEFAULT_CODEC,
    partial_gaps: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Encoded:
    """Write a record as an `.olr`, whole or not at all.

    Args:
        signal: from `importers.load`.
        out: the file; replaced if it is there.
        slot_bytes: largest block, 4096 to 16384, a multiple of 512. On the desk no power is lost: the largest is the smallest file.
        codec_id: docs/SPEC.md `codec`.
        partial_gaps: drop frames in which only some leads have a value, instead of refusing.
        progress: called with (frames done, frames).

    Raises:
        ImportRefused: the format cannot keep it; the message names what.
        ValueError: `slot_bytes` is not possible.
        OSError: the file cannot be written.
    """
    if not c.MIN_SLOT_BYTES <= slot_bytes <= c.MAX_BLOCK_BYTES or slot_bytes % c.SECTOR_BYTES:
        raise ValueError(f"slot of {slot_bytes} bytes: {c.MIN_SLOT_BYTES} to {c.MAX_BLOCK_BYTES} in steps of {c.SECTOR_BYTES} are possible")
    good, messages = _frames_there(signal, partial_gaps)
    plan, said = _plan(signal, slot_bytes, codec_id)
    n_blocks = n_bytes = 0
    path = Path(out)
    with replacing(path) as file:
        for block, done in _blocks(signal, plan, good):
            file.write(block)
            n_blocks += 1
            n_bytes += len(block)
            if progress:
                progress(done, signal.n_frames)
    return Encoded(
        path,
        plan.header.session_id.hex(),
        signal.n_frames,
        int((~good).sum()),
        len(signal.lead_ids),
        n_blocks,
        n_bytes,
        (*signal.messages, *messages, *said),
    )


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when all is written, and leaves nothing when it is not."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def storable_step(step_nv: Fraction) -> tuple[Fraction, bool]:
    """The step as the format holds it (64 over 32 bits), and whether that is exact.

    >>> storable_step(Fraction(5000))
    (Fraction(5000, 1), True)
    """
    if step_nv.numerator <= _MAX_NUM and step_nv.denominator <= _MAX_DEN:
        return step_nv, True
    near = step_nv.limit_denominator(_MAX_DEN)
    if not 0 < near.numerator <= _MAX_NUM:
        raise ImportRefused(f"a step of {float(step_nv):g} nV does not fit the format; choose one with --step")
    return near, False


def session_id_of(raw: npt.NDArray[np.int32]) -> str:
    """The session id that a record gets, in hex: of its samples, so that the same record always has the same."""
    return hashlib.sha256(np.ascontiguousarray(raw, "<i4").data).hexdigest()[:16]


def _frames_there(signal: ImportedSignal, partial_gaps: bool) -> tuple[npt.NDArray[np.bool_], list[str]]:
    missing = signal.missing()
    good = np.asarray(~missing.any(axis=1))
    partly = ~good & ~missing.all(axis=1)
    if partly.any() and not partial_gaps:
        first = int(np.argmax(partly))
        names = ", ".join(signal.names[k] for k in np.flatnonzero(missing[partly].any(axis=0)))
        raise ImportRefused(
            f"{int(partly.sum())} frames, the first at {first}, have no value in {names} but have one in other leads; a gap "
            "is of all leads: leave those leads out with --leads, or drop these frames with --partial-gaps"
        )
    if not good.any():
        raise ImportRefused("the record has no frames" if not len(good) else "no frame of the record has a value")
    messages = []
    if not good.all():
        messages.append(
            f"{int((~good).sum())} frames without a value in the source become gaps"
            + (f"; {int(partly.sum())} of them had one in some leads" if partly.any() else "")
        )
    return good, messages


def _plan(signal: ImportedSignal, slot_bytes: int, codec_id: int) -> tuple[_Plan, list[str]]:
    rate_mhz = signal.rate_hz * 1000
    if rate_mhz.denominator != 1 or not 0 < rate_mhz < 2**32:
        raise ImportRefused(f"a rate of {float(signal.rate_hz):g} samples/s is not a whole number of mHz; choose one with --rate")
    messages = []
    steps = []
    for name, step in zip(signal.names, signal.step_nv, strict=True):
        near, exact = storable_step(step)
        steps.append(near)
        if not exact:
            messages.append(f"step of {name}: kept to within 1e-18 of its value (the exact gain is kept as a note)")
    for name, zero in zip(signal.names, signal.zero, strict=True):
        if not -(2**31) <= zero < 2**31:
            raise ImportRefused(f"lead {name}: a baseline of {zero} does not fit 32 bits")
    common = Counter(steps).most_common(1)[0][0]
    scales = b"".join(
        encode_lead_scale(LeadScale(k, zero, step))
        for k, (zero, step) in enumerate(zip(signal.zero, steps, strict=True))
        if zero or step != common
    )
    header = native.BlockHeader(
        first_frame=0,
        n_frames=0,
        rate_mhz=int(rate_mhz),
        lead_ids=signal.lead_ids,
        step_nv_num=common.numerator,
        step_nv_den=common.denominator,
        codec_id=codec_id,
        signal_source=c.SIGNAL_SOURCE_IMPORTED,
        slot_sectors=slot_bytes // c.SECTOR_BYTES,
        session_id=bytes.fromhex(session_id_of(signal.raw)),
        anchor_utc_us=c.ANCHOR_UNKNOWN if signal.start_utc_us is None else signal.start_utc_us,
    )
    room = slot_bytes - c.BLOCK_HEADER_SIZE
    return _Plan(header, scales, _notes(signal.notes, messages), _saturated(signal), room, codec_id), messages


def _notes(notes: Sequence[str], messages: list[str]) -> bytes:
    out = b""
    for note in notes:
        event = encode_event(c.EVENT_NOTE, 0, note.encode()[:255].decode("utf-8", "ignore").encode())
        if len(out) + len(event) > _NOTE_ROOM:
            messages.append("some notes of the record are left out: they take too much room")
            break
        out += event
    return out


def _saturated(signal: ImportedSignal) -> npt.NDArray[np.uint8]:
    """uint8 (frames,): bit k where lead k is at its converter's limit."""
    mask = np.zeros(signal.n_frames, np.uint8)
    for k, limits in enumerate(signal.limits):
        if limits is not None:
            column = signal.raw[:, k]
            mask |= ((column <= limits[0]) | (column >= limits[1])).astype(np.uint8) << k
    return mask


def _runs(good: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _blocks(signal: ImportedSignal, plan: _Plan, good: npt.NDArray[np.bool_]) -> Iterator[tuple[bytes, int]]:
    """(block, frames done) one after another."""
    runs = _runs(good)
    if runs[-1][1] < signal.n_frames:
        runs.append((signal.n_frames, signal.n_frames))  # an empty block that carries the gap at the end
    number, previous = 0, 0
    for start, stop in runs:
        gap = start - previous
        while start < stop or gap:
            before = _events_before(plan, number, gap)
            taken, payload = _fill(signal, plan, start, stop, len(before))
            last = start + taken == signal.n_frames
            yield _seal(plan, number, start, taken, payload, before, last), start + taken
            start, gap, number = start + taken, 0, number + 1
        previous = stop


def _events_before(plan: _Plan, number: int, gap: int) -> bytes:
    events = plan.scales
    if gap:
        events += encode_event(c.EVENT_GAP, 0, struct.pack("<BQ", c.GAP_CAUSE_UNKNOWN, gap))
    if number == 0:
        events += encode_event(c.EVENT_START, 0, bytes([c.START_REASON_COMMAND])) + plan.notes
    return events


def _changes(plan: _Plan, start: int, taken: int) -> npt.NDArray[np.intp]:
    """Offsets in the block, after its first frame, at which the saturation changes."""
    part = plan.saturated[start : start + taken]
    return np.flatnonzero(part[1:] != part[:-1]) + 1


def _fill(signal: ImportedSignal, plan: _Plan, start: int, stop: int, before: int) -> tuple[int, bytes]:
    """As many frames as fit beside their events: (frames, payload)."""
    stop = min(stop, start + c.MAX_FRAMES_PER_BLOCK)
    fixed = before + 2 * c.EVENT_HEADER_SIZE + 1  # STOP, and padding
    capacity = plan.room - fixed
    while True:
        encoder = native.Encoder(
            codec_id=plan.codec_id, lead_ids=signal.lead_ids, rate_mhz=plan.header.rate_mhz, capacity=capacity // 4 * 4
        )
        try:
            taken = encoder.push(signal.raw[start:stop]) if stop > start else 0
        except ValueError as error:
            raise ImportRefused(f"{_widest(signal)}: {error}; choose a larger step with --step") from error
        payload = encoder.finish()
        extra = _SATURATED_BYTES * len(_changes(plan, start, taken))
        if len(payload) + fixed + extra <= plan.room:
            return taken, payload
        capacity = min(plan.room - fixed - extra, capacity - 64) if extra < plan.room // 2 else capacity // 2
        if capacity < 256:
            stop, capacity = start + max(1, taken // 2), plan.room - fixed


def _widest(signal: ImportedSignal) -> str:
    values = np.where(signal.missing(), 0, np.abs(signal.raw.astype(np.int64)))
    return f"lead {lead_name(signal.lead_ids[int(values.max(axis=0).argmax())])} holds values up to {int(values.max())}"


def _seal(plan: _Plan, number: int, start: int, taken: int, payload: bytes, before: bytes, last: bool) -> bytes:
    changes = b"".join(encode_event(c.EVENT_SATURATED, int(at), bytes([plan.saturated[start + at]])) for at in _changes(plan, start, taken))
    stop = encode_event(c.EVENT_STOP, taken, bytes([c.STOP_REASON_COMPLETE])) if last else b""
    header = replace(
        plan.header,
        block_number=number,
        ring_seq=number,
        first_frame=start,
        n_frames=taken,
        flags=c.FLAG_LAST if last else 0,
        saturated=int(plan.saturated[start]) if taken else 0,
    )
    return native.seal_block(header, payload, before + changes + stop)


__all__ = ["DEFAULT_CODEC", "MISSING_RAW", "Encoded", "encode", "replacing", "session_id_of", "storable_step"]
