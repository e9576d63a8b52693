# SPDX-License-Identifier: Apache-2.0
"""Registers of a virtual SD card in their real layouts (SD physical layer specification, simplified, 3.01, chapter 5).

Written from the other side than recorder/sd_registers.py: fields are put in here and taken out there.
"""

SDSC = "sdsc"  # addresses in bytes, up to 2 GB
SDHC = "sdhc"  # addresses in blocks
SDXC = "sdxc"
V1 = "v1"  # an SDSC of version 1, which does not know CMD8


def _remainders():
    table = bytearray(256)
    for i in range(256):
        crc = 0
        for bit in range(7, -1, -1):
            top = crc >> 6 & 1 ^ i >> bit & 1
            crc = crc << 1 & 0x7F ^ (9 if top else 0)
        table[i] = crc
    return bytes(table)


_CRC7 = _remainders()


def crc7(data):
    """Return CRC7 with the end bit."""
    crc = 0
    for byte in data:
        crc = _CRC7[crc << 1 ^ byte]
    return crc << 1 | 1


def _pack(*fields):
    """Fields (width, value) from the highest bit on, 120 bits, with their CRC7 behind."""
    value = width = 0
    for bits, field in fields:
        value = value << bits | field
        width += bits
    if width != 120:
        raise ValueError("%d bits of 120" % width)
    data = value.to_bytes(15, "big")
    return data + bytes([crc7(data)])


def csd(kind, n_sectors, protected=False):
    """Return the 16 bytes; n_sectors must be a number that the kind's fields can hold."""
    temporary = 1 if protected else 0
    if kind in (SDHC, SDXC):
        if n_sectors % 1024:
            raise ValueError("%d sectors: an SDHC card has a multiple of 1024" % n_sectors)
        return _pack((2, 1), (6, 0), (8, 0x0E), (8, 0), (8, 0x32), (12, 0x5B5), (4, 9), (4, 0), (6, 0), (22, n_sectors // 1024 - 1),
                     (1, 0), (1, 1), (7, 0x7F), (7, 0), (1, 0), (2, 0), (3, 2), (4, 9), (1, 0), (5, 0),
                     (1, 0), (1, 0), (1, 0), (1, temporary), (2, 0), (2, 0))  # fmt: skip
    shift = 2
    while n_sectors >> shift > 4096:
        shift += 1
    block = 9
    if shift > 9:  # C_SIZE_MULT ends at 7: longer "blocks" make up for it
        block, shift = 10, shift - 1
    size = n_sectors >> shift + block - 9
    if size << shift + block - 9 != n_sectors:
        raise ValueError("%d sectors: no SDSC card has so many" % n_sectors)
    return _pack((2, 0), (6, 0), (8, 0x26), (8, 0), (8, 0x32), (12, 0x5B5), (4, block), (1, 1), (3, 0), (2, 0), (12, size - 1),
                 (12, 0xFFF), (3, shift - 2), (1, 1), (7, 0x7F), (7, 0), (1, 0), (2, 0), (3, 2), (4, 9), (1, 0), (5, 0),
                 (1, 0), (1, 0), (1, 0), (1, temporary), (2, 0), (2, 0))  # fmt: skip


def cid(serial, name=b"VIRTU"):
    """Return the 16 bytes: maker 0x7F, OEM OL, revision 1.0, made in November 2026."""
    return _pack((8, 0x7F), (16, 0x4F4C), (40, int.from_bytes(name, "big")), (8, 0x10), (32, serial), (4, 0), (8, 26), (4, 11))


def ocr(kind, awake):
    """Return the 4 bytes: 2.7 to 3.6 V, CCS once awake."""
    first = (0x80 if awake else 0) | (0x40 if awake and kind in (SDHC, SDXC) else 0)
    return bytes([first, 0xFF, 0x80, 0])


def scr(kind):
    """Return the 8 bytes: version 2 or 3 (1 for V1), 1 and 4 bits of bus."""
    return bytes([0 if kind == V1 else 2, 0x35 if kind == SDXC else 0x25, 0, 0, 0, 0, 0, 0])
