# SPDX-License-Identifier: Apache-2.0
"""Blocks out of the ring for channel BLOCK (docs/SPEC.md 6.7): one sector-read at a time, nothing that is being overwritten."""

import struct
from binascii import crc32

from . import constants as c

LOOKS = 16  # slots without a block that are looked at before others get their turn
SAY_AFTER = 64  # slots without a block, until they are told
GUARD = 2  # slots behind the next one that a checkpoint may take
_HEAD_BYTES = 6


def oldest_seq(store):
    """Return the oldest ring_seq that nothing is about to overwrite."""
    return max(0, store.next_seq + GUARD + 1 - store.n_slots)


class BlockSender:
    """One FETCH. `fill` is called whenever a packet may go."""

    def __init__(self, store, device_id):
        self.store = store
        self.device_id = device_id
        self.active = False
        self._sector = bytearray(c.SECTOR_BYTES)
        self._view = memoryview(self._sector)
        self.end()

    def begin(self, first, last, offset):
        """Begin to send the blocks `first` to `last` - 1, the first one from byte `offset` on."""
        self.end()
        self.active = True
        self.seq = first
        self._last = last
        self._offset = offset

    def end(self):
        """Stop where it is."""
        self.active = False
        self._position = -1  # byte of the block to be sent next; -1 between blocks
        self._loaded = -1  # number of the sector in the buffer
        self._absent = 0
        self._broken = False
        self._ending = False

    def cancel(self):
        """End the FETCH, if there is one, behind the block that is under way, whose message ends here."""
        if not self.active:
            return
        if self._position >= 0:
            self._broken = True
            self._bytes = self._position
        self._last = self.seq
        self._ending = True

    def is_free(self):
        """True when what `fill` has to say needs no credit: the end."""
        return self._ending or not (self._position >= 0 or self._absent or self._broken or self.seq < self._last)

    def fill(self, out, at, room):
        """Put up to `room` bytes of the message into `out`; return (bytes, more), or None when there is nothing to say now.

        When it is None and no longer `active`, all is sent: `seq` is the first that was not looked at.
        """
        if self._position < 0:
            return self._next(out, at, room)
        return self._go_on(out, at, room)

    def _next(self, out, at, room):
        """Find the next block and begin its message."""
        if self._broken:
            self._broken = False
            return self._tell_absent(out, at)
        for _ in range(LOOKS):
            if self.seq >= self._last:
                if self._absent:
                    return self._tell_absent(out, at)
                self.active = False
                return None
            self._bytes = self._look()
            offset = self._offset
            if self._bytes:
                if self._absent:
                    return self._tell_absent(out, at)
                self._offset = 0
                struct.pack_into("<IH", out, at, self.seq, offset)
                self._position = min(offset, self._bytes)
                n, more = self._go_on(out, at + _HEAD_BYTES, room - _HEAD_BYTES)
                return n + _HEAD_BYTES, more
            self._offset = 0
            self.seq += 1
            self._absent += 1
            if self._absent >= SAY_AFTER:
                return self._tell_absent(out, at)
        return None

    def _tell_absent(self, out, at):
        self._absent = 0
        struct.pack_into("<IH", out, at, self.seq - 1, 0)
        return _HEAD_BYTES, False

    def _look(self):
        """Return the length of the block in the slot of `seq`, 0 when there is none."""
        self._loaded = -1
        if not self._load(0):
            return 0
        sector = self._sector
        n, block_bytes = struct.unpack_from("<HH", sector, c.BLOCK_HEADER_HEADER_BYTES)
        if self._view[0:4] != c.BLOCK_MAGIC or sector[c.BLOCK_HEADER_VERSION_MAJOR] != c.VERSION_MAJOR:
            return 0
        if not c.BLOCK_HEADER_SIZE <= n <= c.SECTOR_BYTES or not n <= block_bytes <= self.store.slot_bytes:
            return 0
        if crc32(self._view[: n - 4]) != struct.unpack_from("<I", sector, n - 4)[0]:
            return 0
        at = c.BLOCK_HEADER_DEVICE_ID
        if self._view[at : at + 8] != self.device_id:
            return 0
        if struct.unpack_from("<H", sector, c.BLOCK_HEADER_RING_TAG)[0] != self.store.ring_tag:
            return 0
        behind = self.seq - struct.unpack_from("<I", sector, c.BLOCK_HEADER_RING_SEQ)[0]
        checkpoint = struct.unpack_from("<H", sector, c.BLOCK_HEADER_FLAGS)[0] & c.FLAG_CHECKPOINT
        return block_bytes if behind in ((1, 2) if checkpoint else (0,)) else 0

    def _load(self, number):
        """Read sector `number` of the slot; False when it is no longer, or cannot be, read."""
        if self.seq < oldest_seq(self.store):
            return False
        if number != self._loaded:
            self._loaded = -1
            try:
                self.store.read(self.seq, number, self._sector)
            except OSError:
                return False
            self._loaded = number
        return True

    def _go_on(self, out, at, room):
        """Copy what fits of the block that is being sent."""
        filled = 0
        while filled < room and self._position < self._bytes:
            if not self._load(self._position // c.SECTOR_BYTES):
                self._broken = True
                break
            start = self._position % c.SECTOR_BYTES
            n = min(room - filled, c.SECTOR_BYTES - start, self._bytes - self._position)
            out[at + filled : at + filled + n] = self._view[start : start + n]
            filled += n
            self._position += n
        more = self._position < self._bytes and not self._broken
        if not more:
            self._position = -1
            self.seq += 1
        return filled, more
