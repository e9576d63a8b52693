# SPDX-License-Identifier: Apache-2.0
"""Find the head of the ring of slots after a start-up: a binary search that reads few sectors (docs/SPEC.md section 2).

Evidence. A sound header with ring_seq r at slot j tells that the ring had given out position w: w = r for a sealed
block at its own slot, w = r + 1 or r + 2 for a checkpoint; always w mod n_slots = j. From any evidence w0 on, slots up
to the head carry w0 + 1, w0 + 2, ..., those behind it older laps or nothing. What cannot be read is nothing.

Holes are slots up to the head without evidence. After a power cut they are at most three in a row, so "one of the
WINDOW slots from w0 + d on was given out" is true up to the head and false behind it. Longer holes (bad slots passed
over after a cut, rot, a lying card) can mislead the search; so whatever end it comes to, the AHEAD slots behind it are
looked at, the places to which a writer leaps over bad slots, and places ever farther away. Evidence there is the
beginning of another search.

Cost where no hole is longer than three: FIRST sectors to begin, WINDOW for each of the log2(n_slots) steps, 28 and
log2(n_slots) - 9 to make sure, 4 headers and one whole block: 7 + 5 * 20 + 39 + 4 + 16 = 166 sectors at most for 2^20
slots, 8 GiB at 8 KiB. Each time the search was misled costs another one; docs/RELIABILITY.md has what was measured.
"""

import struct
from binascii import crc32

from . import constants as c

FIRST = 7
WINDOW = 5
AHEAD = 16
LEAPS = (19, 83, 339)  # where a writer lands that finds slots bad: passed(n_slots), without the first three


def passed(n_slots):
    """Return how far behind a bad slot to try, in turn: the next three, then leaps, none over an eighth of the ring."""
    return [distance for distance in (1, 2, 3) + LEAPS if distance < 4 or distance <= n_slots // 8]


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
        self._newer = -1

    def find(self):
        """Return the Head."""
        base = self._begin()
        if base < 0:
            return Head(0, True)
        low, high = 0, self.n_slots - 1
        while True:
            self._newer = -1
            limit = high
            low = self._search(base, low, high)
            found, high = self._ahead(base, low, limit if low < limit else self.n_slots - 1)
            if self._newer >= 0:  # what was taken for the newest lap is an older one
                base, low, high = self._newer, 0, self.n_slots - 1
            elif found < 0:
                return self._end((base + low) % self.n_slots)
            else:
                low = found

    def _begin(self):
        """Return the highest position of the ring's first slots; if there is none, of slots ever farther on; -1 without any."""
        best = -1
        for slot in range(min(FIRST, self.n_slots)):
            best = max(best, self.position(slot))
        slot, step = FIRST, 1
        while best < 0 and slot < self.n_slots:
            best = self.position(slot)
            if slot >= FIRST + AHEAD:
                step *= 2
            slot += step
        return best

    def _given(self, base, distance):
        """True when the slot was given out `distance` after `base`; remembers a position a lap ahead of that."""
        w = self.position((base + distance) % self.n_slots)
        if w > base + distance:
            self._newer = w
        return w >= base + distance

    def _search(self, base, low, high):
        """Return the greatest distance that was given out, in doubt one too small."""
        while low < high and self._newer < 0:
            middle = (low + high + 1) >> 1
            for distance in range(middle, min(middle + WINDOW, self.n_slots)):
                if self._given(base, distance):
                    low = max(distance, low)
                    high = max(high, low)
                    break
            else:
                high = middle - 1
        return low

    def _ahead(self, base, end, limit):
        """Return (the farthest distance behind `end` that was given out, how far to search from there), or (-1, 0)."""
        farthest, beyond = -1, 0
        for distance in self._places(end, limit):
            if self._newer >= 0:
                break
            if self._given(base, distance):
                farthest, beyond = distance, 0
            elif farthest >= 0 and not beyond:
                beyond = distance
        return farthest, (beyond or self.n_slots) - 1

    def _places(self, end, limit):
        """Distances to look at behind an end, in rising order; those far away only up to the `limit` of the search before."""
        near = list(range(end + 1, end + AHEAD + 1))
        for leap in passed(self.n_slots)[3:]:
            near += range(end + leap + 1, end + leap + 5)
        step = 512
        while end + step <= limit:
            near.append(end + step)
            step *= 2
        return [distance for distance in near if distance < self.n_slots]

    def position(self, slot):
        """Return w of the header at a slot, or -1 when there is nothing of this ring or it cannot be read."""
        try:
            self.read(slot, 0, self._sector)
        except OSError:
            return -1
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
        try:
            self.read(slot, 0, view[: sectors * 512])
        except OSError:
            return None
        wanted = struct.unpack_from("<I", header, c.BLOCK_HEADER_BODY_CRC32)[0]
        return header if crc32(view[n:block_bytes]) == wanted else None
