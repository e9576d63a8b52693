# SPDX-License-Identifier: Apache-2.0
"""Driver of the ADS1298 over a given SPI bus, pins and sleep functions: power-up, set-up, start and stop.

It moves no samples: those are taken by a capture (PIO and DMA, an interrupt, or the simulator).
Every register written is read back and compared. Timing is that of the data sheet (SBAS459) at t_CLK = 488 ns.

Wiring: CH1 = I (P = LA, N = RA), CH2 = II (P = LL, N = RA), CH3..CH8 = V1..V6 (P = electrode, N = Wilson terminal).
The Wilson terminal is made of CH1P, CH1N and CH2P. The lead-off current of the N side flows in CH1N only: a second
source on CH2N would load RA twice, and LOFF_STATN of the channels driven by the Wilson terminal is not valid, so the
status word's electrodes are LOFF_STATP << 1 | LOFF_STATN & 1, which is the `electrode` mask of the record format.
"""

from . import ads1298_map as m
from .errors import IdError, RegisterError, SettingError

T_POR_MS = 130  # 2^18 t_CLK after power, before the first reset
T_REFERENCE_MS = 150  # the internal reference settles
T_RESET_US = 10  # 18 t_CLK after a reset
T_COMMAND_US = 3  # 4 t_CLK between command bytes

SOURCES = {"electrodes": m.MUX_NORMAL, "reference": m.MUX_NORMAL, "shorted": m.MUX_SHORTED, "test": m.MUX_TEST}


class FrontEndSettings:
    """What the converter is to do: rate in samples/s, gain, where the signal comes from, lead-off, Wilson, right leg."""

    def __init__(
        self,
        rate_hz=500,
        gain=6,
        source="electrodes",
        test_amplitude=1,
        test_frequency="1hz",
        lead_off_na=6,
        comparator_percent=95,
        wilson=True,
        right_leg=True,
    ):
        for what, value, allowed in (
            ("rate_hz", rate_hz, m.RATE_BITS),
            ("gain", gain, m.GAIN_BITS),
            ("source", source, SOURCES),
            ("test_amplitude", test_amplitude, (1, 2)),
            ("test_frequency", test_frequency, m.TEST_FREQUENCY),
            ("comparator_percent", comparator_percent, m.COMPARATOR_PERCENT),
        ):
            if value not in allowed:
                raise SettingError("%s %r: one of %s" % (what, value, sorted(allowed)))
        if lead_off_na and lead_off_na not in m.LEAD_OFF_NA:
            raise SettingError("lead_off_na %r: 0 or one of %s" % (lead_off_na, sorted(m.LEAD_OFF_NA)))
        self.rate_hz = rate_hz
        self.gain = gain
        self.source = source
        self.test_amplitude = test_amplitude
        self.test_frequency = test_frequency
        self.lead_off_na = lead_off_na
        self.comparator_percent = comparator_percent
        self.wilson = wilson
        self.right_leg = right_leg

    def registers(self):
        """Return [(name, value)] in the order in which they are to be written."""
        config2 = 0
        if self.source == "test":
            config2 = m.TEST_INTERNAL | m.TEST_FREQUENCY[self.test_frequency]
            if self.test_amplitude == 2:
                config2 |= m.TEST_AMPLITUDE_2
        config3 = m.REFERENCE_ON | m.CONFIG3_FIXED | m.RLD_REFERENCE_INTERNAL
        if self.right_leg:
            config3 |= m.RLD_ON
        sense = loff = config4 = 0
        if self.lead_off_na and self.source == "electrodes":
            sense = 1
            loff = m.COMPARATOR_PERCENT[self.comparator_percent] | m.LEAD_OFF_NA[self.lead_off_na] | m.LEAD_OFF_DC
            config4 = m.COMPARATORS_ON
        channel = m.GAIN_BITS[self.gain] | SOURCES[self.source]
        values = [
            ("CONFIG3", config3),
            ("CONFIG1", m.RATE_BITS[self.rate_hz]),
            ("CONFIG2", config2),
            ("LOFF", loff),
            ("CONFIG4", config4),
            ("RLD_SENSP", 0x03 if self.right_leg else 0),
            ("RLD_SENSN", 0x01 if self.right_leg else 0),
            ("LOFF_SENSP", 0xFF * sense),
            ("LOFF_SENSN", 0x01 * sense),
            ("LOFF_FLIP", 0),
            ("WCT1", m.WCT_A_ON | m.WCT_CH1P if self.wilson else 0),
            ("WCT2", m.WCT_B_ON | m.WCT_C_ON | m.WCT_CH1N << 3 | m.WCT_CH2P if self.wilson else 0),
        ]
        values.extend(("CH%dSET" % n, channel) for n in range(1, 9))
        return values


class Ads1298:
    """One ADS1298. `spi` has write and readinto, pins have value(), sleeps take milliseconds and microseconds."""

    def __init__(self, spi, cs, start, reset, pwdn, sleep_ms, sleep_us):
        self.spi = spi
        self.cs = cs
        self.start_pin = start
        self.reset_pin = reset
        self.pwdn_pin = pwdn
        self.sleep_ms = sleep_ms
        self.sleep_us = sleep_us
        self._byte = bytearray(1)

    def power_up(self):
        """Power the chip, reset it, leave continuous mode and check that it is an ADS1298."""
        self.cs.value(1)
        self.start_pin.value(0)
        self.pwdn_pin.value(1)
        self.reset_pin.value(1)
        self.sleep_ms(T_POR_MS)
        self.reset_pin.value(0)
        self.sleep_us(T_COMMAND_US)
        self.reset_pin.value(1)
        self.sleep_us(T_RESET_US)
        self.command(m.SDATAC)  # the chip wakes up in continuous mode, where it ignores register access
        got = self.read_register("ID")
        if got != m.DEVICE_ID:
            raise IdError(got, m.DEVICE_ID)

    def power_down(self):
        """Stop converting and switch the chip off."""
        self.start_pin.value(0)
        self.pwdn_pin.value(0)

    def configure(self, settings):
        """Write the registers of `settings`; conversions must be stopped. Waits for the internal reference."""
        self.command(m.SDATAC)
        values = settings.registers()
        self.write_register(*values[0])
        self.sleep_ms(T_REFERENCE_MS)
        for name, value in values[1:]:
            self.write_register(name, value)

    def verify(self, settings):
        """Return the first register that no longer holds its setting, or None; for a look between sessions."""
        for name, value in settings.registers():
            got = self.read_register(name)
            if (got ^ value) & m.REGISTERS[m.ADDRESS[name]][3]:
                return RegisterError(name, value, got)
        return None

    def stuck_registers(self):
        """Write patterns to what may hold them and read them back; return the names of those that do not. To be reset after."""
        wrong = []
        for name in m.HARMLESS:
            for pattern in (0x55, 0xAA):
                try:
                    self.write_register(name, pattern & m.REGISTERS[m.ADDRESS[name]][3])
                except RegisterError:
                    if name not in wrong:
                        wrong.append(name)
        return wrong

    def start(self):
        """Convert, and put every frame out by itself."""
        self.start_pin.value(1)
        self.command(m.RDATAC)

    def stop(self):
        """Leave continuous mode and stop converting."""
        self.command(m.SDATAC)
        self.start_pin.value(0)

    def standby(self):
        """Sleep with registers kept."""
        self.command(m.STANDBY)

    def wake_up(self):
        """Leave standby."""
        self.command(m.WAKEUP)

    def command(self, opcode):
        """Send a command of one byte."""
        self.cs.value(0)
        self._send(opcode)
        self.cs.value(1)
        self.sleep_us(T_RESET_US if opcode == m.RESET else T_COMMAND_US)

    def read_register(self, name):
        """Return one register's value."""
        self.cs.value(0)
        self._send(m.RREG | m.ADDRESS[name])
        self._send(0)
        self.spi.readinto(self._byte, 0)
        self.sleep_us(T_COMMAND_US)
        self.cs.value(1)
        return self._byte[0]

    def write_register(self, name, value):
        """Write one register and read it back; raise RegisterError when it did not stick."""
        address = m.ADDRESS[name]
        self.cs.value(0)
        self._send(m.WREG | address)
        self._send(0)
        self._send(value)
        self.cs.value(1)
        got = self.read_register(name)
        if (got ^ value) & m.REGISTERS[address][3]:
            raise RegisterError(name, value, got)

    def _send(self, byte):
        self._byte[0] = byte
        self.spi.write(self._byte)
        self.sleep_us(T_COMMAND_US)
