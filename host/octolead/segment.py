# SPDX-License-Identifier: Apache-2.0
"""Segment files (docs/SPEC.md 2.1) and the extents that blocks are read from."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .errors import SourceError
from .findings import Findings

SLOT_SIZES = (4096, 8192, 16384)
_MAX_HEADER = 512
_PROBES = 64


@dataclass(frozen=True)
class SegmentHeader:
    """What the first slot of a segment file says; ids in hex, sizes in bytes."""

    version_minor: int
    ring_id: str
    device_id: str
    segment_index: int
    segment_count: int
    slot_bytes: int
    slots_per_segment: int

    @property
    def ring_tag(self) -> int:
        """What the blocks of this ring carry of its id."""
        return int.from_bytes(bytes.fromhex(self.ring_id)[:2], "little")


@dataclass(frozen=True)
class Extent:
    """A stretch of bytes that holds blocks.

    Attributes:
        name: file name, for messages.
        data: its bytes, mapped and read on demand.
        kind: ``ring`` (blocks at slots) or ``flat`` (blocks back to back).
        slot_bytes: slot size of a ring; 0 for flat.
        header: the segment header if there is a sound one.
    """

    name: str
    data: memoryview
    kind: str
    slot_bytes: int = 0
    header: SegmentHeader | None = None

    @cached_property
    def buffer(self) -> npt.NDArray[np.uint8]:
        """The same bytes as an array, for the C core.

        Not the memoryview: CPython's garbage collector may clear a memoryview that C still looks into (a reference
        cycle through a traceback is enough), and crash. An array is not the collector's business.
        """
        return np.frombuffer(self.data, np.uint8)

    @property
    def first(self) -> int:
        """Byte offset of the first block's place."""
        return self.slot_bytes if self.kind == "ring" else 0

    @property
    def ring_slots(self) -> int:
        """Slots of the whole ring this extent belongs to, 0 if not known."""
        return self.header.segment_count * self.header.slots_per_segment if self.header else 0

    def ring_slot(self, offset: int) -> int:
        """Ring slot of the block at `offset` (SPEC 2.2); needs `header`."""
        if self.header is None:
            raise ValueError(f"{self.name}: the segment header is not known")
        return self.header.segment_index * self.header.slots_per_segment + offset // self.slot_bytes - 1


def parse_segment_header(data: memoryview, at: int = 0) -> SegmentHeader | str:
    """The header at `at`, or in words what is wrong with it.

    Raises:
        SourceError: it is of a newer major version (kind ``newer-version``).
    """
    if len(data) < at + c.SEGMENT_HEADER_SIZE:
        return f"{len(data) - at} bytes are too few for a segment header of {c.SEGMENT_HEADER_SIZE}"
    f = dict(zip(c.SEGMENT_HEADER_FIELDS, struct.unpack_from(c.SEGMENT_HEADER_FORMAT, data, at), strict=True))
    if f["magic"] != c.SEGMENT_MAGIC:
        return f"it begins {f['magic'].hex(' ')}, a segment begins {c.SEGMENT_MAGIC.hex(' ')}"
    size = f["header_bytes"]
    if not c.SEGMENT_HEADER_SIZE <= size <= _MAX_HEADER or at + size > len(data):
        return f"header_bytes is {size}, allowed are {c.SEGMENT_HEADER_SIZE} to {_MAX_HEADER}"
    stored = int.from_bytes(data[at + size - 4 : at + size], "little")
    computed = zlib.crc32(data[at : at + size - 4])
    if stored != computed:
        return f"its CRC is 0x{stored:08x}, computed 0x{computed:08x}"
    if f["version_major"] > c.VERSION_MAJOR:
        raise SourceError(
            f"segment format {f['version_major']}.{f['version_minor']} is newer than {c.VERSION_MAJOR}.x, "
            "which this program reads: a newer octolead is needed",
            kind="newer-version",
            offset=at,
        )
    if f["slot_bytes"] not in SLOT_SIZES:
        return f"slot_bytes is {f['slot_bytes']}, allowed are 4096, 8192 and 16384"
    return SegmentHeader(
        f["version_minor"],
        f["ring_id"].hex(),
        f["device_id"].hex(),
        f["segment_index"],
        f["segment_count"],
        f["slot_bytes"],
        f["slots_per_segment"],
    )


def guess_slot_bytes(data: memoryview) -> int:
    """Slot size by the blocks themselves, for a segment whose header is damaged; 0 if there is none to ask."""
    for size in SLOT_SIZES:
        for slot in range(1, _PROBES):
            at = slot * size
            if bytes(data[at : at + 4]) != c.BLOCK_MAGIC:
                continue
            stated = data[at + c.BLOCK_HEADER_SLOT_SECTORS] * c.SECTOR_BYTES
            if stated in SLOT_SIZES and at % stated == 0:
                return int(stated)
    return 0


def open_segment(data: memoryview, name: str, findings: Findings) -> Extent | None:
    """The extent of a segment file; None (and a finding) if it is none or of a newer version."""
    try:
        header = parse_segment_header(data)
    except SourceError as error:
        findings.error("newer-version", f"{name}: {error}; passed over", source=name, offset=0, frames=None)
        return None
    if isinstance(header, str):
        size = guess_slot_bytes(data)
        if not size:
            findings.error(
                "segment-header",
                f"{name} is no segment: {header}; no blocks in it either, passed over",
                source=name,
                offset=0,
                frames=None,
            )
            return None
        findings.warning(
            "segment-header",
            f"{name}: segment header damaged: {header}; its blocks say slots of {size} bytes and are read",
            source=name,
            offset=0,
        )
        return Extent(name, data, "ring", size)
    wanted = (header.slots_per_segment + 1) * header.slot_bytes
    if wanted > len(data):
        findings.error(
            "segment-cut",
            f"{name} is cut: {len(data)} of {wanted} bytes; what is there is read",
            source=name,
            offset=len(data),
            frames=None,
        )
    return Extent(name, data[:wanted], "ring", header.slot_bytes, header)
