# SPDX-License-Identifier: Apache-2.0
"""Viper twin of sd_crc.copy_crc16: same results, no allocation.

The order of the arguments and the unrolling are for the two registers that viper has (tools/cortexm/README.md).
"""

import micropython


@micropython.viper
def copy_crc16(crc: int, table: ptr16, out: ptr8, at: int, source: ptr8, start: int, count: int) -> int:
    source = ptr8(int(source) + start)
    out = ptr8(int(out) + at)
    count >>= 3
    while count:
        out[0] = source[0]
        crc = table[(crc ^ source[0]) & 255] ^ (crc >> 8)
        out[1] = source[1]
        crc = table[(crc ^ source[1]) & 255] ^ (crc >> 8)
        out[2] = source[2]
        crc = table[(crc ^ source[2]) & 255] ^ (crc >> 8)
        out[3] = source[3]
        crc = table[(crc ^ source[3]) & 255] ^ (crc >> 8)
        out[4] = source[4]
        crc = table[(crc ^ source[4]) & 255] ^ (crc >> 8)
        out[5] = source[5]
        crc = table[(crc ^ source[5]) & 255] ^ (crc >> 8)
        out[6] = source[6]
        crc = table[(crc ^ source[6]) & 255] ^ (crc >> 8)
        out[7] = source[7]
        crc = table[(crc ^ source[7]) & 255] ^ (crc >> 8)
        source = ptr8(int(source) + 8)
        out = ptr8(int(out) + 8)
        count -= 1
    return crc
