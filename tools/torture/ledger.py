# SPDX-License-Identifier: Apache-2.0
"""What has to be on a card: the sealed blocks of a log of writes, by plain replay, without firmware or library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from .scenario import Entry

HEADER_CRC = 140


@dataclass(frozen=True)
class Sealed:
    """A sealed block: session in hex, block number, ring_seq, first frame, frames, sectors it takes."""

    session: str
    number: int
    ring_seq: int
    first_frame: int
    n_frames: int
    n_sectors: int


def parse(data: bytes) -> Sealed | None:
    """The sealed block that a write consists of; None for a checkpoint and anything else."""
    if len(data) < 144 or data[:4] != b"\x8fOLB":
        return None
    header_bytes, block_bytes, flags, number, first_frame, n_frames = struct.unpack_from("<HHHIQH", data, 6)
    body_crc, header_crc = struct.unpack_from("<II", data, 136)
    if flags & 1 or header_bytes != 144 or block_bytes > len(data):
        return None
    if zlib.crc32(data[:HEADER_CRC]) != header_crc or zlib.crc32(data[144:block_bytes]) != body_crc:
        return None
    (ring_seq,) = struct.unpack_from("<I", data, 48)
    return Sealed(data[40:48].hex(), number, ring_seq, first_frame, n_frames, len(data) // 512)


class Ledger:
    """Sealed blocks by their first sector."""

    def __init__(self, blocks: dict[int, Sealed] | None = None) -> None:
        self.blocks = dict(blocks or {})

    def copy(self) -> Ledger:
        """One of its own."""
        return Ledger(self.blocks)

    def touched(self, first: int, n: int) -> None:
        """These sectors were given out or damaged: what lay there need not be there any more."""
        for sector in [s for s, b in self.blocks.items() if s < first + n and first < s + b.n_sectors]:
            del self.blocks[sector]

    def write(self, entry: Entry, arrives: bool = True) -> None:
        """A write; `arrives` is False for one of which it is not known whether all of it is on the card."""
        if entry.sector < 0:
            return
        self.touched(entry.sector, len(entry.data) // 512)
        block = parse(entry.data) if arrives and entry.played >= 0 else None
        if block is not None:
            self.blocks[entry.sector] = block

    def follow(self, entries: Iterable[Entry]) -> None:
        """Several writes."""
        for entry in entries:
            self.write(entry)
