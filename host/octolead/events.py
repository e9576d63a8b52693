# SPDX-License-Identifier: Apache-2.0
"""Events of blocks (docs/SPEC.md 3.2), read only from bodies whose CRC is right."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import native
from .errors import BlockError

if TYPE_CHECKING:
    from .index import Index, SessionBlocks

_SHORTEST = {
    c.EVENT_MARK: 1,
    c.EVENT_LEAD_OFF: 2,
    c.EVENT_SATURATED: 1,
    c.EVENT_GAP: 9,
    c.EVENT_ANCHOR: 12,
    c.EVENT_LEAD_SCALE: 18,
    c.EVENT_SOURCE: 1,
    c.EVENT_BUTTON: 1,
    c.EVENT_FAULT: 5,
    c.EVENT_NOTE: 0,
    c.EVENT_START: 1,
    c.EVENT_STOP: 1,
}


@dataclass(frozen=True)
class Event:
    """One event: absolute frame, offset in its block (frames), type (docs/SPEC.md `event`), data."""

    frame: int
    frame_offset: int
    type: int
    data: bytes

    @property
    def is_known(self) -> bool:
        """Whether this reader knows the type and the data is long enough for it."""
        return len(self.data) >= _SHORTEST.get(self.type, 1 << 16)


@dataclass(frozen=True)
class LeadScale:
    """Scale of one lead: value in nV = (stored - zero) · step_nv."""

    lead: int
    zero: int
    step_nv: Fraction


def read_events(data: npt.NDArray[np.uint8], offset: int, first_frame: int) -> tuple[list[Event], str]:
    """(events of the block at `offset`, what is wrong with their list or "")."""
    found: list[Event] = []
    try:
        for event in native.iter_events(data, offset):
            found.append(Event(first_frame + event.frame_offset, event.frame_offset, event.type, bytes(event.data)))
    except BlockError as error:
        return found, str(error)
    return found, ""


def has_events(block: Any) -> bool:
    """Whether there is room for an event behind the payload."""
    return int(block["block_bytes"]) - int(block["header_bytes"]) - int(block["payload_bytes"]) >= c.EVENT_HEADER_SIZE


def of_block(index: Index, block: Any) -> list[Event]:
    """Known events of a block; none if its body is damaged or cannot be read."""
    if not has_events(block):
        return []
    if index.is_locked(block) or index.body_error(block):
        return []
    data, offset = index.data_of(block)
    return [e for e in read_events(data, offset, int(block["first_frame"]))[0] if e.is_known]


def of_session(index: Index, session: SessionBlocks) -> Iterator[Event]:
    """Known events of all sound blocks, in order. Blocks without room for one are not touched."""
    blocks = session.blocks
    spare = blocks["block_bytes"].astype(int) - blocks["header_bytes"] - blocks["payload_bytes"]
    for i in (spare >= c.EVENT_HEADER_SIZE).nonzero()[0]:
        yield from of_block(index, blocks[i])


def lead_scales(events: Iterable[Event]) -> list[LeadScale]:
    """The LEAD_SCALE events among these."""
    scales = []
    for event in events:
        if event.type == c.EVENT_LEAD_SCALE and event.is_known:
            lead, zero, num, den = struct.unpack_from("<BxiQI", event.data)
            if num and den:
                scales.append(LeadScale(lead, zero, Fraction(num, den)))
    return scales


def encode_event(kind: int, frame_offset: int, data: bytes = b"") -> bytes:
    """The bytes of one event.

    Raises:
        ValueError: the data is over 255 bytes or the offset does not fit.
    """
    if len(data) > 255 or not 0 <= frame_offset < 1 << 16:
        raise ValueError(f"event {kind}: {len(data)} bytes of data (at most 255), frame offset {frame_offset} (below 65536)")
    return struct.pack(c.EVENT_HEADER_FORMAT, kind, len(data), frame_offset) + data


def encode_lead_scale(scale: LeadScale) -> bytes:
    """A LEAD_SCALE event; its step must fit 64 over 32 bits."""
    return encode_event(
        c.EVENT_LEAD_SCALE,
        0,
        struct.pack("<BxiQI", scale.lead, scale.zero, scale.step_nv.numerator, scale.step_nv.denominator),
    )
