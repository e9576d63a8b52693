# SPDX-License-Identifier: Apache-2.0
"""The wires of a virtual SD card in SPI mode: power, chip select, bytes in and out, frames of commands and blocks.

Every byte in gives a byte out, whatever is on them. Runs of bytes inside a block may be handed over at once (`bulk_in`,
`bulk_out`); the result is the same. `violations` counts what a host must not do. virtual_sd.py knows the commands.
"""

from array import array

import micropython

_FF = b"\xff"
COMMAND, TOKEN, DATA = 0, 1, 2  # what the next byte may be part of
FAR = 1 << 60


def _table():
    table = array("H", bytes(512))
    for i in range(256):
        crc = i << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) if crc & 0x8000 else crc << 1
        table[i] = crc & 0xFFFF
    return table


TABLE = _table()


@micropython.viper
def crc16(data_: object, start: int, count: int, table_: object) -> int:
    data = ptr8(data_)
    table = ptr16(table_)
    crc = 0
    for i in range(start, start + count):
        crc = ((crc << 8) & 0xFFFF) ^ table[(crc >> 8) ^ data[i]]
    return crc


class SdLines:
    """A card as far as its wires go; `execute`, `token`, `block_in` and `next_block` are the subclass's."""

    def __init__(self, image, ticks):
        self.image = image
        self.ticks = ticks
        self.faults = None  # virtual_sd_faults.Faults, or None
        self.violations = {}
        self.excused = False  # a fault broke the order; until the next CMD0 nothing is counted
        self.baudrate = 0
        self.clocked = 0  # bytes since it was made
        self.event_at = FAR  # byte at which the faults want to be asked
        self.present = True
        self.line = -1  # a value that the data line is stuck at
        self.block = bytearray(514)
        self._block_view = memoryview(self.block)
        self.selected = False
        self.power_on()

    def power_on(self):
        """As after plugging in: in SD mode, deaf to all but clocks and CMD0."""
        self.spi_mode = False
        self.high_bytes = 0  # clocked while deselected, since the last release or power-on
        self._first = True
        self._busy_until = None
        self.held_until = None
        self.quiet()

    def quiet(self):
        """Nothing is going on."""
        self.phase = COMMAND
        self.fill = 0
        self.out = b""
        self.out_at = 0
        self.reading = -1  # next sector of a stream
        self.writing = -1
        self.gap = 0  # bytes of ones since the last answer

    def violation(self, what):
        """Count something that a host must not do."""
        if self.present and not self.excused and self.line < 0:
            self.violations[what] = self.violations.get(what, 0) + 1

    def select(self, level):
        """The chip-select pin changes; low is selected."""
        if self.selected == (level == 0):
            return
        self.selected = level == 0
        if self.faults:
            self.faults.look(self)
        if self.selected:
            if not self._first and self.high_bytes < 1:
                self.violation("selected without eight clocks after the last release")
            return
        self._first = False
        if self.present:
            if self.fill:
                self.violation("released in the middle of a block or a command")
            elif self._is_amid():
                self.violation("released in the middle of a transfer")
        self.high_bytes = 0
        self.out = b""
        self.out_at = 0
        self.held_until = None

    def _is_amid(self):
        """True when a transfer is open; data that do not come in time are not the host's fault."""
        if self.held_until is not None:
            return False
        return self.out_at < len(self.out) or self.reading >= 0 or self.writing >= 0

    def busy(self, us):
        """Be busy for so long after whatever it is busy with already."""
        now = self.ticks.us()
        if self._busy_until is None or self.ticks.diff(self._busy_until, now) < 0:
            self._busy_until = now
        self._busy_until += us

    def hold(self, us):
        """Send nothing but ones for so long."""
        self.held_until = self.ticks.us() + us

    def _is_held(self):
        if self.ticks.diff(self.held_until, self.ticks.us()) > 0:
            return True
        self.held_until = None
        return False

    def _is_busy(self):
        if self.ticks.diff(self._busy_until, self.ticks.us()) > 0:
            return True
        self._busy_until = None
        return False

    # Bytes

    def shift(self, byte):
        """Clock one byte in and one out."""
        if self.clocked >= self.event_at:
            self.faults.event(self)
        self.clocked += 1
        if self.faults and (self.line >= 0 or not self.present):
            self.faults.look(self)
        if not self.present:
            return 0xFF
        if not self.selected:
            self.high_bytes += 1
            return 0xFF if self.line < 0 else self.line
        out = 0xFF
        busy = False
        answering = self.out_at < len(self.out)
        if answering:
            if self.held_until is None or not self._is_held():
                out = self.out[self.out_at]
                self.out_at += 1
        elif self._busy_until is not None and self._is_busy():
            out = 0
            busy = True
        elif self.reading >= 0:
            self.next_block()
        self._input(byte, busy, answering)
        return out if self.line < 0 else self.line

    def bulk_in(self, data, at):
        """Take as much of data[at:] as goes into the open block, and return how many bytes that is."""
        n = min(514 - self.fill, len(data) - at)
        if self.phase != DATA or not self._is_plain(n) or self.out_at < len(self.out):
            return 0
        self._block_view[self.fill : self.fill + n] = memoryview(data)[at : at + n]
        self.fill += n
        self.clocked += n
        if self.fill == 514:
            self.block_in()
        return n

    def bulk_out(self, buffer, at):
        """Put as much of the answer as is ready into buffer[at:], while ones come in; return how many bytes that is."""
        n = min(len(self.out) - self.out_at, len(buffer) - at)
        if n <= 0 or not self._is_plain(n) or self.phase != COMMAND or self.fill or self.held_until is not None:
            return 0
        buffer[at : at + n] = memoryview(self.out)[self.out_at : self.out_at + n]
        self.out_at += n
        self.clocked += n
        return n

    def _is_plain(self, n):
        return self.present and self.selected and self.line < 0 and self.clocked + n <= self.event_at

    def _input(self, byte, busy, answering):
        if self.phase == DATA:
            self.block[self.fill] = byte
            self.fill += 1
            if self.fill == 514:
                self.block_in()
        elif self.fill:
            self._command_byte(byte)
        elif byte == 0xFF:
            if not busy and not answering:
                self.gap += 1
        elif busy:
            self.violation("a command or a token while busy")
        elif self.phase == TOKEN and byte & 0xC0 != 0x40:
            self.token(byte)
        elif byte & 0xC0 == 0x40:
            self._begin_command(byte)
        elif self.spi_mode:
            self.violation("a byte that is no command")

    def _begin_command(self, byte):
        if self.spi_mode and byte != 0x4C:  # CMD12 may break into anything
            if self.out_at < len(self.out) or self.reading >= 0:
                self.violation("a command over an answer")
            elif not self.gap:
                self.violation("a command without a gap after the answer")
        self._command_byte(byte)

    def _command_byte(self, byte):
        self.block[self.fill] = byte
        self.fill += 1
        if self.fill == 6:
            self.fill = 0
            self.gap = 0
            self.execute(self.block[0] & 0x3F, int.from_bytes(self.block[1:5], "big"), self.block[5])


class VirtualSdPin:
    """The chip-select pin, with machine.Pin's value()."""

    def __init__(self, card):
        self.card = card

    def value(self, level):
        """Set the level."""
        self.card.select(level)


class VirtualSdSpi:
    """machine.SPI, as far as the driver uses it. Each call takes CALL_US and its bytes their time, where time is virtual.

    CALL_US is a guess at what MicroPython takes for a call on a board. `bulk` off hands every byte over by itself.
    """

    CALL_US = 5

    def __init__(self, card, pass_us=None, bulk=True):
        self.card = card
        self.pass_us = pass_us
        self.bulk = bulk
        self.init(400000)

    def init(self, baudrate):
        """Set the clock."""
        self.card.baudrate = baudrate
        self._byte_ns = 8000000000 // baudrate
        self._ns = 0

    def _pass(self, count):
        if self.pass_us:
            ns = self._ns + count * self._byte_ns
            self.pass_us(self.CALL_US + ns // 1000)
            self._ns = ns % 1000

    def write(self, data):
        """Clock bytes out."""
        self._pass(len(data))
        card = self.card
        at = 0
        while at < len(data):
            n = card.bulk_in(data, at) if self.bulk else 0
            if not n:
                card.shift(data[at])
                n = 1
            at += n

    def readinto(self, buffer, fill=0):
        """Clock bytes in while sending `fill`."""
        self._pass(len(buffer))
        card = self.card
        if len(buffer) == 1:
            buffer[0] = card.shift(fill)
            return
        at = 0
        while at < len(buffer):
            n = card.bulk_out(buffer, at) if self.bulk and fill == 0xFF else 0
            if not n:
                buffer[at] = card.shift(fill)
                n = 1
            at += n

    def write_readinto(self, out, buffer):
        """Both at once."""
        self._pass(len(out))
        for i in range(len(out)):
            buffer[i] = self.card.shift(out[i])
