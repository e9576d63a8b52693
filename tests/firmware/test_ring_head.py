# SPDX-License-Identifier: Apache-2.0
"""SPEC 2.3-2.6: after any history of sessions, power cuts and torn writes the ring goes on at the right place.

Invariant: the next ring_seq is behind every sealed block, leaves the checkpoints of the open block alone, and is found
with at most 200 sector reads.
"""

import random
import struct
from binascii import crc32

from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import constants as c
from recorder.ring_head import HeadSearch

DEVICE = b"deviceid"


def image(seq, flags, device=DEVICE, torn=False, ring_tag=0):
    """One slot's content: a block of 1 KiB; torn: only its first sector was written."""
    block = bytearray(1024)
    struct.pack_into("<4sBBHHHI", block, 0, c.BLOCK_MAGIC, 1, 0, 144, 1024, flags, 0)
    block[32:40] = device
    struct.pack_into("<I", block, c.BLOCK_HEADER_RING_SEQ, seq)
    struct.pack_into("<H", block, c.BLOCK_HEADER_RING_TAG, ring_tag)
    block[512:] = bytes([seq & 0xFF]) * 512
    struct.pack_into("<I", block, 136, crc32(block[144:]))
    struct.pack_into("<I", block, 140, crc32(block[:140]))
    if torn:
        block[512:] = random.randbytes(512)
    return block


class Ring:
    """Slots that differ from `old`, a function of the slot, and how many sectors were read."""

    def __init__(self, n_slots, old):
        self.n_slots = n_slots
        self.slots = {}
        self.old = old
        self.reads = 0

    def read(self, slot, sector, buffer):
        assert 0 <= slot < self.n_slots
        self.reads += len(buffer) // 512
        data = self.slots.get(slot) or self.old(slot)
        data = bytes(data) + bytes(16384)
        buffer[:] = data[sector * 512 : sector * 512 + len(buffer)]

    def write(self, seq, block, where=0):
        self.slots[(seq + where) % self.n_slots] = block

    def find(self):
        self.reads = 0
        head = HeadSearch(self.read, self.n_slots, DEVICE, 0, bytearray(16384)).find()
        assert self.reads <= 200, self.reads
        return head


def nothing(_):
    return b""


def another_recorder(slot):
    return image(slot, 0, b"another.")


def an_earlier_ring(slot):
    """What the same recorder left at the same slots before the card was made anew."""
    return image(slot, 0, ring_tag=1)


SESSION = st.tuples(
    st.integers(0, 40),  # sealed blocks
    st.integers(0, 3),  # checkpoints of each but every third, which has 2
    st.sampled_from(["clean", "cut", "cut", "torn seal", "torn seal header", "torn checkpoint"]),
    st.integers(0, 3),  # checkpoints of the block that was open
    st.sampled_from([0, 0, 0, 1, 3]),  # bad slots passed over
)


@settings(max_examples=400, deadline=None)
@given(st.integers(16, 90), st.lists(SESSION, max_size=6), st.sampled_from([nothing, another_recorder, an_earlier_ring]))
def test_the_head_is_found_after_any_history(n_slots, sessions, old):
    ring = Ring(n_slots, old)
    newest = -1  # highest ring_seq of a sound sealed block
    for sealed, checkpoints, end, open_checkpoints, bad in sessions:
        head = ring.find()
        seq = head.next_seq
        assert seq > newest
        if newest >= 0 and head.clean:
            assert seq == newest + 1
        for i in range(sealed):
            if i == sealed // 2:
                seq += bad
            for k in range(checkpoints if i % 3 else 2):
                ring.write(seq, image(seq, c.FLAG_CHECKPOINT), 1 + k % 2)
            last = end == "clean" and i == sealed - 1
            ring.write(seq, image(seq, c.FLAG_LAST if last else 0))
            newest = seq
            seq += 1
        if end == "clean":
            continue
        for k in range(open_checkpoints):
            torn = end == "torn checkpoint" and k == open_checkpoints - 1
            ring.write(seq, image(seq, c.FLAG_CHECKPOINT, torn=torn), 1 + k % 2)
        if end == "torn seal":
            ring.write(seq, image(seq, 0, torn=True))
        if end == "torn seal header":
            ring.write(seq, random.randbytes(1024))
        head = ring.find()
        evidence = open_checkpoints > 0 or end == "torn seal"
        if evidence or sealed:
            assert head.next_seq == seq + 3
            assert not head.clean
    ring.find()


@settings(max_examples=60, deadline=None)
@given(st.integers(2**16, 2**24), st.integers(0, 2**25), st.integers(0, 5), st.booleans())
def test_a_big_ring_takes_at_most_200_sector_reads(n_slots, newest, holes, checkpointed):
    """Contents are made up as they are read: lap and position follow from `newest`; some slots are holes."""
    base = newest - n_slots + 1

    def content(slot):
        seq = base + (slot - base) % n_slots
        if seq < 0 or (holes and seq % 97 < holes and newest - seq > 3):
            return b""
        return image(seq, 0)

    ring = Ring(n_slots, content)
    if checkpointed:
        for k in (1, 2):
            ring.write(newest + 1, image(newest + 1, c.FLAG_CHECKPOINT), k)
    assert ring.find().next_seq == newest + 4
