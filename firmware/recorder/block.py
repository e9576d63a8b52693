# SPDX-License-Identifier: Apache-2.0
"""Builds blocks (docs/SPEC.md section 3) in a slot buffer: header, payload through an encoder, events, two CRCs.

The header is packed once per session; a block only packs the fields that change. Two slot buffers take turns:
one is being filled while the other waits to be written.
"""

import struct
from array import array
from binascii import crc32

from . import constants as c

EVENT_ROOM = 2048  # most bytes of events in one block; more end the block


class BlockBuilder:
    """The open block of a session. `encoder` follows codec_raw's interface."""

    def __init__(self, slot_bytes, encoder, lead_ids, rate_mhz, gain, shift, device_id, session_id, ring_tag=0):
        self.slot_bytes = slot_bytes
        self.encoder = encoder
        self.buffers = (bytearray(slot_bytes), bytearray(slot_bytes))
        self._turn = 0
        self.buffer = self.buffers[0]
        self._events = bytearray(EVENT_ROOM)
        self._view = tuple(memoryview(b) for b in self.buffers)
        self.event_bytes = 0
        self._tail_at = 0  # events from here on stand at frame `_tail_frame`
        self._tail_frame = 0
        self._held = 0  # bytes kept free of payload
        self.block_number = 0
        self.first_frame = 0
        self.n_frames = 0
        self.seal = None  # a BlockSeal: blocks are tagged, and enciphered if it says so
        self.image = self._view[0]  # where `finish` left the image
        step = 2400000000 << shift
        leads = bytes(lead_ids) + bytes(c.MAX_LEADS - len(lead_ids))
        self._template = bytearray(c.BLOCK_HEADER_SIZE)
        struct.pack_into(
            c.BLOCK_HEADER_FORMAT,
            self._template,
            0,
            c.BLOCK_MAGIC,
            c.VERSION_MAJOR,
            c.VERSION_MINOR,
            c.BLOCK_HEADER_SIZE,
            0,
            0,
            0,
            0,
            0,
            len(lead_ids),
            encoder.codec_id,
            rate_mhz,
            device_id,
            session_id,
            0,
            gain * 0x7FFFFF,
            step,
            leads,
            0,
            c.ANCHOR_UNKNOWN,
            c.UNCERTAINTY_UNKNOWN,
            gain,
            shift,
            0,
            slot_bytes // c.SECTOR_BYTES,
            0,
            0,
            0,
            0,
            c.TEMPERATURE_UNKNOWN,
            0,
            0,
            0,
            0,
            bytes(16),
            0,
            ring_tag,
            0,
            0,
        )

    def begin(self, block_number, first_frame, source, state, inputs=0):
        """Open a block at `first_frame` in the other buffer; `state` is electrodes off | leads saturated << 16.

        Events at the frame after the last one of the block before are carried into this one.
        """
        self.swap()
        buffer = self.buffer
        self.block_number = block_number
        self._carry()
        self.n_frames = 0
        buffer[0 : c.BLOCK_HEADER_SIZE] = self._template
        struct.pack_into("<I", buffer, c.BLOCK_HEADER_BLOCK_NUMBER, block_number)
        buffer[c.BLOCK_HEADER_SIGNAL_SOURCE] = source
        self.set_state(state)
        self.set_inputs(inputs)
        self.move(first_frame)
        self._held = 0
        self.encoder.begin(buffer, c.BLOCK_HEADER_SIZE, self.slot_bytes - (self.event_bytes + 3 & -4))

    def hold(self, n_bytes):
        """Keep so many bytes free of payload, for an event at the first frame that may have to be told; 0 gives them back."""
        self._held = n_bytes
        self.encoder.limit = self.slot_bytes - (self.event_bytes + 3 & -4) - n_bytes

    def settled_bytes(self):
        """Return the bytes of the events whose frame is in the block: one at the next frame may still move on."""
        return self._tail_at if self.n_frames and self._tail_frame == self.n_frames else self.event_bytes

    def _carry(self):
        settled = self.settled_bytes()
        kept = self.event_bytes - settled
        events = self._events
        for i in range(kept):
            events[i] = events[settled + i]
        at = 0
        while at < kept:
            events[at + 2] = events[at + 3] = 0
            at += 4 + events[at + 1]
        self.event_bytes = kept
        self._tail_at = self._tail_frame = 0

    def set_state(self, state):
        """Change what held at the first frame, of a block that has no frames yet."""
        struct.pack_into("<HB", self.buffer, c.BLOCK_HEADER_LEAD_OFF, state & 0xFFFF, state >> 16)

    def set_source(self, source):
        """Likewise the source of the signal."""
        self.buffer[c.BLOCK_HEADER_SIGNAL_SOURCE] = source

    def set_inputs(self, inputs):
        """Likewise the button and the USB supply."""
        self.buffer[c.BLOCK_HEADER_INPUTS] = inputs

    def swap(self):
        """Turn to the other slot buffer."""
        self._turn ^= 1
        self.buffer = self.buffers[self._turn]

    def view(self):
        """Return the open block's slot buffer."""
        return self._view[self._turn]

    def other_view(self):
        """Return the slot buffer of the sealed block."""
        return self._view[self._turn ^ 1]

    def move(self, first_frame):
        """Let the block begin at another frame; only while it has none."""
        self.first_frame = first_frame
        struct.pack_into("<Q", self.buffer, c.BLOCK_HEADER_FIRST_FRAME, first_frame)

    def encode(self, frames, index, count):
        """Append frames; fewer than `count` taken means the block is full."""
        room = c.MAX_FRAMES_PER_BLOCK - self.n_frames
        taken = self.encoder.encode(frames, index, count if count < room else room)
        self.n_frames += taken
        return taken

    def add_event(self, kind, data):
        """Append an event at the next frame; return False when the block has no room left for it."""
        n = 4 + len(data)
        if not self._make_room(n):
            return False
        at = self.event_bytes - n
        struct.pack_into("<BBH", self._events, at, kind, len(data), self.n_frames)
        self._events[at + 4 : at + n] = data
        if self._tail_frame != self.n_frames:
            self._tail_frame = self.n_frames
            self._tail_at = at
        return True

    def add_first_event(self, kind, data):
        """Put an event at the block's first frame, before the others; return False when there is no room for it."""
        n = 4 + len(data)
        if not self._make_room(n):
            return False
        events = self._events
        for i in range(self.event_bytes - 1, n - 1, -1):
            events[i] = events[i - n]
        self._tail_at += n
        struct.pack_into("<BBH", events, 0, kind, len(data), 0)
        events[4:n] = data
        return True

    def _make_room(self, n):
        used = self.event_bytes + n
        limit = self.slot_bytes - (used + 3 & -4) - self._held
        if used > EVENT_ROOM or c.BLOCK_HEADER_SIZE + self.encoder.payload_bytes() > limit:
            return False
        self.event_bytes = used
        self.encoder.limit = limit
        return True

    def finish(self, ring_seq, flags, anchor, conditions):
        """Complete the image, in `image`, and return its length in bytes; the block may go on (a checkpoint).

        `anchor` is (frame, utc_us, uncertainty_ms); `conditions` an int array: battery_mv, temperature_cdeg,
        write_last_ms, write_max_ms, frames_lost, inputs (not used here: it holds at the first frame), calibration_id.
        """
        buffer = self.buffer
        payload = self.encoder.payload_bytes()
        end = c.BLOCK_HEADER_SIZE + payload
        n = self.event_bytes if flags & c.FLAG_LAST else self.settled_bytes()
        if n:
            for i in range(n):
                buffer[end + i] = self._events[i]
            end += n
        while end & 3:
            buffer[end] = 0
            end += 1
        pack = struct.pack_into
        pack("<HH", buffer, c.BLOCK_HEADER_BLOCK_BYTES, end, flags)
        pack("<H", buffer, c.BLOCK_HEADER_N_FRAMES, self.n_frames)
        pack("<I", buffer, c.BLOCK_HEADER_RING_SEQ, ring_seq)
        pack("<QqI", buffer, c.BLOCK_HEADER_ANCHOR_FRAME, anchor[0], anchor[1], anchor[2])
        pack(
            "<HhHHII",
            buffer,
            c.BLOCK_HEADER_BATTERY_MV,
            conditions[0],
            conditions[1],
            conditions[2],
            conditions[3],
            conditions[4],
            conditions[6],
        )
        pack("<H", buffer, c.BLOCK_HEADER_PAYLOAD_BYTES, payload)
        view = self._view[self._turn]
        if self.seal is not None:
            view = self._sealed(view, end, flags)
        self.image = view
        _put_crcs(view, end)
        return end

    def _sealed(self, view, n, flags):
        """Tag the image in `view`. One to be enciphered while the block goes on is copied to the other buffer, which is free then."""
        seal = self.seal
        struct.pack_into("<H", view, c.BLOCK_HEADER_FLAGS, flags | seal.flags)
        if seal.encrypts and flags & c.FLAG_CHECKPOINT:
            other = self._view[self._turn ^ 1]
            other[:n] = view[:n]
            view = other
        seal.close(view, n)
        return view

    def renumber(self, view, ring_seq):
        """Give the sealed block in `view` another ring_seq; its tag covers that."""
        if self.seal is not None:
            struct.pack_into("<I", view, c.BLOCK_HEADER_RING_SEQ, ring_seq)
            n = struct.unpack_from("<H", view, c.BLOCK_HEADER_BLOCK_BYTES)[0]
            self.seal.tag(view, n)
            _put_crcs(view, n)
        renumber(view, ring_seq)

    def written(self, view):
        """The card has the sealed block in `view`."""
        if self.seal is not None:
            self.seal.keep(view)

    def reopen(self, view, block_bytes):
        """Make the sealed block in `view` readable again: no card took it."""
        if self.seal is not None:
            self.seal.reopen(view, block_bytes)


def _put_crcs(view, n):
    struct.pack_into("<I", view, c.BLOCK_HEADER_BODY_CRC32, crc32(view[c.BLOCK_HEADER_SIZE : n]))
    struct.pack_into("<I", view, c.BLOCK_HEADER_HEADER_CRC32, crc32(view[: c.BLOCK_HEADER_HEADER_CRC32]))


def new_conditions():
    """Return the array that `finish` reads; see there for its elements."""
    return array("i", [0, c.TEMPERATURE_UNKNOWN, 0, 0, 0, 0, 0])


def renumber(view, ring_seq):
    """Give a finished block in `view` another ring_seq: it goes to another slot than was thought."""
    struct.pack_into("<I", view, c.BLOCK_HEADER_RING_SEQ, ring_seq)
    struct.pack_into("<I", view, c.BLOCK_HEADER_HEADER_CRC32, crc32(view[: c.BLOCK_HEADER_HEADER_CRC32]))


def events_of(view, block_bytes):
    """Return [(kind, data)] of a finished block in `view`; for the rare case that it has to be given up."""
    found = []
    at = c.BLOCK_HEADER_SIZE + struct.unpack_from("<H", view, c.BLOCK_HEADER_PAYLOAD_BYTES)[0]
    while at < block_bytes and view[at]:
        end = at + 4 + view[at + 1]
        found.append((view[at], bytes(view[at + 4 : end])))
        at = end
    return found
