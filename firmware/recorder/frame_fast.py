# SPDX-License-Identifier: Apache-2.0
"""Viper twin of frame.py: same results, no allocation. See there for what it does."""

import micropython


@micropython.viper
def unpack_bytes(
    source_: object, offset: int, count: int, out_: object, index: int, shift: int, state: int, mask: int, result_: object
) -> int:
    source = ptr8(source_)
    out = ptr32(out_)
    result = ptr32(result_)
    result[0] = 0
    half = (1 << shift) >> 1
    done = 0
    while done < count:
        if source[offset] >> 4 != 0xC:
            result[0] = 2
            return done
        found = ((source[offset] & 15) << 5) | (source[offset + 1] >> 4 << 1) | (source[offset + 2] >> 4 & 1)
        at = offset + 3
        bit = 0x10000
        end = index + 8
        while index < end:
            code = (source[at] << 16) | (source[at + 1] << 8) | source[at + 2]
            if code == 0x7FFFFF or code == 0x800000:
                found |= bit
            bit <<= 1
            out[index] = ((code ^ 0x800000) - 0x800000 + half) >> shift
            at += 3
            index += 1
        if (found ^ state) & mask:
            result[0] = 1
            result[1] = found
            return done
        offset = at
        done += 1
    return count


@micropython.viper
def unpack_words(
    source_: object, offset: int, count: int, out_: object, index: int, shift: int, state: int, mask: int, result_: object
) -> int:
    source = ptr32(source_)
    out = ptr32(out_)
    result = ptr32(result_)
    result[0] = 0
    half = (1 << shift) >> 1
    at = offset >> 2
    done = 0
    while done < count:
        status = source[at] & 0xFFFFFF
        if status >> 20 != 0xC:
            result[0] = 2
            return done
        found = (status >> 11 & 0x1FE) | (status >> 4 & 1)
        at += 1
        bit = 0x10000
        end = index + 8
        while index < end:
            code = source[at] & 0xFFFFFF
            if code == 0x7FFFFF or code == 0x800000:
                found |= bit
            bit <<= 1
            out[index] = ((code ^ 0x800000) - 0x800000 + half) >> shift
            at += 1
            index += 1
        if (found ^ state) & mask:
            result[0] = 1
            result[1] = found
            return done
        done += 1
    return count
