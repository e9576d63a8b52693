# SPDX-License-Identifier: Apache-2.0
"""An SD card on SPI as MicroPython's block device: what the store and FatFs write to.

A call either did all it says or raises an SdError. It waits for CALL_MS at most (and 1 ms a sector), or that, one start
of the card and LAST_MS where something else had gone wrong before. What the wires spoiled (CRC, no answer, busy for too
long) is tried again, with a pause that doubles; before that a card that does not answer is initialised anew, and goes on
if its CID is that of the card before: pulled and put back. Another card is refused until `begin` is called. What the
card itself refuses is told at once: choosing another place is the caller's.

A card that was there is waited for RETURN_MS; once it is known to be gone, a call tries only once.
"""

from .errors import SdAbsent, SdChanged, SdCrc, SdError, SdProtected, SdRange, SdRefused, SdTimeout
from .sd_start import start
from .sd_wire import ACCEPTED, REFUSED, REFUSED_CRC, START_BLOCK, START_MULTIPLE, SdWire

FULL_HZ = 12000000
CALL_MS = 3500  # a card may be busy for 500 ms by the specification; no attempt begins later than this
LAST_MS = 500  # for an attempt that begins just before
RETURN_MS = 2000  # for a card that was pulled
TRIES = 4
FIRST_PAUSE_MS = 5
_SECTOR = 512
_EINVAL = 22

# The second byte of CMD13's answer
_LOCKED = 0x01
_PROTECTED = 0x22
_OUT_OF_RANGE = 0x80


class SdCard:
    """The block device. Nothing is sent before `begin`."""

    def __init__(self, spi, cs, ticks, full_hz=FULL_HZ):
        self.wire = SdWire(spi, cs, ticks)
        self.ticks = ticks
        self.full_hz = full_hz
        self.info = None  # sd_start.CardInfo of our card
        self.ready = False
        self.repeated = 0  # attempts that were made again
        self.started = 0  # times that a card was initialised
        self.last_error = None  # its kind
        self._gone = False

    def begin(self):
        """Initialise the card in the slot, whichever it is, and take it for ours. Raises SdError."""
        self.info = None
        self._gone = False
        for _ in range(TRIES - 1):
            try:
                self._start()
                return
            except SdCrc as error:
                self._fail(error)
        self._start()

    @property
    def n_sectors(self):
        """Sectors of the card, as its CSD says; 0 before begin."""
        return self.info.csd.n_sectors if self.info else 0

    def status(self):
        """Return what is known of the card as a dict of plain values."""
        info = self.info
        if info is None:
            return {"ready": False}
        cid = info.cid
        return {
            "ready": self.ready,
            "maker": cid.maker,
            "oem": cid.oem,
            "name": cid.name,
            "serial": cid.serial,
            "made": "%d-%02d" % (cid.year, cid.month),
            "sectors": self.n_sectors,
            "repeated": self.repeated,
            "started": self.started,
            "last_error": self.last_error,
        }

    # The block device

    def readblocks(self, sector, buffer, offset=0):
        """Fill buffer from byte `offset` of a sector on."""
        if offset or len(buffer) % _SECTOR:
            self._read_part(sector, buffer, offset)
        else:
            self._call(False, sector, buffer, len(buffer) // _SECTOR)

    def writeblocks(self, sector, buffer, offset=0):
        """Write whole sectors, several as one multi-block write."""
        if offset or len(buffer) % _SECTOR:
            raise OSError(_EINVAL, "an SD card is written in whole sectors")
        self._call(True, sector, buffer, len(buffer) // _SECTOR)

    def ioctl(self, request, argument):
        """1 init, 2 deinit, 3 sync, 4 sectors, 5 bytes of a sector; anything else is not known."""
        if request == 1:
            if not self.ready:
                self._start()
            return 0
        if request == 2:
            return 0
        if request == 3:
            self._call(True, 0, None, 0)
            return 0
        if request == 4:
            return self.n_sectors
        if request == 5:
            return _SECTOR
        return None

    def _read_part(self, sector, buffer, offset):
        """Any bytes: through a buffer of whole sectors. FatFs and the store never ask for this."""
        sector += offset // _SECTOR
        offset %= _SECTOR
        whole = bytearray(-(-(offset + len(buffer)) // _SECTOR) * _SECTOR)
        self._call(False, sector, whole, len(whole) // _SECTOR)
        buffer[:] = whole[offset : offset + len(buffer)]

    # Attempts

    def _call(self, writing, sector, buffer, n):
        """Read or write n sectors, or wait for the card to be done (n = 0)."""
        ticks = self.ticks
        began_ms = ticks.ms()
        pause_ms = FIRST_PAUSE_MS
        tries = 0
        while True:
            try:
                if not self.ready:
                    self._start()
                self._check(writing, sector, n)
                self.wire.limit(max(LAST_MS, CALL_MS - ticks.diff(ticks.ms(), began_ms)) + n)
                self._attempt(writing, sector, buffer, n)
                self._gone = False
                return
            except SdError as error:
                self._fail(error)
                tries += 1
                if not error.again or self._is_over(error, tries, ticks.diff(ticks.ms(), began_ms)):
                    raise
            self.repeated += 1
            ticks.sleep_ms(pause_ms)
            pause_ms *= 2

    def _fail(self, error):
        self.last_error = error.kind
        if isinstance(error, (SdAbsent, SdTimeout)):
            self.ready = False

    def _is_over(self, error, tries, passed_ms):
        """A pulled card is waited for, everything else tried a few times. The second call to find no card is not."""
        if isinstance(error, SdAbsent):
            over = self._gone or passed_ms >= RETURN_MS
            self._gone = over
            return over
        return tries >= TRIES or passed_ms >= CALL_MS

    def _start(self):
        info = start(self.wire, self.full_hz)
        if self.info is not None and info.identity != self.info.identity:
            raise SdChanged(
                "another card (%s %s) is in the slot, not the one of this session (%s %s): put that one back"
                % (info.cid.name, info.cid.serial, self.info.cid.name, self.info.cid.serial)
            )
        self.info = info
        self.ready = True
        self._gone = False
        self.started += 1

    def _check(self, writing, sector, n):
        if sector < 0 or sector + n > self.n_sectors:
            raise SdRange("sectors %d to %d, the card has %d" % (sector, sector + n - 1, self.n_sectors))
        if writing and n and self.info.csd.protected:
            raise SdProtected("the card is write-protected by its own register: take another")

    def _attempt(self, writing, sector, buffer, n):
        wire = self.wire
        wire.select()
        try:
            if not n:
                wire.ready()
                self._must_be_well()
            elif not writing:
                self._read(sector, buffer, n)
            elif n == 1:
                self._write_one(sector, buffer)
            else:
                self._write_many(sector, buffer, n)
        finally:
            wire.release()

    def _address(self, index, sector):
        """Send a command with the address of a sector: of SDSC in bytes, and in halves that are small integers."""
        wire = self.wire
        if self.info.by_blocks:
            answer = wire.command(index, sector >> 16, sector & 0xFFFF)
        else:
            answer = wire.command(index, sector >> 7, (sector & 127) << 9)
        wire.must(answer, index)

    def _read(self, sector, buffer, n):
        wire = self.wire
        if n == 1:
            self._address(17, sector)
            wire.get_block(buffer, 0)
            return
        self._address(18, sector)
        at = 0
        end = n * _SECTOR
        try:
            while at < end:
                wire.get_block(buffer, at)
                at += _SECTOR
        except SdError:
            wire.abort()
            raise
        wire.stop_reading()

    def _write_one(self, sector, buffer):
        wire = self.wire
        self._address(24, sector)
        wire.get()  # at least one byte before the token
        answer = wire.send_block(START_BLOCK, buffer, 0)
        if answer == ACCEPTED:
            wire.ready()
        else:
            self._refused(answer, False)
        self._must_be_well()

    def _write_many(self, sector, buffer, n):
        wire = self.wire
        wire.must(wire.application(23, 0, n), 23)  # so many may be erased beforehand
        self._address(25, sector)
        at = 0
        end = n * _SECTOR
        wire.get()
        while at < end:
            answer = wire.send_block(START_MULTIPLE, buffer, at)
            if answer != ACCEPTED:
                self._refused(answer, True)
            wire.ready()
            at += _SECTOR
        wire.stop_writing()
        self._must_be_well()

    def _refused(self, answer, many):
        """A block was not taken: end the transfer in order and raise why."""
        wire = self.wire
        if answer == 0x1F:
            raise SdAbsent("no response to a data block: the card was pulled, or lost its contact")
        wire.ready()  # of a garbled response nobody knows whether it said yes
        if many:
            wire.abort()
        if answer == REFUSED_CRC:
            raise SdCrc("the card found a wrong CRC in a data block: look at wires and clock rate")
        if answer != REFUSED:
            self.ready = False
            raise SdCrc("a data block got 0x%02x for a response: look at wires and clock rate" % answer)
        self._must_be_well()
        raise SdRefused("the card refused a data block (response 0x%02x)" % answer)

    def _must_be_well(self):
        """CMD13: raise what the card says went wrong in a write that it had taken."""
        bits = self.wire.status()
        if not bits:
            return
        if bits == 0xFF:
            raise SdAbsent("no status: the card was pulled")
        if bits & _PROTECTED:
            raise SdProtected("the card is write-protected (status 0x%02x): slide its lock or take another" % bits)
        if bits & _OUT_OF_RANGE:
            raise SdRange("the card does not have these sectors (status 0x%02x): it is smaller than it says" % bits)
        if bits & _LOCKED:
            raise SdProtected("the card is locked by a password (status 0x%02x): take another" % bits)
        raise SdRefused("the card failed to write (status 0x%02x)" % bits)
