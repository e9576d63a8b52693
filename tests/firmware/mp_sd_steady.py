# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: heap that the SD driver takes for a call, garbage collection off: none, viper or not.

The bus is an ideal card of a few lines, because the virtual card itself allocates.
"""

import sys

sys.path.insert(0, sys.argv[1])

import gc

import recorder.sd_wire as sd_wire
from recorder import sd_crc
from recorder.sd_card import SdCard


class Ticks:
    """Time stands still; nobody has to wait."""

    def ms(self):
        return 0

    def diff(self, a, b):
        return a - b

    def sleep_ms(self, ms):
        raise AssertionError("waited")


class IdealSpi:
    """Answers every command with 0 and takes every block. What it sends back is the block that was sent last."""

    def __init__(self):
        self.next = self.after = self.last = 0xFF  # the bytes it gives next
        self.streaming = False
        self.blocks = 0

    def write(self, data):
        n = len(data)
        if n == 6:
            index = data[0] & 63
            self.next = 0x5A if index == 12 else 0xFF
            self.after = 0
            self.last = 0 if index == 13 else 0xFE if index in (17, 18) else 0xFF
            self.streaming = index == 18
        elif n == 515:
            self.next = 0xE5
            self.blocks += 1

    def readinto(self, buffer, fill):
        if len(buffer) == 1:
            buffer[0] = self.next
            self.next = self.after
            self.after = self.last
            self.last = 0xFF
        elif self.streaming:
            self.next = 0xFE


class Pin:
    def value(self, level):
        pass


class Csd:
    n_sectors = 1 << 28
    protected = False


class Info:
    csd = Csd
    by_blocks = True


def measure(name):
    spi = IdealSpi()
    card = SdCard(spi, Pin(), Ticks())
    card.info = Info()
    card.ready = True
    data = memoryview(bytearray(8192))
    one = memoryview(bytearray(512))
    for by_blocks in (True, False):
        card.info.by_blocks = by_blocks
        gc.collect()
        for _ in range(2):
            before = gc.mem_alloc()
            for sector in (7, 1 << 20, (1 << 22) - 16):
                card.writeblocks(sector, data)
                card.readblocks(sector, data)
                card.writeblocks(sector, one)
                card.readblocks(sector, one)
            taken = gc.mem_alloc() - before
        assert taken == 0, (name, by_blocks, taken)
    assert spi.blocks == 2 * 2 * 3 * 17
    print("%s: 0 bytes of heap a call" % name)


gc.collect()
gc.disable()
measure("viper")
sd_wire.copy_crc16 = sd_crc.copy_crc16
measure("plain")
