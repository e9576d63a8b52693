# SPDX-License-Identifier: Apache-2.0
"""The unpackers: section 3.1 of SPEC and the stop at the first change, plain against numpy, viper against plain."""

from array import array
from pathlib import Path

import numpy as np
from conftest import needs_micropython, run_micropython
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import frame

CODES = st.one_of(
    st.sampled_from([-(2**23), 2**23 - 1, -(2**23) + 1, 2**23 - 2, 0, -1, 31, 32, -32, -33]), st.integers(-(2**23), 2**23 - 1)
)
FRAME = st.tuples(
    st.sampled_from([0xC, 0xC, 0xC, 0xC, 0xC, 0xC, 0x6, 0x0]),
    st.sampled_from([0, 0, 0, 0x10, 0xFF]),
    st.sampled_from([0, 0, 1, 2, 3]),
    st.integers(0, 15),
    st.lists(CODES, min_size=8, max_size=8),
)


def pack(frames, words):
    """Frames as they come off SPI (27 bytes) or out of DMA (nine words)."""
    out = bytearray()
    for nibble, positive, negative, gpio, codes in frames:
        for value in [nibble << 20 | positive << 12 | negative << 4 | gpio, *codes]:
            data = (value & 0xFFFFFF).to_bytes(3, "big")
            out += bytes([data[2], data[1], data[0], 0xA5]) if words else data
    return out


def expect(frames, shift, state, mask):
    """What the page says, frame by frame."""
    values = []
    for nibble, positive, negative, _, codes in frames:
        if nibble != 0xC:
            return values, frame.SLIPPED, None
        electrodes = positive << 1 | negative & 1
        saturated = sum(1 << k for k, code in enumerate(codes) if code in (-(2**23), 2**23 - 1))
        found = electrodes | saturated << 16
        if (found ^ state) & mask:
            return values, frame.CHANGED, found
        values.append([(code + (2 ** (shift - 1) if shift else 0)) // 2**shift for code in codes])
    return values, frame.GOOD, None


@settings(max_examples=300)
@given(
    st.lists(FRAME, max_size=6),
    st.integers(0, 8),
    st.sampled_from([0, 2, 0x20, 0x10000]),
    st.sampled_from([frame.ALL, 0x1FF]),
    st.booleans(),
)
def test_frames_are_quantised_up_to_the_first_change(frames, shift, state, mask, words):
    source = bytearray(72 if words else 54) + pack(frames, words)
    out = array("i", bytes(4 * 8 * (len(frames) + 1)))
    result = array("i", [9, 0])
    unpack = frame.unpack_words if words else frame.unpack_bytes
    count = unpack(source, 72 if words else 54, len(frames), out, 8, shift, state, mask, result)
    values, reason, found = expect(frames, shift, state, mask)
    assert (count, result[0]) == (len(values), reason)
    if reason == frame.CHANGED:
        assert result[1] == found
    assert np.array_equal(np.array(out[8 : 8 + 8 * count]).reshape(-1, 8), np.array(values).reshape(-1, 8))


def test_a_lead_off_bit_maps_to_its_electrode():
    """STATP 1..8 are LA, LL, V1..V6; STATN 1 is RA; STATN 2..8 say nothing (RA again, Wilson terminal)."""
    for positive, negative, electrodes in [(1, 0, 2), (2, 0, 4), (4, 0, 8), (0x80, 0, 0x100), (0, 1, 1), (0, 0xFE, 0)]:
        result = array("i", [0, 0])
        source = pack([(0xC, positive, negative, 15, [0] * 8)], False)
        out = array("i", bytes(32))
        frame.unpack_bytes(source, 0, 1, out, 0, 6, 0x200, frame.ALL | 0x200, result)
        assert result[1] == electrodes


@needs_micropython
def test_the_viper_twins_give_the_same_values(tmp_path):
    print(run_micropython(Path(__file__).parent / "mp_frame.py"))
