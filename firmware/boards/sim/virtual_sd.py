# SPDX-License-Identifier: Apache-2.0
"""An SD card in SPI mode behind its wires: commands, registers, blocks. It knows nothing of the driver.

The flash behind it is a VirtualCard (`image`): its faults, cuts and counts hold here too, its stalls become busy time.
It answers as the SD physical layer specification (simplified, 3.01, chapter 7) says, and counts in `violations` what a
host must not do: a clock over 400 kHz before it is awake or over 25 MHz, fewer than 74 clocks before CMD0, selecting
without eight clocks after the last release, letting go in the middle of something, commands while it is busy or
answering, tokens without a gap, blocks after one that it refused.

Faults (virtual_sd_faults.py) change what it does. When power goes, the blocks of a CMD25 that it had accepted are
written, the one in flight is not. Not modelled: erase, lock, write protection of groups, switch functions.
"""

from . import virtual_sd_registers as registers
from .virtual_card import PowerCut
from .virtual_sd_blocks import SdBlocks
from .virtual_sd_lines import COMMAND, TOKEN
from .virtual_sd_registers import SDHC, SDSC, V1

IDLE, ILLEGAL, BAD_CRC, BAD_ADDRESS, BAD_PARAMETER = 1, 4, 8, 0x20, 0x40
MAX_HZ = 25000000
SLOW_HZ = 400000
_FF = b"\xff"
_IN_IDLE = (0, 1, 8, 41, 55, 58, 59)


class VirtualSd(SdBlocks):
    """The card. `claims` sectors stand in its CSD; those over the image's are out of range, or come round with `wraps`."""

    def __init__(self, image, ticks, kind=SDHC, serial=1, claims=0, wraps=False, protected=False):
        self.kind = kind
        self.serial = serial
        self.sleeps = False  # never leaves its idle state
        self.wake_us = 20000
        self.answer_bytes = 1  # N_CR, 1 to 8
        super().__init__(image, ticks, claims, wraps, protected)

    def power_on(self):
        """As after plugging in."""
        super().power_on()
        self._idle = True
        self._awake_at = None
        self._knows_high = False
        self._app = False

    def pull(self):
        """Out of the slot, in whatever it is doing."""
        self.save()
        self.present = False

    def put_back(self, serial=None):
        """Into the slot; with another serial number it is another card."""
        if serial is not None:
            self.serial = serial
        self.present = True
        self.excused = True  # the host may be amid waking up the empty slot
        self.power_on()

    def cut(self):
        """Power goes now, for good."""
        self.pull()
        self.image.file.flush()
        self.image.dead = True
        raise PowerCut("power cut at byte %d of the card's wires" % self.clocked)

    # Commands

    def execute(self, index, argument, check):
        """A command has come in whole."""
        app = self._app
        self._app = False
        good = check == registers.crc7(self.block[:5])
        if not self.spi_mode and (index != 0 or not good or not self._wakes()):
            return
        if self.faults and self.faults.command(self, index):
            return
        if not good and (self.crc_on or index in (0, 8)):
            self.answer(BAD_CRC)
            return
        if self.phase == TOKEN and index not in (0, 12, 13):
            self.violation("CMD%d while blocks are awaited" % index)
        if self.baudrate > (SLOW_HZ if self._idle else MAX_HZ):
            self.violation("a clock of %d Hz" % self.baudrate)
        handlers = _APPLICATION if app else _COMMANDS
        if index not in handlers or (self._idle and index not in _IN_IDLE):
            self.answer(ILLEGAL)
            return
        handlers[index](self, argument)

    def _wakes(self):
        if self.high_bytes < 10:
            self.violation("fewer than 74 clocks before CMD0")
            return False
        return True

    def answer(self, r1, more=b""):
        """Put R1 out, and what follows it."""
        idle = IDLE if self._idle else 0
        self.out = _FF * self.answer_bytes + bytes([r1 | idle]) + more
        self.out_at = 0

    def answer_with(self, r1):
        """Answer just this, whatever was asked."""
        self.out = _FF + bytes([r1])
        self.out_at = 0

    def _go_idle(self, _):
        self.save()
        self.quiet()
        self.excused = False
        self.spi_mode = True
        self._idle = True
        self.crc_on = False
        self._awake_at = None
        self.answer(0)

    def _interface_condition(self, argument):
        if self.kind == V1:
            self.answer(ILLEGAL)
            return
        self._knows_high = True
        self.answer(0, bytes([0, 0, argument >> 8 & 15, argument & 0xFF]))

    def _application_next(self, _):
        self._app = True
        self.answer(0)

    def _operating_condition(self, argument):
        ticks = self.ticks
        if self._awake_at is None:
            self._awake_at = ticks.us() + self.wake_us
        known = self.kind in (SDSC, V1) or (argument & 0x40000000 and self._knows_high)
        if known and not self.sleeps and ticks.diff(ticks.us(), self._awake_at) >= 0:
            self._idle = False
        self.answer(0)

    def _read_ocr(self, _):
        self.answer(0, registers.ocr(self.kind, not self._idle))

    def _switch_crc(self, argument):
        self.crc_on = argument & 1 == 1
        self.answer(0)

    def _send_csd(self, _):
        self.answer(0, self.packet(registers.csd(self.kind, self.claims, self.protected)))

    def _send_cid(self, _):
        self.answer(0, self.packet(registers.cid(self.serial)))

    def _send_scr(self, _):
        self.answer(0, self.packet(registers.scr(self.kind)))

    def _send_well_written(self, _):
        self.answer(0, self.packet(self.well_written.to_bytes(4, "big")))

    def _send_status(self, _):
        status = self.status
        self.status = 0
        self.answer(0, bytes([status]))

    def _set_block_length(self, argument):
        self.answer(0 if argument == 512 else BAD_PARAMETER)

    def _expect_blocks(self, argument):
        self.expected = argument  # may be erased beforehand; nothing else comes of it
        self.answer(0)

    def _stop(self, _):
        """CMD12, in a stream of blocks or after one that was refused."""
        if self.reading < 0 and self.writing < 0 and self.phase == COMMAND and not self.out:
            self.answer(ILLEGAL)
            return
        self.reading = -1
        self.held_until = None
        if self.writing >= 0:
            self.commit()
        self.out = b"\x5a" + _FF * self.answer_bytes + b"\x00"  # the stuff byte may be anything
        self.out_at = 0
        self.busy(10)

    def sector(self, argument):
        """Return the sector of an address, or -1 after an answer that refuses it."""
        if self.kind in (SDSC, V1):
            if argument % 512:
                self.answer(BAD_ADDRESS)
                return -1
            argument //= 512
        if argument >= self.limit():
            self.answer(BAD_PARAMETER)
            return -1
        return argument


_COMMANDS = {
    0: VirtualSd._go_idle,
    8: VirtualSd._interface_condition,
    9: VirtualSd._send_csd,
    10: VirtualSd._send_cid,
    12: VirtualSd._stop,
    13: VirtualSd._send_status,
    16: VirtualSd._set_block_length,
    17: VirtualSd.read_one,
    18: VirtualSd.read_many,
    24: VirtualSd.write_one,
    25: VirtualSd.write_many,
    55: VirtualSd._application_next,
    58: VirtualSd._read_ocr,
    59: VirtualSd._switch_crc,
}
_APPLICATION = {
    22: VirtualSd._send_well_written,
    23: VirtualSd._expect_blocks,
    41: VirtualSd._operating_condition,
    51: VirtualSd._send_scr,
}
