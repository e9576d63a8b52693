# SPDX-License-Identifier: Apache-2.0
"""What an SD card says of itself: the registers CSD (16 bytes), CID (16) and OCR (4).

After the SD physical layer specification (simplified, version 3.01, chapter 5). Bit n of a register of 128 bits is bit
n & 7 of byte 15 - n // 8.
"""

from .errors import SdUnusable

_SPEED_DIGITS = (0, 10, 12, 13, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 70, 80)  # tenths
OCR_POWERED = 0x80  # of the first byte: the card has left the idle state
OCR_BLOCKS = 0x40  # CCS: addresses count blocks (SDHC, SDXC), not bytes
OCR_3V3 = 0x30  # of the second byte: 3.2 to 3.4 V


def _bits(register, high, low):
    value = 0
    for i in range(15 - high // 8, 16 - low // 8):
        value = value << 8 | register[i]
    return value >> low % 8 & (1 << high - low + 1) - 1


class Csd:
    """CSD: n_sectors of 512 bytes, max_hz of the clock, protected (for good or for now), version 1 or 2."""

    def __init__(self, register):
        structure = _bits(register, 127, 126)
        if structure > 1:
            raise SdUnusable("the card's CSD is of structure %d; 0 and 1 (up to 2 TB) are known: take another card" % structure)
        self.version = structure + 1
        if structure:
            self.n_sectors = (_bits(register, 69, 48) + 1) << 10
        else:
            shift = _bits(register, 49, 47) + 2 + _bits(register, 83, 80) - 9
            self.n_sectors = (_bits(register, 73, 62) + 1) << shift
        speed = register[3]
        self.max_hz = 10 ** (speed & 7) * 10000 * _SPEED_DIGITS[speed >> 3 & 15]
        self.protected = bool(register[14] & 0x30)


class Cid:
    """CID: maker (number), oem (2 letters), name (5 letters), revision, serial, year and month of making."""

    def __init__(self, register):
        self.maker = register[0]
        self.oem = _text(register[1:3])
        self.name = _text(register[3:8])
        self.revision = "%d.%d" % (register[8] >> 4, register[8] & 15)
        self.serial = "".join("%02x" % byte for byte in register[9:13])
        self.year = 2000 + (_bits(register, 19, 12))
        self.month = register[14] & 15


def _text(letters):
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in letters)
