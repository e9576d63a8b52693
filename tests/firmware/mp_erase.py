# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: ERASE on rings of one and of several segments; power goes at every write of it, with and without a torn sector."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]

import os
from array import array

from boards.sim.virtual_card import VirtualCard
from recorder import constants as c
from recorder import store as stores
from recorder.block import BlockBuilder, new_conditions, renumber
from recorder.clock import Anchors, SystemTicks
from recorder.codec_raw import Encoder
from recorder.erase import finish_erase, new_ring
from recorder.fat32_format import format_card
from recorder.session import LEAD_IDS
from recorder.store import make_ring, open_store, parse_segment_header

DEVICE = b"12345678"
TICKS = SystemTicks()
MIB = 1 << 20


class Cut(Exception):
    pass


class Overlay:
    """A card whose writes stay in memory; power goes after `left` of them, the next one tears."""

    def __init__(self, base):
        self.base = base
        self.sectors = {}
        self.left = None
        self.torn = False
        self.writes = 0

    def readblocks(self, sector, buffer):
        self.base.readblocks(sector, buffer)
        for i in range(len(buffer) // 512):
            if sector + i in self.sectors:
                buffer[512 * i : 512 * i + 512] = self.sectors[sector + i]

    def writeblocks(self, sector, buffer):
        if self.left == 0:
            if self.torn:
                before = bytearray(512)
                self.readblocks(sector, before)
                self.sectors[sector] = bytes(buffer[:40]) + bytes(before[40:])
            raise Cut()
        if self.left:
            self.left -= 1
        self.writes += 1
        for i in range(len(buffer) // 512):
            self.sectors[sector + i] = bytes(buffer[512 * i : 512 * i + 512])

    def ioctl(self, request, argument):
        return self.base.ioctl(request, argument) if request != 3 else 0


def record(store, n_blocks):
    """Write blocks of a session that was stopped in order."""
    encoder = Encoder(8, LEAD_IDS, 500000)
    builder = BlockBuilder(store.slot_bytes, encoder, LEAD_IDS, 500000, 6, 6, DEVICE, b"session.", store.ring_tag)
    frames = array("i", range(80))
    for number in range(n_blocks):
        builder.begin(number, 10 * number, 0, 0)
        builder.encode(frames, 0, 10)
        last = c.FLAG_LAST if number == n_blocks - 1 else 0
        n = builder.finish(store.next_seq, last, Anchors().latest, new_conditions())
        builder.swap()
        store.write_block(builder.other_view(), n, renumber)


def opened(device):
    store = open_store(device, DEVICE, TICKS)
    assert finish_erase(store)
    store.recover()
    return store


def headers(store):
    sector = bytearray(512)
    found = []
    for first in store.segments:
        store.device.readblocks(first, sector)
        found.append(parse_segment_header(sector))
    store.device.readblocks(store.segments[0] + 1, sector)
    return found, parse_segment_header(sector)


for segments in (1, 3):
    stores.MAX_SEGMENT_BYTES = 2 * MIB
    base = VirtualCard(FOLDER + "/%d.img" % segments, 40 * 2048, TICKS)
    format_card(base)
    store = make_ring(base, DEVICE, b"ringring", 8192, TICKS, 2 * MIB * segments)
    assert len(store.segments) == segments
    store.recover()
    record(store, 5)
    old = opened(base)
    assert old.next_seq == 5 and old.head.clean
    whole = Overlay(base)
    store = opened(whole)
    assert whole.writes == 0  # nothing to put right
    new_ring(store, os.urandom)
    assert store.next_seq == 0 and store.ring_tag != old.ring_tag
    writes = whole.writes
    rings = {"old": 0, "new": 0}
    for left in range(writes + 1):
        for torn in (False, True):
            device = Overlay(base)
            store = opened(device)
            device.left = left
            device.torn = torn
            try:
                new_ring(store, os.urandom)
                assert left == writes
            except Cut:
                assert left < writes
            device.left = None
            again = opened(device)
            if again.ring_id == b"ringring":
                assert again.next_seq == 5 and again.head.clean
                rings["old"] += 1
            else:
                assert again.next_seq == 0 and again.head.header is None
                rings["new"] += 1
            found, spare = headers(again)
            assert spare is None
            assert all(header[0] == again.ring_id for header in found), (left, torn)
            record(again, 2)
            last = opened(device)
            assert last.next_seq == again.next_seq and last.head.session_id() == b"session."
    assert rings["old"] >= 2 and rings["new"] >= 2, rings
    print("%d segments: %d writes, %d cuts left the old ring, %d the new one" % (segments, writes, rings["old"], rings["new"]))
    base.close()
