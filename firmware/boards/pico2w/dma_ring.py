# SPDX-License-Identifier: Apache-2.0
"""A ring of words that two DMA channels fill for ever, without CPU, interrupt or limit of size.

`data` moves one word from the PIO's FIFO to the ring at each request, as many as the ring holds, and then chains to
`control`. `control` writes the ring's address to data's WRITE_ADDR_TRIG, which re-arms it, and chains to nothing. The
FIFO (eight words, joined) covers the few cycles between.

RP2350's own re-arming (TRANS_COUNT mode TRIGGER_SELF) was weighed and left: it needs the address to wrap by itself,
which ends at 32 KiB, 910 frames, 1.8 s at 500 samples/s; and its laps would have to be counted by an interrupt that a
long garbage collection delays. Here the laps count themselves: `control` takes the address out of a table of LAPS equal
words, in which its read address wraps, so that address says how often the ring went round, modulo LAPS.
The table must be aligned to its size; MicroPython has no aligned allocation, so twice the size is taken.

Reading the place (RP2350 data sheet, 12.6): WRITE_ADDR of a channel that counts up without wrapping is corrected for
transfers in flight, READ_ADDR of one that wraps is not, and its bits above the wrap need not be the table's: they
are masked.
"""

import struct

LAPS = 256
_TABLE_BYTES = 4 * LAPS
_RING_BITS = 10  # 2^10 bytes, the table
_WORD = 2  # DATA_SIZE
_AL2_WRITE_ADDR_TRIG = 0x2C
_DMA_BASE = 0x50000000
_DMA_STRIDE = 0x40
_TREQ_PERMANENT = 0x3F
_LOOKS = 16


class DmaRing:
    """`data` and `control` are rp2.DMA; `ring` a bytearray of whole words; `fifo` what data reads, paced by `treq`.

    `address_of(buffer)` is uctypes.addressof. The object keeps all of them: MicroPython's collector closes a channel
    that nobody holds.
    """

    def __init__(self, data, control, address_of, ring, fifo, treq):
        self.data = data
        self.control = control
        self.ring = ring
        self.fifo = fifo
        self.n_words = len(ring) // 4
        self.base = address_of(ring)
        if self.base & 3 or len(ring) & 3:
            raise ValueError("ring of %d bytes at 0x%08x: both must be whole words" % (len(ring), self.base))
        self._table = bytearray(2 * _TABLE_BYTES)
        self.table = -(-address_of(self._table) // _TABLE_BYTES) * _TABLE_BYTES
        at = self.table - address_of(self._table)
        for i in range(LAPS):
            struct.pack_into("<I", self._table, at + 4 * i, self.base)
        self._data_ctrl = data.pack_ctrl(size=_WORD, inc_read=False, inc_write=True, treq_sel=treq, chain_to=control.channel, high_pri=True)
        self._control_ctrl = control.pack_ctrl(
            size=_WORD, inc_read=True, inc_write=False, ring_sel=False, ring_size=_RING_BITS, treq_sel=_TREQ_PERMANENT
        )

    def start(self):
        """Begin at the ring's first word, lap 0. Nothing may be in the FIFO."""
        again = _DMA_BASE + _DMA_STRIDE * self.data.channel + _AL2_WRITE_ADDR_TRIG
        self.control.config(read=self.table, write=again, count=1, ctrl=self._control_ctrl, trigger=False)
        self.data.config(read=self.fifo, write=self.base, count=self.n_words, ctrl=self._data_ctrl, trigger=True)

    def stop(self):
        """Fill no more. Both channels are disabled before either is aborted: an abort may chain (RP2350-E5)."""
        for channel, ctrl in ((self.data, self._data_ctrl), (self.control, self._control_ctrl)):
            channel.config(ctrl=ctrl & ~1, trigger=False)
        for channel in (self.data, self.control):
            channel.active(0)

    def words(self):
        """Return the number of words written since `start`, modulo LAPS rings. Allocates nothing; an interrupt may ask.

        The place and the lap are two registers: a look that finds the ring at its end or between two laps is repeated.
        """
        data = self.data
        control = self.control
        for _ in range(_LOOKS):
            lap = control.read
            at = data.write - self.base >> 2
            if at < self.n_words and control.read == lap:
                break
        return (lap - self.table >> 2 & LAPS - 1) * self.n_words + at
