# SPDX-License-Identifier: Apache-2.0
"""Unpack the converter's frames: check, quantise, and stop where something changes. Plain twin of frame_fast.

A frame is 27 bytes: status (1100b, LOFF_STATP, LOFF_STATN, GPIO; 24 bits) and 8 channels of 24 bits, big-endian.
DMA leaves the same nine values as 32-bit little-endian words (36 bytes): `unpack_words`.

    unpack_bytes(source, offset, count, out, index, shift, state, mask, result) -> frames unpacked

reads up to `count` frames from `source[offset:]` into the int32 array `out` from element `index` on. It stops before
the first frame whose status differs from `state` or whose nibble is wrong; then result[0] says why and result[1] is
the new state. The state is `electrodes off | leads saturated << 16`; bits outside
`mask` are not compared. Stored values are
floor((code + 2^(shift-1)) / 2^shift), section 3.1 of docs/SPEC.md. Nothing is allocated.
"""

GOOD = 0  # all frames taken
CHANGED = 1  # lead-off or saturation differs from this frame on
SLIPPED = 2  # the status nibble is not 1100b: the clock slipped

BYTES_STRIDE = 27
WORDS_STRIDE = 36
LEADS = 8
ALL = 0xFF01FF  # every bit of a state

_MAXIMUM = 0x7FFFFF
_MINIMUM = 0x800000


def unpack_bytes(source, offset, count, out, index, shift, state, mask, result):
    """Frames of 27 bytes, as they come off SPI."""
    return _unpack(source, offset, count, out, index, shift, state, mask, result, 3)


def unpack_words(source, offset, count, out, index, shift, state, mask, result):
    """Frames of nine 32-bit little-endian words, as PIO and DMA leave them."""
    return _unpack(source, offset, count, out, index, shift, state, mask, result, 4)


def _value(source, at, step):
    if step == 3:
        return source[at] << 16 | source[at + 1] << 8 | source[at + 2]
    return source[at + 2] << 16 | source[at + 1] << 8 | source[at]


def _unpack(source, offset, count, out, index, shift, state, mask, result, step):
    result[0] = GOOD
    half = 1 << shift >> 1
    for done in range(count):
        status = _value(source, offset, step)
        if status >> 20 != 0xC:
            result[0] = SLIPPED
            return done
        found = status >> 11 & 0x1FE | status >> 4 & 1
        for lead in range(LEADS):
            code = _value(source, offset + step * (lead + 1), step)
            if code == _MAXIMUM or code == _MINIMUM:
                found |= 0x10000 << lead
            out[index + lead] = ((code ^ 0x800000) - 0x800000 + half) >> shift
        if (found ^ state) & mask:
            result[0] = CHANGED
            result[1] = found
            return done
        offset += step * 9
        index += LEADS
    return count
