# SPDX-License-Identifier: Apache-2.0
"""SPEC 2.3-2.6: after any history of sessions, power cuts and torn writes the ring goes on at the right place.

Invariant: the next ring_seq is behind every sealed block, leaves the checkpoints of the open block alone, and is found
with at most 200 sector reads.
"""

import random
import struct
from binascii import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import constants as c
from recorder.ring_head import AHEAD, HeadSearch

DEVICE = b"deviceid"


def image(seq, flags, device=DEVICE, torn=False, ring_tag=0, block_bytes=1024):
    """One slot's content: a block of 1 KiB; torn: only its first sector was written."""
    block = bytearray(block_bytes)
    struct.pack_into("<4sBBHHHI", block, 0, c.BLOCK_MAGIC, 1, 0, 144, block_bytes, flags, 0)
    block[32:40] = device
    struct.pack_into("<I", block, c.BLOCK_HEADER_RING_SEQ, seq)
    struct.pack_into("<H", block, c.BLOCK_HEADER_RING_TAG, ring_tag)
    block[512:1024] = bytes([seq & 0xFF]) * 512
    struct.pack_into("<I", block, 136, crc32(block[144:]))
    struct.pack_into("<I", block, 140, crc32(block[:140]))
    if torn:
        block[512:1024] = random.randbytes(512)
    return block


class Ring:
    """Slots that differ from `old`, a function of the slot, and how many sectors were read."""

    def __init__(self, n_slots, old):
        self.n_slots = n_slots
        self.slots = {}
        self.old = old
        self.reads = 0
        self.unreadable = set()

    def read(self, slot, sector, buffer):
        assert 0 <= slot < self.n_slots
        self.reads += len(buffer) // 512
        if slot in self.unreadable:
            raise OSError(5)
        data = self.slots.get(slot) or self.old(slot)
        data = bytes(data) + bytes(16384)
        buffer[:] = data[sector * 512 : sector * 512 + len(buffer)]

    def write(self, seq, block, where=0):
        self.slots[(seq + where) % self.n_slots] = block

    def find(self, most=200):
        self.reads = 0
        head = HeadSearch(self.read, self.n_slots, DEVICE, 0, bytearray(16384)).find()
        assert self.reads <= most, self.reads
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


@pytest.mark.parametrize("n_slots", [64, 400])
@pytest.mark.parametrize("holes", range(1, AHEAD))
def test_regression_holes_longer_than_the_search_is_wide(n_slots, holes):
    """Found on reading: three slots free after a cut and three bad ones behind them; the search took the end to be before them."""
    for newest in range(holes + 2, 2 * n_slots, 13 if n_slots < 100 else 61):
        for behind in (1, 2, 5, 40):
            gone = range(newest - behind - holes + 1, newest - behind + 1)
            ring = Ring(n_slots, nothing)
            for seq in range(max(0, newest - n_slots + 1), newest + 1):
                if seq not in gone:
                    ring.write(seq, image(seq, 0))
            assert ring.find().next_seq == newest + 4, (newest, behind)


def test_regression_a_ring_whose_first_slots_are_dead_is_not_taken_for_an_empty_one():
    ring = Ring(200, nothing)
    for seq in range(7, 150):
        ring.write(seq, image(seq, 0))
    assert ring.find().next_seq == 153


def test_regression_an_unreadable_slot_is_nothing_and_not_the_end_of_the_recorder():
    ring = Ring(100, nothing)
    for seq in range(60):
        ring.write(seq, image(seq, 0))
    ring.unreadable = {0, 3, 57, 58}
    assert ring.find().next_seq == 63
    ring.unreadable = {59}
    assert ring.find().next_seq == 62  # the newest that can be read is 58: nothing later can be
    ring.unreadable = set(range(100))
    assert ring.find().next_seq == 0


class BigRing(Ring):
    """8 GB of slots whose contents are made as they are read: cuts, bad slots, flipped bits and unreadable sectors in it."""

    def __init__(self, seed):
        chance = random.Random(seed)
        slot_bytes = chance.choice((4096, 8192, 16384))
        super().__init__(8_000_000_000 // slot_bytes, self.content)
        self.block_bytes = slot_bytes
        self.newest = int(self.n_slots * chance.choice((0.001, 0.3, 0.999, 1.001, 1.7, 2.5)) + chance.randrange(1000))
        self.every = chance.choice((5, 50, 1000))  # slots between two power cuts
        self.rotten = chance.choice((0, 0.001, 0.01))  # slots whose header has a flipped bit, or that are unreadable
        self.bad = {chance.randrange(self.n_slots) for _ in range(chance.choice((0, 200)))}
        self.seed = seed

    def content(self, slot):
        seq = self.newest - (self.newest - slot) % self.n_slots
        if seq < 0 or (self.newest != seq and self.newest - seq > 4 and (seq % self.every < 3 or slot in self.bad)):
            seq -= self.n_slots  # not given out in the newest lap: what the lap before left
        if seq < 0 or random.Random(self.seed * 7919 + slot).random() < self.rotten:
            return b""
        return image(seq, 0, block_bytes=self.block_bytes)


def test_an_8_gb_card_takes_at_most_200_sector_reads_after_cuts_bad_sectors_and_flipped_bits():
    reads = []
    for seed in range(500):
        ring = BigRing(seed)
        head = ring.find(most=200)
        newest = max(s for s in range(ring.newest - 60, ring.newest + 1) if ring.content(s % ring.n_slots)[48:52] == struct.pack("<I", s))
        assert newest < head.next_seq <= newest + 4, seed
        reads.append(ring.reads)
    print("head of an 8 GB card: %.0f sectors in the mean, %d at most" % (sum(reads) / len(reads), max(reads)))
