# SPDX-License-Identifier: Apache-2.0
"""An SD card in SPI mode, byte by byte: commands, responses, data blocks and bounded waits. What they mean is sd_card's.

`spi` has write, readinto(buffer, fill) and init(baudrate=), mode 0; `cs` is the chip-select pin, low when selected;
`ticks` has ms, diff and sleep_ms. Every wait is bounded by the limit that `limit` set. Nothing is allocated for a block;
a command's argument comes as two halves, because an integer of 2^30 would be a heap object on a 32-bit board.
"""

from . import sd_crc
from .errors import SdAbsent, SdCrc, SdRange, SdRefused, SdTimeout

try:
    from .sd_crc_fast import copy_crc16
except ImportError:  # no viper
    from .sd_crc import copy_crc16

CRC16 = sd_crc.CRC16

IDLE = 0x01  # bits of R1
ILLEGAL = 0x04
BAD_CRC = 0x08
BAD_ADDRESS = 0x60
NO_ANSWER = 0xFF
START_BLOCK = 0xFE
START_MULTIPLE = 0xFC
STOP_MULTIPLE = 0xFD
ACCEPTED = 0x05  # data responses
REFUSED_CRC = 0x0B
REFUSED = 0x0D

_ANSWER_BYTES = 10  # 8 at most (N_CR), and the stuff byte of a card that was writing
_POLLS = 64  # without sleeping: half a millisecond or so on a board
_BYTE = b"\xff"
_CLOCKS = b"\xff" * 10  # 80; the card wants at least 74 to wake up


class SdWire:
    """The bus with one card on it."""

    def __init__(self, spi, cs, ticks):
        self.spi = spi
        self.cs = cs
        self.ticks = ticks
        self._began_ms = 0
        self._limit_ms = 0
        self._byte = bytearray(1)
        self._command = bytearray(6)
        self._frame = bytearray(515)  # token, 512 bytes, CRC16
        self._data = memoryview(self._frame)[1:]

    def limit(self, limit_ms):
        """Waits from now on end `limit_ms` from now, all together."""
        self._began_ms = self.ticks.ms()
        self._limit_ms = limit_ms

    def wake(self):
        """Give a deselected card the clocks it needs to wake up."""
        self.cs.value(1)
        self.spi.write(_CLOCKS)

    def select(self):
        """Talk to the card."""
        self.cs.value(0)

    def release(self):
        """Let the card go; it needs eight more clocks to let go of the line."""
        self.cs.value(1)
        self.spi.write(_BYTE)

    def get(self):
        """Return the next byte of the card."""
        self.spi.readinto(self._byte, 0xFF)
        return self._byte[0]

    def pause(self, what, ms=1):
        """Let time pass; raise SdTimeout saying `what` when the limit is over."""
        ticks = self.ticks
        waited_ms = ticks.diff(ticks.ms(), self._began_ms)
        if waited_ms >= self._limit_ms:
            raise SdTimeout("the card %s for %d ms, at most %d are waited for" % (what, waited_ms, self._limit_ms))
        ticks.sleep_ms(ms)

    def ready(self):
        """Wait until the card does not hold the line low."""
        polls = _POLLS
        while self.get() != 0xFF:
            if polls:
                polls -= 1
            else:
                self.pause("was busy")

    def command(self, index, high=0, low=0):
        """Send a command with argument high << 16 | low to a selected card; return R1, or NO_ANSWER."""
        if index != 12:  # CMD12 breaks into a stream
            self.ready()
        data = self._command
        data[0] = 0x40 | index
        data[1] = high >> 8
        data[2] = high & 0xFF
        data[3] = low >> 8
        data[4] = low & 0xFF
        data[5] = sd_crc.crc7(data, 5)
        self.spi.write(data)
        if index == 12:
            self.get()  # the stuff byte: what was in the card's shift register
        for _ in range(_ANSWER_BYTES):
            answer = self.get()
            if not answer & 0x80:
                return answer
        return NO_ANSWER

    def application(self, index, high=0, low=0):
        """Send an application command (ACMD); return R1."""
        answer = self.command(55)
        if answer & ~IDLE:
            return answer
        return self.command(index, high, low)

    def must(self, answer, index):
        """Raise what an answer of a working card that is not 0 means."""
        if answer:
            raise_answer(answer, index)

    def stop_reading(self):
        """CMD12 after the last block of CMD18."""
        self.must(self.command(12), 12)
        self.ready()

    def abort(self):
        """CMD12 after something went wrong in CMD18, or after a block of CMD25 that the card did not take."""
        self.command(12)
        self.ready()

    def stop_writing(self):
        """End a CMD25 and wait until all is programmed."""
        self._byte[0] = STOP_MULTIPLE
        self.spi.write(self._byte)
        self.get()  # one byte before the card shows that it is busy
        self.ready()

    def status(self):
        """Return the second byte of CMD13's answer: the card's error bits, 0 when all is well."""
        self.must(self.command(13), 13)
        return self.get()

    def send_block(self, token, buffer, at):
        """Send the 512 bytes of buffer from `at`; return the data response (5 bits), 0x1F when there is none."""
        frame = self._frame
        frame[0] = token
        crc = copy_crc16(0, CRC16, frame, 1, buffer, at, 512)
        frame[513] = crc & 0xFF
        frame[514] = crc >> 8
        self.spi.write(frame)
        for _ in range(_ANSWER_BYTES):
            answer = self.get()
            if answer != 0xFF:
                break
        return answer & 0x1F

    def _token(self):
        polls = _POLLS
        token = self.get()
        while token == 0xFF:
            if polls:
                polls -= 1
            else:
                self.pause("sent no data")
            token = self.get()
        if token != START_BLOCK:
            raise_token(token)

    def get_block(self, buffer, at):
        """Take a data block of 512 bytes to buffer[at:]."""
        self._token()
        frame = self._frame
        self.spi.readinto(self._data, 0xFF)
        crc = copy_crc16(0, CRC16, buffer, at, frame, 1, 512)
        if frame[513] != crc & 0xFF or frame[514] != crc >> 8:
            raise_crc(frame[513] << 8 | frame[514], (crc & 0xFF) << 8 | crc >> 8)

    def get_register(self, count):
        """Take a data block of `count` bytes (a multiple of 8), as the card sends registers; return bytes."""
        self._token()
        data = self._data[: count + 2]
        self.spi.readinto(data, 0xFF)
        out = bytearray(count)
        crc = copy_crc16(0, CRC16, out, 0, data, 0, count)
        if data[count] != crc & 0xFF or data[count + 1] != crc >> 8:
            raise_crc(data[count] << 8 | data[count + 1], (crc & 0xFF) << 8 | crc >> 8)
        return bytes(out)

    def flush(self):
        """Clock ones through a block that a reset of the recorder cut short; the card refuses it by its CRC."""
        for i in range(len(self._frame)):
            self._frame[i] = 0xFF
        self.spi.write(self._frame)
        self.spi.write(_CLOCKS)


def raise_answer(answer, index):
    """Raise what R1 says."""
    if answer == NO_ANSWER:
        raise SdAbsent("no answer to CMD%d: no card, or no contact" % index)
    if answer & BAD_CRC:
        raise SdCrc("CMD%d did not arrive whole (R1 0x%02x): look at wires and clock rate" % (index, answer))
    if answer & IDLE:
        raise SdAbsent("the card answers CMD%d as after a reset (R1 0x%02x): bad contact or supply" % (index, answer))
    if answer & BAD_ADDRESS:
        raise SdRange("the card has no such sector (CMD%d, R1 0x%02x)" % (index, answer))
    raise SdRefused("the card refuses CMD%d (R1 0x%02x)" % (index, answer))


def raise_token(token):
    """Raise what a token in place of data says."""
    if token & 0xF0 == 0 and token & 0x08:
        raise SdRange("the card has no such sector (error token 0x%02x)" % token)
    if token == 0:
        raise SdTimeout("the card's line is held low where data should begin")
    raise SdRefused("the card could not read the sector (token 0x%02x)" % token)


def raise_crc(got, computed):
    """Raise for a data block that changed on the wires."""
    raise SdCrc("a data block came with CRC 0x%04x, computed 0x%04x: look at wires and clock rate" % (got, computed))
