# SPDX-License-Identifier: Apache-2.0
"""Events of blocks, and sealing."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from .. import _constants as c
from ..errors import BlockError
from .buffers import Data, bytes_of
from .core import ffi, lib
from .faults import block_error
from .header import PAYLOAD_ROOM, BlockHeader, open_block, raw_header


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `frame_offset` counts from the block's first frame, `data` is as docs/SPEC.md 3.2 lays it out."""

    type: int
    frame_offset: int
    data: bytes = b""


def crc32(data: Data, value: int = 0) -> int:
    """Return the CRC-32/ISO-HDLC of data, going on from `value`.

    >>> hex(crc32(b"123456789"))
    '0xcbf43926'
    """
    view = bytes_of(data)
    return int(lib.ol_crc32(value, view, len(view)))


def iter_events(data: Data, offset: int = 0, *, findings: list[BlockError] | None = None) -> list[Event]:
    """Return the events of the block at `offset`.

    Args:
        data: what holds the block.
        offset: byte at which it begins.
        findings: where to report an event that runs past the block; the events before it are returned.
            Without it that is raised.

    Raises:
        BlockError: the header or the body is damaged or refused.
    """
    view, header = open_block(data, offset)
    block, event, at = view + offset, ffi.new("ol_event *"), ffi.new("size_t *", lib.ol_block_events_at(header))
    events = []
    while (found := lib.ol_event_next(block, header.block_bytes, at, event)) == 1:
        events.append(Event(event.type, event.frame_offset, bytes(ffi.buffer(event.data, event.length))))
    if found < 0:
        error = block_error(view, offset, found)
        if findings is None:
            raise error
        findings.append(error)
    return events


def pack_events(events: Iterable[Event]) -> bytes:
    """Return events as they stand in a block."""
    try:
        return b"".join(struct.pack(c.EVENT_HEADER_FORMAT, e.type, len(e.data), e.frame_offset) + e.data for e in events)
    except struct.error as error:
        raise ValueError(f"an event's type and length must be 0 to 255, its frame_offset 0 to 65535: {error}") from error


def seal_block(header: BlockHeader, payload: Data, events: Data | Iterable[Event] = b"") -> bytes:
    """Return the whole block. The lengths, the version and the CRCs of `header` are computed and not looked at.

    Raises:
        ValueError: a field or the events break a rule of docs/SPEC.md section 3, or the block is over 16384 bytes.
    """
    body = bytes_of(payload)
    tail = bytes_of(events if isinstance(events, (bytes, bytearray, memoryview)) else pack_events(events))
    block = ffi.new("uint8_t[]", c.MAX_BLOCK_BYTES)
    if len(body) <= PAYLOAD_ROOM:
        ffi.memmove(block + c.BLOCK_HEADER_SIZE, body, len(body))
    size = lib.ol_block_seal(raw_header(header), block, c.MAX_BLOCK_BYTES, len(body), tail, len(tail))
    if size == lib.OL_E_ROOM:
        raise ValueError(f"payload of {len(body)} and events of {len(tail)} bytes: over {c.MAX_BLOCK_BYTES} with the header")
    if size < 0:
        raise ValueError(f"the header or the events break a rule of docs/SPEC.md section 3: {header}")
    return bytes(ffi.buffer(block, size))
