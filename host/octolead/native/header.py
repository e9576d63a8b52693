# SPDX-License-Identifier: Apache-2.0
"""Headers of blocks, and finding out whether a block is sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from .. import _constants as c
from ..errors import BlockError
from .buffers import Data, bytes_of
from .core import ffi, lib
from .faults import block_error

PAYLOAD_ROOM: Final = c.MAX_BLOCK_BYTES - c.BLOCK_HEADER_SIZE
"""Payload bytes of the largest block without events."""

HEADER_TYPES: Final = {
    "uint8_t": "u1", "uint16_t": "<u2", "int16_t": "<i2", "uint32_t": "<u4", "uint64_t": "<u8", "int64_t": "<i8",
    "int32_t": "<i4", "uint8_t[8]": ("u1", (8,)), "uint8_t[16]": ("u1", (16,)),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """The header of a block, field by field as docs/SPEC.md names them; `lead_ids` holds only the leads in use."""

    first_frame: int
    n_frames: int
    rate_mhz: int
    lead_ids: tuple[int, ...]
    step_nv_num: int
    step_nv_den: int
    device_id: bytes = bytes(8)
    session_id: bytes = bytes(8)
    block_number: int = 0
    ring_seq: int = 0
    flags: int = 0
    codec_id: int = c.CODEC_RAW24
    anchor_frame: int = 0
    anchor_utc_us: int = c.ANCHOR_UNKNOWN
    anchor_uncertainty_ms: int = c.UNCERTAINTY_UNKNOWN
    gain: int = 0
    shift: int = 0
    signal_source: int = c.SIGNAL_SOURCE_ELECTRODES
    slot_sectors: int = 0
    lead_off: int = 0
    saturated: int = 0
    inputs: int = 0
    battery_mv: int = 0
    temperature_cdeg: int = c.TEMPERATURE_UNKNOWN
    write_last_ms: int = 0
    write_max_ms: int = 0
    frames_lost: int = 0
    calibration_id: int = 0
    chain_tag: bytes = bytes(16)
    version_major: int = c.VERSION_MAJOR
    version_minor: int = c.VERSION_MINOR
    header_bytes: int = c.BLOCK_HEADER_SIZE
    block_bytes: int = 0
    payload_bytes: int = 0
    ring_tag: int = 0
    body_crc32: int = 0
    header_crc32: int = 0

    @property
    def n_leads(self) -> int:
        """Leads in the block."""
        return len(self.lead_ids)

    @property
    def stop_frame(self) -> int:
        """Frame after the last one."""
        return self.first_frame + self.n_frames

    @property
    def is_checkpoint(self) -> bool:
        """Whether this is the image of an open block."""
        return bool(self.flags & c.FLAG_CHECKPOINT)

    @property
    def is_encrypted(self) -> bool:
        """Whether the body is enciphered."""
        return bool(self.flags & c.FLAG_ENCRYPTED)

    @property
    def is_chained(self) -> bool:
        """Whether `chain_tag` is set."""
        return bool(self.flags & c.FLAG_CHAINED)

    @property
    def is_last(self) -> bool:
        """Whether the session was stopped in order with this block."""
        return bool(self.flags & c.FLAG_LAST)

    @property
    def has_time(self) -> bool:
        """Whether the time of day is known."""
        return self.anchor_utc_us != c.ANCHOR_UNKNOWN


def parse_header(data: Data, offset: int = 0) -> BlockHeader:
    """Return the header of the block at `offset`; the body need not be there and is not looked at.

    Raises:
        BlockError: no block stands there, or one of a newer major version.
    """
    view, raw = parse_block(data, offset)
    del view
    return _header_of(raw)


def check_body(data: Data, offset: int = 0) -> str:
    """Return in words what is wrong with the body of the block at `offset`; "" if it is whole and can be read."""
    try:
        open_block(data, offset)
    except BlockError as error:
        return str(error)
    return ""


def parse_block(data: Data, offset: int) -> tuple[Any, Any]:
    """Return the bytes and the C header at `offset`."""
    view = bytes_of(data)
    if not 0 <= offset <= len(view):
        raise ValueError(f"offset {offset} is outside the {len(view)} bytes")
    header = ffi.new("ol_block_header *")
    status = lib.ol_block_parse(view + offset, len(view) - offset, header)
    if status < 0:
        raise block_error(view, offset, status)
    return view, header


def open_block(data: Data, offset: int) -> tuple[Any, Any]:
    """Return the same for a block whose body is whole and may be read."""
    view, header = parse_block(data, offset)
    status = lib.ol_block_check_body(view + offset, len(view) - offset, header)
    if status == lib.OL_OK:
        status = lib.ol_block_readable(header)
    if status < 0:
        raise block_error(view, offset, status)
    return view, header


_ARRAYS: Final = ("device_id", "session_id", "chain_tag")

_PLAIN: Final = tuple(f.name for f in fields(BlockHeader) if f.name not in (*_ARRAYS, "lead_ids"))


def _header_of(raw: Any) -> BlockHeader:
    values: dict[str, Any] = {name: getattr(raw, name) for name in _PLAIN}
    values |= {name: bytes(ffi.buffer(getattr(raw, name))) for name in _ARRAYS}
    return BlockHeader(lead_ids=tuple(raw.lead_ids)[: raw.n_leads], **values)


def raw_header(header: BlockHeader) -> Any:
    """Return the header as the core takes it."""
    raw = ffi.new("ol_block_header *")
    for name in _PLAIN:
        try:
            setattr(raw, name, getattr(header, name))
        except (OverflowError, TypeError) as error:
            raise ValueError(f"{name} is {getattr(header, name)!r}: {error}") from error
    for name in _ARRAYS:
        value, member = getattr(header, name), getattr(raw, name)
        if len(value) != len(member):
            raise ValueError(f"{name} has {len(value)} bytes, {len(member)} are needed")
        ffi.memmove(member, value, len(member))
    layout = layout_of(header.lead_ids, header.rate_mhz)
    raw.n_leads = layout.n_leads
    raw.lead_ids = layout.lead_ids
    return raw


def layout_of(lead_ids: Sequence[int], rate_mhz: int) -> Any:
    """Return the `ol_layout` of leads and a rate."""
    if not 1 <= len(lead_ids) <= c.MAX_LEADS or any(not 0 <= lead <= 255 for lead in lead_ids):
        raise ValueError(f"lead_ids is {tuple(lead_ids)}, 1 to {c.MAX_LEADS} numbers from 0 to 255 are needed")
    if not 0 < rate_mhz < 1 << 32:
        raise ValueError(f"rate_mhz is {rate_mhz}, 1 to {(1 << 32) - 1} are possible")
    padding = (0,) * (c.MAX_LEADS - len(lead_ids))
    return ffi.new("ol_layout *", {"rate_mhz": rate_mhz, "n_leads": len(lead_ids), "lead_ids": (*map(int, lead_ids), *padding)})
