# SPDX-License-Identifier: Apache-2.0
"""Find the head of the ring of slots after a start-up: a binary search that reads few sectors (docs/SPEC.md section 2).

Evidence. A sound header with ring_seq r at slot j tells that the ring had given out position w: w = r for a sealed
block at its own slot, w = r + 1 or r + 2 for a checkpoint; always w mod n_slots = j. Slots from the start of the ring
to its head carry the newest lap (w div n_slots), those behind it older laps or nothing. Holes (slots passed over after
a power cut, bad or torn ones) are at most HOLES long, so "one of the HOLES + 1 slots from j on is of the newest lap"
is true up to the head and false behind it.

Cost: HOLES + 1 sectors to learn the newest lap, at most as many for each of the log2(n_slots) steps, 4 headers and one
whole block at the end: 6 + 6 * 24 + 4 + 32 = 186 sectors for 2^24 slots, 128 GiB at 8 KiB.
"""

import struct
from binascii import crc32

from . import constants as c

HOLES = 5


class Head:
    """What the ring's end looks like: the next ring_seq to give out, and the newest block that was found."""

    def __init__(self, next_seq, clean, header=None):
        self.next_seq = next_seq
        self.clean = clean
        self.header = header

    def session_id(self):
        """Return the session of that block; only where there is a `header`."""
        return bytes(self.header[c.BLOCK_HEADER_SESSION_ID : c.BLOCK_HEADER_SESSION_ID + 8])


class HeadSearch:
    """`read(slot, sector, buffer)` reads sectors of a ring slot into buffer; `device_id` is the recorder's own, `ring_tag` the ring's."""

    def __init__(self, read, n_slots, device_id, ring_tag, buffer):
        self.read = read
        self.n_slots = n_slots
        self.device_id = device_id
        self.ring_tag = ring_tag
        self.buffer = buffer
        self._sector = memoryview(buffer)[:512]

    def find(self):
        """Return the Head."""
        newest = self._best(0)
        if newest < 0:
            return Head(0, True)
        lap = newest // self.n_slots
        low, high = 0, self.n_slots - 1
        while low < high:
            middle = (low + high + 1) >> 1
            if self._reaches(middle, lap):
                low = middle
            else:
                high = middle - 1
        return self._end(low)

    def _best(self, slot):
        best = -1
        for j in range(slot, min(slot + HOLES + 1, self.n_slots)):
            best = max(best, self.position(j))
        return best

    def _reaches(self, slot, lap):
        for j in range(slot, min(slot + HOLES + 1, self.n_slots)):
            w = self.position(j)
            if w >= 0 and w // self.n_slots >= lap:
                return True
        return False

    def position(self, slot):
        """Return w of the header at a slot, or -1 when there is nothing of this ring."""
        self.read(slot, 0, self._sector)
        b = self.buffer
        if b[0:4] != c.BLOCK_MAGIC or b[c.BLOCK_HEADER_VERSION_MAJOR] != c.VERSION_MAJOR:
            return -1
        n, block_bytes, flags = struct.unpack_from("<HHH", b, c.BLOCK_HEADER_HEADER_BYTES)
        if n < c.BLOCK_HEADER_SIZE or n > 512 or n & 3 or n > block_bytes:
            return -1
        if crc32(self._sector[: n - 4]) != struct.unpack_from("<I", b, n - 4)[0]:
            return -1
        if b[c.BLOCK_HEADER_DEVICE_ID : c.BLOCK_HEADER_DEVICE_ID + 8] != self.device_id:
            return -1
        if struct.unpack_from("<H", b, c.BLOCK_HEADER_RING_TAG)[0] != self.ring_tag:
            return -1
        seq = struct.unpack_from("<I", b, c.BLOCK_HEADER_RING_SEQ)[0]
        ahead = (slot - seq) % self.n_slots
        if ahead > 2 or (ahead != 0) != bool(flags & c.FLAG_CHECKPOINT):
            return -1
        return seq + ahead

    def _end(self, slot):
        """The head's evidence may be a checkpoint of a block that lies before it: look back two slots."""
        newest = -1
        where = slot
        for back in range(3):
            j = (slot - back) % self.n_slots
            w = self.position(j)
            if w >= 0:
                seq = struct.unpack_from("<I", self.buffer, c.BLOCK_HEADER_RING_SEQ)[0]
                if seq > newest:
                    newest, where = seq, j
        if newest < 0:
            return Head(0, True)
        sealed = self._sealed(newest)
        if sealed is not None:
            flags = struct.unpack_from("<H", sealed, c.BLOCK_HEADER_FLAGS)[0]
            if flags & c.FLAG_LAST:
                return Head(newest + 1, True, sealed)
            return Head(newest + 4, False, sealed)  # the block after it was open: s = newest + 1, begin at s + 3
        self.position(where)
        return Head(newest + 3, False, bytes(self._sector[: c.BLOCK_HEADER_SIZE]))

    def _sealed(self, seq):
        """Return the header of the sealed block `seq` if both its CRCs are right."""
        slot = seq % self.n_slots
        if self.position(slot) != seq or struct.unpack_from("<I", self.buffer, c.BLOCK_HEADER_RING_SEQ)[0] != seq:
            return None
        header = bytes(self._sector[: c.BLOCK_HEADER_SIZE])
        n, block_bytes = struct.unpack_from("<HH", header, c.BLOCK_HEADER_HEADER_BYTES)
        if block_bytes > len(self.buffer):
            return None
        sectors = (block_bytes + 511) // 512
        view = memoryview(self.buffer)
        self.read(slot, 0, view[: sectors * 512])
        wanted = struct.unpack_from("<I", header, c.BLOCK_HEADER_BODY_CRC32)[0]
        return header if crc32(view[n:block_bytes]) == wanted else None
