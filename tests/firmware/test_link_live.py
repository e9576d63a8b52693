# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.6: what the firmware packs is what the host unpacks, for any values, leads, divisors, rooms and polls."""

from array import array
from pathlib import Path

import numpy as np
from conftest import needs_micropython, run_micropython
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder.link_live import FRAMES, LiveBuffer, smallest

from octolead.link.client import parse_live

STEPS = st.sampled_from([0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 100000, -100000])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 255),
    st.sampled_from([1, 2, 4]),
    st.integers(48, 2034),
    st.integers(0, 9),
    st.lists(STEPS, min_size=1, max_size=90),
    st.data(),
)
def test_frames_are_given_exactly_or_left_out(leads, divisor, room, first, steps, data):
    walk = np.clip(np.cumsum(steps), -(2**23), 2**23 - 1)
    frames = np.stack([walk + 1000 * k for k in range(8)], axis=1).clip(-(2**23), 2**23 - 1)
    chosen = [k for k in range(8) if leads >> k & 1]
    buffer, at, got = LiveBuffer(), 0, {}
    buffer.set(leads, divisor)
    while at < len(frames):
        n = data.draw(st.integers(1, len(frames) - at))
        work = array("i", frames[at : at + n].ravel().tolist() + [7] * 8)
        buffer.take(work, n, first + at)
        at += n
        out = bytearray(2 * room)
        while size := buffer.pack(out, 3, room):
            assert size <= room
            some = parse_live(bytes(out[3 : 3 + size]))
            assert (some.leads, some.divisor) == (leads, divisor)
            got |= {some.first_frame + divisor * i: row.tolist() for i, row in enumerate(some.values)}
    wanted = {
        frame: (frames[frame - first : frame - first + divisor, chosen].sum(0) // divisor).tolist()
        for frame in range(first, first + len(frames) - divisor + 1)
        if frame % divisor == 0 or divisor == 1
    }
    assert got == wanted


def test_nothing_grows_while_nobody_packs_and_a_gap_begins_anew():
    buffer = LiveBuffer()
    buffer.set(1, 1)
    work = array("i", range(8 * 50))
    for frame in range(0, 50 * 20, 50):
        buffer.take(work, 50, frame)
        assert buffer.n <= FRAMES
    buffer.take(work, 50, 5000)
    out = bytearray(400)
    buffer.pack(out, 0, 400)
    assert parse_live(bytes(out[: smallest(1) + 49])).first_frame == 5000


@needs_micropython
def test_viper_and_plain_agree():
    assert run_micropython(Path(__file__).parent / "mp_live.py").strip() == "2000 walks"
