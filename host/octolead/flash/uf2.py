# SPDX-License-Identifier: Apache-2.0
"""UF2 files (github.com/microsoft/uf2): whole or not, and for which chip. Family ids: RP2350 data sheet, table 455; uf2families.json."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..errors import FlashError

BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = 0x0AB16F30
_MOST_PAYLOAD = 476
_NOT_FOR_FLASH, _HAS_FAMILY = 0x1, 0x2000
ABSOLUTE = 0xE48BFF57
"""Of the block that a UF2 for the RP2350 begins with: erratum E10 of the chip."""
FAMILIES = {
    0xE48BFF56: "RP2040",
    0xE48BFF59: "RP2350",
    0xE48BFF5A: "RP2350 in its RISC-V mode",
    0xE48BFF5B: "RP2350, not bootable by itself",
    0xBFDD4EEE: "ESP32-S2",
    0xC47E5767: "ESP32-S3",
    0x1C5F21B0: "ESP32",
}


@dataclass(frozen=True)
class Uf2:
    """A file that is whole.

    Attributes:
        chip: what it is for, as FAMILIES says, or the family's number.
        data: what goes into flash, in the order of its addresses.
    """

    chip: str
    data: bytes


def parse(content: bytes, name: str) -> Uf2:
    """Check every block.

    Raises:
        FlashError: `download`: not a UF2, cut off, damaged, blocks missing or twice, or for several chips.
    """
    if not content or len(content) % BLOCK:
        raise FlashError("download", f"{name}: {len(content)} bytes, a UF2 has a multiple of {BLOCK}: cut off, or no UF2; fetch it anew")
    streams: dict[int, dict[int, tuple[int, bytes]]] = {}
    counts: dict[int, int] = {}
    for at in range(0, len(content), BLOCK):
        family, number, count, address, payload = _block(content, at, name)
        if counts.setdefault(family, count) != count or number >= count or number in streams.setdefault(family, {}):
            raise FlashError("download", f"{name}: block at byte {at} says {number + 1} of {count}: damaged; fetch it anew")
        streams[family][number] = (address, payload)
    found = [family for family in streams if family != ABSOLUTE]
    if len(found) != 1:
        raise FlashError("download", f"{name}: for {len(found)} chips, one was meant")
    blocks = streams[found[0]]
    if len(blocks) != counts[found[0]]:
        raise FlashError("download", f"{name}: {len(blocks)} blocks of {counts[found[0]]}: cut off; fetch it anew")
    return Uf2(FAMILIES.get(found[0], f"family 0x{found[0]:08x}"), b"".join(payload for _, payload in sorted(blocks.values())))


def _block(content: bytes, at: int, name: str) -> tuple[int, int, int, int, bytes]:
    one, two, flags, address, n_bytes, number, count, family = _HEAD.unpack_from(content, at)
    end = struct.unpack_from("<I", content, at + BLOCK - 4)[0]
    if (one, two) != _MAGIC or end != _END or n_bytes > _MOST_PAYLOAD:
        raise FlashError("download", f"{name}: block at byte {at} is none of a UF2: damaged, or no UF2; fetch it anew")
    if flags & _NOT_FOR_FLASH or not flags & _HAS_FAMILY:
        raise FlashError("download", f"{name}: block at byte {at} names no chip (flags 0x{flags:x}): a UF2 for another kind of bootloader")
    return family, number, count, address, content[at + _HEAD.size : at + _HEAD.size + n_bytes]
