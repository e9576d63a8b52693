# SPDX-License-Identifier: Apache-2.0
"""Blocks that go into and out of a virtual SD card, and the flash behind it; virtual_sd.py has the commands.

Blocks of a write are kept until its end and then handed to the image as one write. When power goes, or the card is pulled,
those that were accepted are written, the one in flight is not.
"""

from .virtual_sd_lines import COMMAND, DATA, TABLE, TOKEN, SdLines, crc16

ACCEPTED, REFUSED_CRC, REFUSED = 0xE5, 0xEB, 0xED  # data responses
STATUS_ERROR, STATUS_PROTECTED, STATUS_RANGE = 0x04, 0x20, 0x80  # of CMD13
_FF = b"\xff"


HANGS_MS = 3600000


class Hangs(Exception):
    """The image has been at one write for an hour."""


class BusyTicks:
    """What the image takes for its clock: the simulator's, but its sleeps make the card busy instead."""

    def __init__(self, card, ticks):
        self.card = card
        self.ms = ticks.ms
        self.us = ticks.us
        self.diff = ticks.diff
        self.slept_ms = 0  # in the present write

    def sleep_ms(self, ms):
        """The card is busy for so long; a card that hangs never ends its write."""
        self.card.busy(ms * 1000)
        self.slept_ms += ms
        if self.slept_ms > HANGS_MS:
            raise Hangs


class SdBlocks(SdLines):
    """Reads and writes. `claims` sectors stand in the CSD; those over the image's are out of range, or come round."""

    def __init__(self, image, ticks, claims, wraps, protected):
        self.claims = claims or image.n_sectors
        self.wraps = wraps
        self.protected = protected
        self.block_us = 20  # busy after a block of CMD25
        self.write_us = 150  # busy after CMD24 or the stop token
        self.access_bytes = 2  # N_AC
        self._data = bytearray(64 * 512)  # blocks that were taken and not yet written
        self._taken = 0
        super().__init__(image, ticks)
        self._busy_ticks = image.ticks = BusyTicks(self, ticks)

    def power_on(self):
        """As after plugging in."""
        super().power_on()
        self.crc_on = False
        self.status = 0
        self.well_written = 0
        self._many = False
        self._single = False
        self._failed = False

    def save(self):
        """What was taken is programmed, though nothing more comes."""
        if self._taken:
            self.image.file.seek(self.writing % self.image.n_sectors * 512)
            self.image.file.write(memoryview(self._data)[: self._taken * 512])
            self._taken = 0

    def limit(self):
        """Return the first sector that is not there."""
        return self.claims if self.wraps else min(self.claims, self.image.n_sectors)

    # Reading

    def packet(self, data):
        """Return a data block as it goes over the wires."""
        crc = crc16(data, 0, len(data), TABLE)
        return _FF * self.access_bytes + b"\xfe" + data + bytes([crc >> 8, crc & 0xFF])

    def read_one(self, argument):
        """CMD17."""
        self._begin_read(argument, True)

    def read_many(self, argument):
        """CMD18."""
        self._begin_read(argument, False)

    def _begin_read(self, argument, single):
        sector = self.sector(argument)
        if sector < 0:
            return
        if self.faults:
            self.faults.begin("read")
        self.answer(0)
        self.reading = self._read_from = sector
        self._single = single

    def next_block(self):
        """Get the next block of a stream ready."""
        sector = self.reading
        self.reading = -1 if self._single or sector >= self.limit() else sector + 1
        self.out_at = 0
        if sector >= self.limit():
            self.out = _FF + b"\x08"
            return
        data = bytearray(512)
        self.image.readblocks(sector % self.image.n_sectors, data)
        self.out = self.packet(data)
        if self.faults:
            self.out = self.faults.block_out(self, sector - self._read_from, self.out)

    # Writing

    def write_one(self, argument):
        """CMD24."""
        self._begin_write(argument, False)

    def write_many(self, argument):
        """CMD25."""
        self._begin_write(argument, True)

    def _begin_write(self, argument, many):
        sector = self.sector(argument)
        if sector < 0:
            return
        if self.faults:
            self.faults.begin("write")
        self.writing = sector
        self._many = many
        self._taken = self._blocks = self.well_written = 0
        self._failed = False
        self.phase = TOKEN
        self.answer(0)

    def token(self, byte):
        """The byte before a block, or the one that ends a write."""
        if byte == (0xFC if self._many else 0xFE):
            if not self.gap:
                self.violation("a token without a gap")
            if self._failed:
                self.violation("a block after one that was refused")
            self.phase = DATA
            self.fill = 0
            if self.faults:
                self.faults.block_begins(self, self._blocks)
        elif byte == 0xFD and self._many:
            self.commit()
            self.out = _FF
            self.out_at = 0
        else:
            self.violation("token 0x%02x" % byte)
        self.gap = 0

    def block_in(self):
        """A block is complete: take it or not, and say so."""
        self.phase = TOKEN
        self.fill = 0
        self.gap = 0
        answer = self._judge()
        if self.faults:
            answer = self.faults.block_taken(self, self._blocks, answer)
        self._blocks += 1
        if answer == ACCEPTED:
            self._keep()
            self.busy(self.block_us)
        else:
            self._failed = True
        self.out = bytes([answer])
        self.out_at = 0
        if not self._many:
            self.commit()

    def _judge(self):
        block = self.block
        if self.crc_on and crc16(block, 0, 512, TABLE) != block[512] << 8 | block[513]:
            return REFUSED_CRC
        if self.protected:
            self.status |= STATUS_PROTECTED
            return REFUSED
        if self.writing + self._taken >= self.limit():
            self.status |= STATUS_RANGE
            return REFUSED
        return REFUSED if self._failed else ACCEPTED

    def _keep(self):
        if self._taken * 512 == len(self._data):
            self._flush()
        at = self._taken * 512
        self._data[at : at + 512] = memoryview(self.block)[:512]
        self._taken += 1

    def commit(self):
        """The end of a write: what was taken goes to the flash."""
        if self._taken:
            self._flush()
        if not self._failed:
            self.busy(self.write_us)
        self.writing = -1
        self.phase = COMMAND

    def _flush(self):
        n = self._taken
        self._taken = 0
        self._busy_ticks.slept_ms = 0
        try:
            self.image.writeblocks(self.writing % self.image.n_sectors, memoryview(self._data)[: n * 512])
            self.well_written += n
        except OSError as error:
            self.status |= {30: STATUS_PROTECTED, 22: STATUS_RANGE}.get(error.args[0], STATUS_ERROR)
        except Hangs:
            self.excused = True  # what the host does now is up to it
        self.writing += n
