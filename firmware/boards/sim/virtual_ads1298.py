# SPDX-License-Identifier: Apache-2.0
"""An ADS1298 at the level of SPI bytes and pins, after the data sheet (SBAS459); it knows nothing of the driver.

It wakes up in continuous mode, ignores register access there, keeps read-only bits, takes rate and gain from its
registers, and shows lead-off bits only where current sources and comparators are on. Commands that come closer than
4 t_CLK after one another, 18 t_CLK after a reset or before the power-on time count as `violations` and are ignored.
It is ideal, or what its `front_end` makes of it. Not modelled: settling, GPIO, pace, respiration, the MVDD,
temperature and RLD inputs (refused at START).
`clock_out` is what the DMA engine sees: n frames at once.
"""

from array import array

import micropython
from recorder import ads1298_map as m
from recorder.errors import RecorderError

CHUNK = 64  # frames converted in one go
T_POR_US = 128000  # 2^18 t_CLK
T_RESET_US = 9  # 18 t_CLK
T_COMMAND_US = 2  # 4 t_CLK

_RATES = {bits: rate for rate, bits in m.RATE_BITS.items()}
_RATES[0x85 & 0x7F] = 500  # low power knows 500 and 1000 too
_RATES[0x04] = 1000
_GAINS = {bits: gain for gain, bits in m.GAIN_BITS.items()}


class ChipError(RecorderError):
    """The registers ask for something the virtual chip does not have, or the input does not fit them."""

    kind = "virtual_chip"


@micropython.viper
def _convert(nv_: object, n: int, gains_: object, status: int, out_: object, offset: int):
    # code = floor((nv * gain * (2^23 - 1) + 1.2e9) / 2.4e9), clipped; needs 64-bit machine words
    nv = ptr32(nv_)
    gains = ptr32(gains_)
    out = ptr8(out_)
    at = 0
    for _ in range(n):
        out[offset] = status >> 16
        out[offset + 1] = status >> 8
        out[offset + 2] = status
        offset += 3
        for lead in range(8):
            value = nv[at]
            if value > 0x7FFFFFFF:  # ptr32 reads unsigned on a 64-bit port
                value -= 0x100000000
            code = (value * gains[lead] * 8388607 + 1200000000) // 2400000000
            if code > 8388607:
                code = 8388607
            if code < -8388608:
                code = -8388608
            out[offset] = code >> 16
            out[offset + 1] = code >> 8
            out[offset + 2] = code
            offset += 3
            at += 1


@micropython.viper
def _square(nv_: object, n: int, lead: int, frame: int, half: int, amplitude: int, part: int):
    # half frames up, half frames down; half 0 is a level; an edge that a frame meets `part` / 65536 before its end is seen in part
    nv = ptr32(nv_)
    at = lead
    for i in range(n):
        value = amplitude
        if half != 0:
            if ((frame + i) // half) & 1 != 0:
                value = 0 - amplitude
            if part != 0:
                if ((frame + i + 1) // half) & 1 != ((frame + i) // half) & 1:
                    value = value - (2 * value * part) // 65536
        nv[at] = value
        at += 8


class VirtualAds1298:
    """The chip. `now_us` is the simulator's clock; `source` an Input."""

    def __init__(self, source, now_us, chip_id=m.DEVICE_ID):
        self.source = source
        self.now_us = now_us
        self.chip_id = chip_id
        self.electrodes_off = 0  # what the wearer does, `electrode` bits
        self.stuck = {}  # register name: value it keeps whatever is written
        self.comparators_off = self.comparators_on = 0  # electrodes whose comparators say so for ever
        self.slip_frames = 0  # frames to come whose status nibble is wrong
        self.violations = 0
        self.tap = None
        self.front_end = None  # a FrontEnd: what is not ideal about it
        self.frame = 0
        self.start_level = 0
        self.powered = False
        self._nv = array("i", bytes(CHUNK * 32))
        self._nv_view = memoryview(self._nv)
        self._gains = array("i", bytes(32))
        self._others = ()
        self._one = bytearray(m.FRAME_BYTES)
        self._ready_us = now_us()
        self._reset()

    def _reset(self):
        self.registers = bytearray(value for _, _, value, _ in m.REGISTERS)
        self.registers[0] = self.chip_id
        self.continuous = True
        self.converting = self.start_level == 1
        self.standby = False
        self._select(1)

    # Pins

    def set_pin(self, name, level):
        """A pin of the chip changes: cs, start, reset or pwdn."""
        if name == "cs":
            self._select(level)
        elif name == "start":
            self.start_level = level
            self._convert_or_not(level == 1)
        elif name == "reset":
            if level == 0:
                self._reset()
            else:
                self._ready_us = max(self._ready_us, self.now_us() + T_RESET_US)
        elif name == "pwdn":
            if level and not self.powered:
                self._ready_us = self.now_us() + T_POR_US
                self._reset()
            self.powered = level == 1
            if not level:
                self.converting = False

    def _select(self, level):
        self._selected = level == 0
        self._opcode = 0
        self._arguments = 0
        self._out = -1  # next byte of the frame to put out

    # SPI

    def exchange(self, byte):
        """Clock one byte in and one out."""
        if not self._selected or not self.powered:
            return 0
        if self._opcode & 0xE0 in (m.RREG, m.WREG):
            return self._register_byte(byte)
        if self._out >= 0:
            return self._frame_byte()
        if byte:
            self._command(byte)
            return 0
        if self.continuous and self.converting:
            self._out = 0
            return self._frame_byte()
        return 0

    def _timely(self):
        now = self.now_us()
        late = now >= self._ready_us
        self._ready_us = max(self._ready_us, now + T_COMMAND_US)
        if not late:
            self.violations += 1
        return late

    def _command(self, byte):
        if not self._timely():
            return
        if self.standby and byte != m.WAKEUP:
            return
        if byte & 0xE0 in (m.RREG, m.WREG):
            if not self.continuous:
                self._opcode = byte
                self._arguments = -1
            return
        if byte == m.RESET:
            self._reset()
            self._select(0)
            self._ready_us = self.now_us() + T_RESET_US
        elif byte == m.SDATAC:
            self.continuous = False
        elif byte == m.RDATAC:
            self.continuous = True
        elif byte == m.RDATA:
            if self.converting and not self.continuous:
                self._out = 0
        elif byte == m.START:
            self._convert_or_not(True)
        elif byte == m.STOP:
            if not self.start_level:
                self.converting = False
        elif byte == m.STANDBY:
            self.standby = True
        elif byte == m.WAKEUP:
            self.standby = False

    def _register_byte(self, byte):
        if self._arguments == -1:  # the second command byte: how many registers, less one
            self._timely()
            self._arguments = (byte & 0x1F) + 1
            self._address = self._opcode & 0x1F
            return 0
        address = self._address
        self._address += 1
        self._arguments -= 1
        writing = self._opcode & 0xE0 == m.WREG
        if not self._arguments:
            self._opcode = 0
        if address >= m.N_REGISTERS:
            return 0
        if not writing:
            return self.registers[address]
        name, mask = m.REGISTERS[address][1], m.REGISTERS[address][3]
        self.registers[address] = self.stuck.get(name, self.registers[address] & ~mask | byte & mask)
        return 0

    def _frame_byte(self):
        if self._out == 0:
            self.clock_out(self._one, 0, 1)
        byte = self._one[self._out]
        self._out = (self._out + 1) % m.FRAME_BYTES
        return byte

    # Conversion

    def _register(self, name):
        return self.registers[m.ADDRESS[name]]

    def rate_hz(self):
        """Return the rate that CONFIG1 sets, or 0 when the simulator does not play it."""
        return _RATES.get(self._register("CONFIG1") & 0x87, 0)

    def _convert_or_not(self, on):
        if on and not self.converting and self.powered:
            self._prepare()
        self.converting = on and self.powered

    def _prepare(self):
        """Look at the registers once, when conversions start; they do not change while running."""
        rate = self.rate_hz()
        if not rate:
            raise ChipError("CONFIG1 0x%02x: a rate the simulator does not play" % self._register("CONFIG1"))
        if self.source.rate_mhz and self.source.rate_mhz != rate * 1000:
            raise ChipError(
                "the input has %d.%03d samples/s, the converter is set to %d"
                % (self.source.rate_mhz // 1000, self.source.rate_mhz % 1000, rate)
            )
        if not self._register("CONFIG3") & m.REFERENCE_ON:
            raise ChipError("conversions started without a reference (CONFIG3 0x%02x)" % self._register("CONFIG3"))
        config2 = self._register("CONFIG2")
        others = []
        for lead in range(8):
            channel = self.registers[m.ADDRESS["CH1SET"] + lead]
            mux = channel & m.MUX_MASK
            self._gains[lead] = _GAINS.get(channel & m.GAIN_MASK, 0)
            if channel & m.CHANNEL_OFF or mux == m.MUX_SHORTED:
                others.append((lead, 0, 0))
            elif mux == m.MUX_TEST:
                if not config2 & m.TEST_INTERNAL:
                    raise ChipError("CH%dSET asks for a test signal that CONFIG2 does not drive" % (lead + 1))
                amplitude = 2000000 if config2 & m.TEST_AMPLITUDE_2 else 1000000
                clocks = {0: 1 << 21, 1: 1 << 20}.get(config2 & 3, 0)
                others.append((lead, clocks // 2 * rate // m.CLOCK_HZ, amplitude))
            elif mux != m.MUX_NORMAL:
                raise ChipError("CH%dSET 0x%02x: an input the virtual chip does not have" % (lead + 1, channel))
        if self.front_end:
            self.front_end.prepare(rate)
        self._others = tuple(self._shifted(*other) for other in others)
        self.frame = 0

    def _shifted(self, lead, half, amplitude):
        """A lead that is not at the electrodes: (lead, half period, amplitude, frames later, 1/65536 frames more)."""
        later = round(self.front_end.shift(lead) * 65536) if self.front_end else 0
        return lead, half, amplitude, later >> 16, later & 0xFFFF

    def status(self):
        """Return the 24-bit status word of the next frame."""
        positive = negative = 0
        if self._register("CONFIG4") & m.COMPARATORS_ON and self._register("LOFF") & 3 == m.LEAD_OFF_DC:
            off = (self.electrodes_off | self.comparators_off) & ~self.comparators_on
            positive = off >> 1 & 0xFF & self._register("LOFF_SENSP")
            negative = (off & 1) * 3 & self._register("LOFF_SENSN")
        nibble = m.STATUS_NIBBLE
        if self.slip_frames:
            nibble ^= 0xA
        return nibble << 20 | positive << 12 | negative << 4 | self._register("GPIO") >> 4

    def _read(self, n):
        """Read up to n frames of what is at the electrodes; return how many."""
        if self.front_end and self.source.rate_mhz:
            return self.front_end.read(self.source, self.frame, self._nv_view, n)
        return self.source.read(self.frame, self._nv_view, n)

    def rate_ppb(self):
        """Return how much faster than `rate_hz` it converts."""
        return self.front_end.rate_ppb if self.front_end else 0

    def clock_out(self, buffer, offset, n):
        """Put n frames of 27 bytes out to buffer[offset:], as they leave the chip while in continuous mode."""
        if not self.converting:
            raise ChipError("no conversion is running")
        while n:
            piece = min(n, CHUNK)
            if self.slip_frames:
                piece = 1
            piece = self._read(piece)
            for lead, half, amplitude, later, part in self._others:
                _square(self._nv, piece, lead, self.frame + later, half, amplitude, part)
            if self.front_end:
                self.front_end.spoil(self._nv_view, piece)
            _convert(self._nv, piece, self._gains, self.status(), buffer, offset)
            if self.slip_frames:
                self.slip_frames -= 1
            size = piece * m.FRAME_BYTES
            if self.tap is not None:
                self.tap.write(memoryview(buffer)[offset : offset + size])
            self.frame += piece
            offset += size
            n -= piece


class VirtualPin:
    """A pin of the virtual chip with machine.Pin's value()."""

    def __init__(self, chip, name):
        self.chip = chip
        self.name = name
        self.level = 0

    def value(self, level=None):
        """Read or set the level."""
        if level is None:
            return self.level
        self.level = level
        self.chip.set_pin(self.name, level)
        return None


class VirtualSpi:
    """machine.SPI, as far as the driver uses it."""

    def __init__(self, chip):
        self.chip = chip

    def write(self, data):
        """Clock bytes out."""
        for byte in data:
            self.chip.exchange(byte)

    def readinto(self, buffer, fill=0):
        """Clock bytes in while sending `fill`."""
        for i in range(len(buffer)):
            buffer[i] = self.chip.exchange(fill)

    def write_readinto(self, out, buffer):
        """Both at once."""
        for i in range(len(out)):
            buffer[i] = self.chip.exchange(out[i])
