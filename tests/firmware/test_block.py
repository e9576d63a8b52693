# SPDX-License-Identifier: Apache-2.0
"""The block builder under CPython: SPEC section 3, read back by spec_reader."""

from array import array

import numpy as np
import spec_reader as spec
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import constants as c
from recorder import events
from recorder.block import BlockBuilder, new_conditions, renumber
from recorder.codec_raw import Encoder

LEADS = (1, 2, 7, 8, 9, 10, 11, 12)
UNKNOWN = (0, c.ANCHOR_UNKNOWN, c.UNCERTAINTY_UNKNOWN)


def new_builder(slot_bytes=4096):
    return BlockBuilder(slot_bytes, Encoder(8, LEADS, 500000), LEADS, 500000, 6, 6, b"DEVICE..", b"SESSION.")


def test_a_block_without_frames_is_sound():
    builder = new_builder()
    builder.begin(0, 2**40 + 5, 0, 0)
    n = builder.finish(7, 0, UNKNOWN, new_conditions())
    block = spec.parse_block(builder.view())
    assert (n, block.block_bytes, block.n_frames, block.first_frame, block.ring_seq) == (144, 144, 0, 2**40 + 5, 7)
    assert block.temperature_cdeg if hasattr(block, "temperature_cdeg") else block.temperature == -0x8000
    renumber(builder.view(), 1234567)
    assert spec.parse_block(builder.view()).ring_seq == 1234567


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.sampled_from(["mark", "lead_off", "gap", "none", "checkpoint", "first"]), st.integers(0, 200)),
        max_size=20,
    )
)
def test_frames_and_events_come_back_whatever_fills_the_block(steps):
    """All frames offered are in the blocks in order, and each event stands at the frame it was added before."""
    builder = new_builder()
    builder.begin(0, 0, 0, 0)
    blocks = []
    wanted = []
    total = 0
    offered = array("i", range(-40000, -40000 + 8 * 100))

    def seal(flags=0):
        builder.finish(len(blocks), flags, UNKNOWN, new_conditions())
        block = spec.parse_block(builder.view())
        assert block is not None
        blocks.append(block)
        builder.begin(len(blocks), block.end, 0, 0)

    def add(event, first=False):
        adder = builder.add_first_event if first else builder.add_event
        if not adder(*event):
            seal()
            assert adder(*event)

    for count, action, size in steps:
        done = 0
        while done < count:
            taken = builder.encode(offered, done, count - done)
            done += taken
            if done < count:
                seal()
        total += count
        event = {"mark": events.mark(1, "x" * size), "lead_off": events.lead_off(size), "gap": events.gap(1, size)}.get(action)
        if event:
            add(event)
            wanted.append((event[0], total, event[1]))
        elif action == "checkpoint":
            builder.finish(len(blocks), c.FLAG_CHECKPOINT, UNKNOWN, new_conditions())
            block = spec.parse_block(builder.view())
            assert block.end == total
            assert block.flags == c.FLAG_CHECKPOINT
        elif action == "first":
            add(events.fault(1, size), first=True)
            wanted.append((c.EVENT_FAULT, builder.first_frame, events.fault(1, size)[1]))
    if builder.settled_bytes() != builder.event_bytes:
        seal()
    seal(c.FLAG_LAST)
    assert [block.first_frame for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert blocks[-1].end == total
    found = [event for block in blocks for event in block.events]
    assert sorted(found) == sorted(wanted)
    source = np.array(offered).reshape(-1, 8)
    rows = np.concatenate([source[:count] for count, _, _ in steps]) if steps else source[:0]
    assert np.array_equal(np.concatenate([block.frames for block in blocks]), rows)


def test_long_texts_are_cut_between_characters():
    for n in range(190, 210):
        for character in "aßह😀":
            data = events.mark(1, "a" * n + character * 5)[1]
            assert len(data) <= 201
            assert data[1:].decode() == ("a" * n + character * 5)[: len(data[1:].decode())]
            assert len(data) > 201 - 4 or len(data) == 1 + len(("a" * n + character * 5).encode())
