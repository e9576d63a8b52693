# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: the driver and the virtual chip, at the level of SPI bytes and pins."""

import sys

sys.path.insert(0, sys.argv[1])

from boards.sim.virtual_ads1298 import ChipError, VirtualAds1298, VirtualPin, VirtualSpi
from boards.sim.virtual_clock import VirtualTicks
from boards.sim.virtual_input import Silence
from recorder import ads1298_map as m
from recorder.ads1298 import Ads1298, FrontEndSettings
from recorder.errors import IdError, RegisterError


class Source(Silence):
    """The same nanovolts on every lead."""

    def __init__(self, nv=0):
        self.nv = nv

    def read(self, _, view, n):
        for i in range(n * 8):
            view[i] = self.nv
        return n


class Bench:
    """A chip, its pins, the driver, and SPI by hand."""

    def __init__(self, nv=0, power=True):
        self.ticks = VirtualTicks()
        self.chip = VirtualAds1298(Source(nv), self.ticks.us)
        self.spi = VirtualSpi(self.chip)
        self.pins = [VirtualPin(self.chip, name) for name in ("cs", "start", "reset", "pwdn")]
        self.driver = Ads1298(self.spi, *self.pins, self.ticks.sleep_ms, self.ticks.sleep_us)
        if power:
            self.driver.power_up()

    def transfer(self, *out, pause_us=3):
        """One chip select; returns the bytes that came in."""
        self.pins[0].value(0)
        got = []
        for byte in out:
            one = bytearray(1)
            self.spi.write_readinto(bytes([byte]), one)
            got.append(one[0])
            self.ticks.sleep_us(pause_us)
        self.pins[0].value(1)
        return got

    def rreg(self, address, n=1):
        return self.transfer(m.RREG | address, n - 1, *[0] * n)[2:]

    def wreg(self, address, *values):
        self.transfer(m.WREG | address, len(values) - 1, *values)


def refuses(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError("no %s" % kind)


def ok(name):
    print("ok " + name)


bench = Bench()
assert bench.rreg(0, 26) == [reset for _, _, reset, _ in m.REGISTERS]
ok("reset values")

for address, name, reset, mask in m.REGISTERS:
    for value in [1 << bit for bit in range(8)] + [0xFF, 0x00, 0xA5, 0x5A]:
        bench.wreg(address, value)
        wanted = reset & ~mask | value & mask
        assert bench.rreg(address) == [wanted], name
        bench.driver.write_register(name, value) if mask else None
        assert bench.driver.read_register(name) == wanted, name
bench.transfer(m.RESET)
bench.ticks.sleep_us(10)
bench.transfer(m.SDATAC)
assert bench.rreg(0, 26) == [reset for _, _, reset, _ in m.REGISTERS]
bench.wreg(5, *range(0x10, 0x80, 0x10))
assert bench.rreg(5, 8) == [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0]
ok("every writable bit")

for name in ("ID", "LOFF_STATP", "LOFF_STATN"):
    before = bench.driver.read_register(name)
    bench.wreg(m.ADDRESS[name], before ^ 0xFF)
    assert bench.driver.read_register(name) == before
ok("read-only registers")

bench.transfer(m.RDATAC)
bench.wreg(m.ADDRESS["LOFF"], 0x55)
assert bench.rreg(0) == [0]
bench.transfer(m.SDATAC)
assert bench.rreg(0) == [0x92]
assert bench.rreg(m.ADDRESS["LOFF"]) == [0]
ok("ignored in continuous mode")

for rate, gain, source in ((250, 1, "electrodes"), (500, 12, "test"), (1000, 8, "shorted")):
    bench = Bench()
    settings = FrontEndSettings(rate, gain, source)
    bench.driver.configure(settings)
    for name, value in settings.registers():
        assert bench.driver.read_register(name) & m.REGISTERS[m.ADDRESS[name]][3] == value, name
    assert bench.driver.verify(settings) is None
    assert bench.chip.rate_hz() == rate
    assert bench.chip.violations == 0
    bench.wreg(m.ADDRESS["WCT1"], 0x77)
    wrong = bench.driver.verify(settings)
    assert (wrong.name, wrong.got) == ("WCT1", 0x77)
ok("power-up and settings")

bench = Bench(power=False)
bench.chip.chip_id = 0x90
error = refuses(IdError, bench.driver.power_up)
assert (error.got, error.expected) == (0x90, 0x92)
ok("bad ID")

for name in ("CONFIG1", "CH5SET", "WCT2"):
    bench = Bench()
    bench.chip.stuck[name] = 0x01
    error = refuses(RegisterError, bench.driver.configure, FrontEndSettings(500))
    assert (error.name, error.got) == (name, 0x01)
    assert error.wrote == dict(FrontEndSettings(500).registers())[name]
ok("write that does not stick")

bench = Bench()
bench.transfer(m.WREG | 4, 0, 0x03, pause_us=1)
assert bench.chip.violations == 1
bench = Bench(power=False)
bench.pins[3].value(1)
bench.ticks.sleep_ms(100)
bench.transfer(m.SDATAC)
assert bench.chip.violations == 1
assert bench.chip.continuous
ok("commands too close")

bench = Bench(nv=1000000)
bench.driver.configure(FrontEndSettings(500, 6))
bench.pins[1].value(1)
code = (1000000 * 6 * 8388607 + 1200000000) // 2400000000
wanted = [0xC0, 0, 0] + [code >> 16, code >> 8 & 255, code & 255] * 8
assert bench.transfer(m.RDATA, *[0] * 27)[1:] == wanted
assert bench.transfer(*[0] * 27) == [0] * 27
bench.transfer(m.RDATAC)
assert bench.transfer(*[0] * 54) == wanted + wanted
ring = bytearray(27 * 3)
bench.chip.clock_out(ring, 27, 2)
assert list(ring) == [0] * 27 + wanted + wanted
ok("RDATA and RDATAC")

bench = Bench()
bench.driver.configure(FrontEndSettings(500))
bench.chip.electrodes_off = 0b111111111
bench.driver.start()
assert bench.transfer(*[0] * 3) == [0xCF, 0xF0, 0x10]
bench.driver.stop()
for name, value in (("LOFF", 0), ("CONFIG4", 0)):
    bench.driver.write_register(name, value)
    bench.driver.start()
    assert bench.transfer(*[0] * 3) == [0xC0, 0, 0]
    bench.driver.stop()
bench = Bench()
bench.driver.configure(FrontEndSettings(500))
bench.driver.write_register("LOFF_SENSN", 0xFF)
bench.chip.electrodes_off = 1
bench.driver.start()
assert bench.transfer(*[0] * 3) == [0xC0, 0, 0x30]
ok("lead-off only with comparators")

bench.chip.slip_frames = 1
assert bench.transfer(0)[0] >> 4 != 0xC
assert bench.transfer(0)[0] >> 4 == 0xC
ok("slip of the nibble")

bench.driver.stop()
assert not bench.chip.converting
refuses(ChipError, bench.chip.clock_out, bytearray(27), 0, 1)
bench.driver.standby()
assert bench.rreg(0) == [0]
bench.driver.wake_up()
assert bench.rreg(0) == [0x92]
bench.transfer(m.START)
assert bench.chip.converting
bench.transfer(m.STOP)
assert not bench.chip.converting
bench.driver.power_down()
assert bench.rreg(0) == [0]
ok("stop and standby")

for gain in (1, 2, 3, 4, 6, 8, 12):
    for nv in (0, 1, -1, 143, 144, -143, -144, 123456789, -123456789, 2000000000, -2000000000, 2147483647, -2147483648):
        bench = Bench(nv=nv)
        bench.driver.configure(FrontEndSettings(1000, gain, lead_off_na=0))
        bench.driver.start()
        got = bench.transfer(*[0] * 27)
        code = (nv * gain * 8388607 + 1200000000) // 2400000000
        code = max(-8388608, min(8388607, code)) & 0xFFFFFF
        assert got[3:6] == got[24:27] == [code >> 16, code >> 8 & 255, code & 255], (gain, nv)
ok("gains and limits")
