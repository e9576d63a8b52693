# SPDX-License-Identifier: Apache-2.0
"""A small reader of docs/SPEC.md for these tests: struct and binascii only, and none of the firmware's constants.

It takes a card image, finds segment files by their headers at sectors, and reads every slot that rule 2.6 lets it.
"""

import struct
from binascii import crc32
from functools import cached_property

import numpy as np
from recorder import codec

try:
    from octolead import native
except ImportError:
    native = None

HEADER = struct.Struct("<4sBBHHHIQHBBI8s8sIIQ8sQqIBBBBHBBHhHHII16sHHII")
FIELDS = [
    "magic",
    "major",
    "minor",
    "header_bytes",
    "block_bytes",
    "flags",
    "number",
    "first_frame",
    "n_frames",
    "n_leads",
    "codec",
    "rate_mhz",
    "device_id",
    "session_id",
    "ring_seq",
    "step_den",
    "step_num",
    "lead_ids",
    "anchor_frame",
    "anchor_utc_us",
    "anchor_uncertainty_ms",
    "gain",
    "shift",
    "source",
    "slot_sectors",
    "lead_off",
    "saturated",
    "inputs",
    "battery_mv",
    "temperature",
    "write_last_ms",
    "write_max_ms",
    "frames_lost",
    "calibration",
    "chain_tag",
    "payload_bytes",
    "ring_tag",
    "body_crc",
    "header_crc",
]
MARK, LEAD_OFF, SATURATED, GAP, ANCHOR, BUTTON, FAULT, NOTE, START, STOP = 1, 2, 3, 4, 5, 8, 9, 10, 11, 12
CHECKPOINT, LAST = 1, 256


class Block:
    """A sound block: header fields as attributes, `events` [(type, frame, data)], `frames`."""

    def __init__(self, data):
        for name, value in zip(FIELDS, HEADER.unpack_from(data), strict=True):
            setattr(self, name, value)
        end = self.header_bytes + self.payload_bytes
        self.body = data[self.header_bytes : self.block_bytes]
        self.events = []
        at = end
        while at + 4 <= self.block_bytes and data[at]:
            kind, length, offset = struct.unpack_from("<BBH", data, at)
            assert at + 4 + length <= self.block_bytes, "event runs past the block"
            assert offset < self.n_frames or self.n_frames == 0 or kind == STOP, (kind, offset, self.n_frames)
            self.events.append((kind, self.first_frame + offset, bytes(data[at + 4 : at + 4 + length])))
            at += 4 + length
        assert not any(data[at : self.block_bytes])
        assert self.block_bytes - at < 4
        offsets = [frame for _, frame, _ in self.events]
        assert offsets == sorted(offsets)
        self.payload = data[self.header_bytes : end]

    @cached_property
    def frames(self):
        """The values, int32 (frames, leads): codec 0 by the page, codec 1 by the C core or, without it, plain Python."""
        if self.codec == 0:
            raw = np.frombuffer(self.payload, np.uint8, 3 * self.n_leads * self.n_frames).reshape(-1, 3)
            value = raw[:, 0].astype(np.int32) | raw[:, 1].astype(np.int32) << 8 | raw[:, 2].astype(np.int32) << 16
            return ((value ^ 0x800000) - 0x800000).reshape(-1, self.n_leads)
        return decode_adaptive(self.payload, self.n_frames, self.lead_ids[: self.n_leads], self.rate_mhz)

    @property
    def end(self):
        """Frame after the last."""
        return self.first_frame + self.n_frames


def decode_adaptive(payload, n_frames, lead_ids, rate_mhz):
    """Return the frames of a payload of codec 1."""
    if native is not None:
        return native.decode_payload(payload, n_frames, codec_id=1, lead_ids=lead_ids, rate_mhz=rate_mhz)
    return np.array(codec.decode(payload, n_frames, lead_ids, rate_mhz), np.int32).reshape(-1, len(lead_ids))


def parse_block(data):
    """Return the Block at the start of data, or None."""
    if len(data) < 144 or data[:4] != b"\x8fOLB" or data[4] != 1:
        return None
    n, block_bytes = struct.unpack_from("<HH", data, 6)
    if n < 144 or n % 4 or n > block_bytes or block_bytes % 4 or block_bytes > 16384 or block_bytes > len(data):
        return None
    if crc32(data[: n - 4]) != struct.unpack_from("<I", data, n - 4)[0]:
        return None
    if crc32(data[n:block_bytes]) != struct.unpack_from("<I", data, n - 8)[0]:
        return None
    return Block(bytes(data[:block_bytes]))


class Ring:
    """All sound blocks of an image: `sealed` {ring_seq: Block}, `checkpoints` [Block]."""

    def __init__(self, path):
        image = np.memmap(path, np.uint8, "r")
        sectors = image[: len(image) // 512 * 512].reshape(-1, 512)
        magic = np.flatnonzero((sectors[:, :4] == np.frombuffer(b"\x8fOLS", np.uint8)).all(axis=1))
        segments = {}
        for sector in magic:
            head = bytes(sectors[sector])
            if crc32(head[:60]) == struct.unpack_from("<I", head, 60)[0]:
                self.ring_id, self.device_id, index, count, slot_bytes, slots = struct.unpack_from("<8s8sHHII", head, 8)
                segments[index] = int(sector) * 512
        assert sorted(segments) == list(range(count))
        self.n_slots = count * slots
        self.slot_bytes = slot_bytes
        self.sealed = {}
        self.checkpoints = []
        for slot in range(self.n_slots):
            at = segments[slot // slots] + (1 + slot % slots) * slot_bytes
            if image[at] != 0x8F:
                continue
            block = parse_block(bytes(image[at : at + slot_bytes]))
            if block is None:
                continue
            if block.flags & CHECKPOINT:
                assert (slot - block.ring_seq) % self.n_slots in (1, 2)
                self.checkpoints.append(block)
            elif block.ring_seq % self.n_slots == slot:
                self.sealed[block.ring_seq] = block

    def sessions(self):
        """Return {session_id: [blocks]}: sealed ones, then the open one if a checkpoint goes beyond them."""
        found = {}
        for _, block in sorted(self.sealed.items()):
            found.setdefault(block.session_id, []).append(block)
        for checkpoint in sorted(self.checkpoints, key=lambda block: block.n_frames):
            blocks = found.setdefault(checkpoint.session_id, [])
            if blocks and blocks[-1].number == checkpoint.number and blocks[-1].flags & CHECKPOINT:
                blocks[-1] = checkpoint
            elif not blocks or blocks[-1].number < checkpoint.number:
                blocks.append(checkpoint)
        return found

    def only_session(self):
        """Return the blocks of the one session."""
        sessions = self.sessions()
        assert len(sessions) == 1
        return next(iter(sessions.values()))


def read_tap(path):
    """Return (status words, codes) of the frames that left the chip."""
    raw = np.fromfile(path, np.uint8)
    raw = raw[: len(raw) // 27 * 27].reshape(-1, 9, 3).astype(np.int32)
    words = raw[:, :, 0] << 16 | raw[:, :, 1] << 8 | raw[:, :, 2]
    return words[:, 0], (words[:, 1:] ^ 0x800000) - 0x800000


def quantise(codes, shift):
    """Section 3.1: floor((code + 2^(shift-1)) / 2^shift), in numpy's floor division."""
    return (codes + (2 ** (shift - 1) if shift else 0)) // 2**shift


def events_of(blocks, kind):
    """Return [(frame, data)] of one type."""
    return [(frame, data) for block in blocks for k, frame, data in block.events if k == kind]
