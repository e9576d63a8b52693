# SPDX-License-Identifier: Apache-2.0
"""Damage that knows the format: what lies behind a CRC is reached by making the CRC right again.

A mutation that signs again what it changed in a block can make samples that no recorder wrote; it says so, and the
check of samples is left out for that input. All others leave blocks as their writer signed them, or broken.
"""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Callable

from octolead import _constants as c

from .seeds import Files, sources

_MAGIC = re.compile(re.escape(c.BLOCK_MAGIC))
_WILD = (0, 1, 2, 3, 7, 8, 9, 63, 64, 143, 144, 145, 255, 256, 511, 512, 4095, 4096, 16384, 16385, 32767, 32768, 65535, 2**31 - 1)
_WIDER = (*_WILD, 2**31, 2**32 - 1, 2**40, 2**62, 2**62 + 1, 2**63 - 1, 2**63, 2**64 - 1)
Mutation = Callable[[bytearray, random.Random], bool]


def blocks_of(data: bytes | bytearray) -> list[tuple[int, int]]:
    """(offset, length) of what looks like blocks."""
    found = []
    for match in _MAGIC.finditer(data):
        at = match.start()
        length = int.from_bytes(data[at + 8 : at + 10], "little")
        if 144 <= length <= len(data) - at:
            found.append((at, length))
    return found


def _sign(data: bytearray, at: int, length: int) -> None:
    size = int.from_bytes(data[at + 6 : at + 8], "little")
    if not 144 <= size <= length:
        size = 144
    data[at + size - 8 : at + size - 4] = struct.pack("<I", zlib.crc32(data[at + size : at + length]))
    data[at + size - 4 : at + size] = struct.pack("<I", zlib.crc32(data[at : at + size - 4]))


def flip(data: bytearray, chance: random.Random) -> bool:
    """A few bits."""
    for _ in range(chance.randrange(1, 9)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return False


def overwrite(data: bytearray, chance: random.Random) -> bool:
    """A stretch of zeros, ones or garbage, often a sector."""
    n = chance.choice((1, 4, 32, 512, 512, 4096))
    at = chance.randrange(len(data)) // (512 if n >= 512 else 1) * (512 if n >= 512 else 1)
    data[at : at + n] = chance.choice((bytes(n), b"\xff" * n, chance.randbytes(n)))[: len(data[at : at + n])]
    return False


def _wild(fmt: str, chance: random.Random) -> bytes:
    size = struct.calcsize(fmt)
    value = chance.choice(_WIDER) if chance.random() < 0.7 else chance.getrandbits(8 * size)
    return int(value & (1 << 8 * size) - 1).to_bytes(size, "little")


def header_field(data: bytearray, chance: random.Random) -> bool:
    """A field of a block's header, signed."""
    blocks = blocks_of(data)
    if not blocks:
        return False
    at, length = chance.choice(blocks)
    fmt = chance.choice(("<B", "<H", "<I", "<Q"))
    place = at + chance.randrange(4, 136)
    value = _wild(fmt, chance)
    data[place : place + len(value)] = value
    new_length = int.from_bytes(data[at + 8 : at + 10], "little")
    _sign(data, at, new_length if 144 <= new_length <= len(data) - at else length)
    return True


def body(data: bytearray, chance: random.Random) -> bool:
    """Bytes of a payload or its events, signed."""
    blocks = blocks_of(data)
    if not blocks:
        return False
    at, length = chance.choice(blocks)
    for _ in range(chance.randrange(1, 6)):
        place = at + (
            chance.randrange(144, length) if chance.random() < 0.5 and length > 144 else max(144, length - chance.randrange(1, 60))
        )
        if place < at + length:
            data[place] = chance.choice((0, 1, 255, chance.randrange(256)))
    _sign(data, at, length)
    return True


def swap(data: bytearray, chance: random.Random) -> bool:
    """Two blocks change places, or two slots."""
    blocks = blocks_of(data)
    if len(blocks) < 2:
        return False
    (a, n), (b, m) = sorted(chance.sample(blocks, 2))
    if a + n > b:
        return False
    first, second = bytes(data[a : a + n]), bytes(data[b : b + m])
    if len(data) % 512:
        data[a : b + m] = second + data[a + n : b] + first
    else:
        k = min(4096, b - a, len(data) - b)
        data[a : a + k], data[b : b + k] = bytes(data[b : b + k]), bytes(data[a : a + k])
    return False


def copy_block(data: bytearray, chance: random.Random) -> bool:
    """A block stands somewhere else, too."""
    blocks = blocks_of(data)
    if blocks:
        at, n = chance.choice(blocks)
        to = chance.randrange(len(data)) // chance.choice((1, 4, 512, 4096)) * 4
        data[to : to + n] = data[at : at + n]
    return False


def delete(data: bytearray, chance: random.Random) -> bool:
    """Bytes are gone, often a whole block."""
    blocks = blocks_of(data)
    at, n = chance.choice(blocks) if blocks and chance.random() < 0.6 else (chance.randrange(len(data)), chance.choice((1, 2, 4, 512)))
    del data[at : at + n]
    return False


def splice(data: bytearray, chance: random.Random) -> bool:
    """Something of another source is inserted or written over."""
    files = chance.choice(list(sources().values()))
    other = chance.choice(list(files.values()))
    at, n = chance.choice(blocks_of(other))
    to = chance.randrange(len(data) + 1) // 4 * 4
    data[to : to + (n if chance.random() < 0.5 else 0)] = other[at : at + n]
    return False


def truncate(data: bytearray, chance: random.Random) -> bool:
    """The end is gone."""
    del data[
        chance.choice((chance.randrange(len(data)), chance.randrange(min(len(data), 600)), chance.randrange(len(data)) // 512 * 512)) :
    ]
    return False


def segment_field(data: bytearray, chance: random.Random) -> bool:
    """A field of a segment header, signed: huge claims, other rings."""
    found = [match.start() for match in re.finditer(re.escape(c.SEGMENT_MAGIC), data)]
    if found and len(data) >= found[0] + 64:
        at = chance.choice([f for f in found if f + 64 <= len(data)])
        value = _wild(chance.choice(("<B", "<H", "<I")), chance)
        place = at + chance.randrange(4, 60 - len(value) + 1)
        data[place : place + len(value)] = value
        data[at + 60 : at + 64] = struct.pack("<I", zlib.crc32(data[at : at + 60]))
    return False


def file_system(data: bytearray, chance: random.Random) -> bool:
    """Boot sector, FAT or directory of a card image: loops, chains to nowhere, sizes out of all reason."""
    if data[510:512] != b"\x55\xaa" or len(data) < 20000:
        return False
    for _ in range(chance.randrange(1, 4)):
        where = chance.randrange(3)
        if where == 0:
            value, at = _wild(chance.choice(("<B", "<H", "<I")), chance), chance.randrange(11, 60)
        elif where == 1:
            at = 32 * 512 + chance.randrange(0, 512) // 4 * 4
            value = struct.pack("<I", chance.choice((0, 1, 2, 4, chance.randrange(250), 0x0FFFFFF7, 0x0FFFFFFF, 0xFFFFFFFF)))
        else:
            at = 32 * 512 + 4 * 512 + chance.randrange(1024)
            value = _wild(chance.choice(("<B", "<H", "<I")), chance)
        data[at : at + len(value)] = value
    return False


MUTATIONS: tuple[Mutation, ...] = (
    flip,
    overwrite,
    header_field,
    body,
    swap,
    copy_block,
    delete,
    splice,
    truncate,
    segment_field,
    file_system,
)


def mutated(seed: int, number: int) -> tuple[str, Files, bool]:
    """Input `number` of a run: (what it was made of, its files, whether a block was signed again)."""
    chance = random.Random(seed << 40 | number)
    name = chance.choice(list(sources()))
    files = {k: bytearray(v) for k, v in sources()[name].items()}
    signed, done = False, [name]
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        target = chance.choice(list(files))
        mutation = chance.choice(MUTATIONS)
        if len(files[target]) > 64:
            signed |= mutation(files[target], chance)
            done.append(mutation.__name__)
    if name == "folder" and chance.random() < 0.1:
        files.pop(chance.choice(list(files)))
        done.append("a file is gone")
    return ", ".join(done), {k: bytes(v) for k, v in files.items()}, signed
