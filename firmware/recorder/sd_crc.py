# SPDX-License-Identifier: Apache-2.0
"""The two checks of the SD card's wires; plain twin of sd_crc_fast.

CRC7 guards commands: x^7 + x^3 + 1, initial value 0; over 40 00 00 00 00 it gives 0x4A, sent as 0x95 (shifted, end bit).
CRC16 guards data blocks: x^16 + x^12 + x^5 + 1, initial value 0, not reflected; the nine ASCII bytes `123456789` give
0x31C3. The register is kept with its two bytes swapped (0xC331), so that a step is one look-up and one shift; its low
byte goes over the wire first.
"""

from array import array


def _crc16_of(byte):
    crc = byte << 8
    for _ in range(8):
        crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
    return crc >> 8 & 0xFF | crc << 8 & 0xFF00


CRC16 = array("H", [_crc16_of(byte) for byte in range(256)])


def _crc7_of(byte):
    for _ in range(8):
        byte = byte << 1 ^ (0x112 if byte & 0x80 else 0)
    return byte & 0xFF


CRC7 = bytes(_crc7_of(byte) for byte in range(256))  # kept shifted by one, as it is sent


def crc7(data, count):
    """Return the last byte of a command: CRC7 of data[:count] shifted left by one, and the end bit."""
    crc = 0
    table = CRC7
    for i in range(count):
        crc = table[crc ^ data[i]]
    return crc | 1


def copy_crc16(crc, table, out, at, source, start, count):
    """Copy source[start:start+count] to out[at:], a multiple of 8 bytes, and return the CRC16 with its bytes swapped.

    `crc` is 0 or the result so far, `table` CRC16 of this file. Nothing is allocated.
    """
    for i in range(count):
        byte = source[start + i]
        out[at + i] = byte
        crc = table[crc & 0xFF ^ byte] ^ crc >> 8
    return crc
