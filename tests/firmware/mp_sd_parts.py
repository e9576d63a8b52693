# SPDX-License-Identifier: Apache-2.0
"""What the scripts about the SD card share, under MicroPython: a driver on a virtual card, and how a call ended."""

from boards.sim.virtual_card import VirtualCard
from boards.sim.virtual_clock import VirtualTicks
from boards.sim.virtual_sd import VirtualSd
from boards.sim.virtual_sd_faults import Faults
from boards.sim.virtual_sd_lines import VirtualSdPin, VirtualSdSpi
from recorder.errors import SdError
from recorder.sd_card import SdCard

MIB = 2048  # sectors


class Bench:
    """A card of `mib` MiB in the image file `path`, on a bus, with a driver that has begun."""

    def __init__(self, path, kind="sdhc", mib=8, bulk=True, begin=True, **card):
        self.ticks = VirtualTicks()
        self.image = VirtualCard(path, mib * MIB)
        self.card = VirtualSd(self.image, self.ticks, kind, **card)
        self.bulk = bulk
        self.driver()
        if begin:
            self.sd.begin()

    def driver(self):
        """A driver that knows nothing yet, as after a reset of the recorder."""
        self.pin = VirtualSdPin(self.card)
        self.spi = VirtualSdSpi(self.card, self.ticks.sleep_us, self.bulk)
        self.sd = SdCard(self.spi, self.pin, self.ticks)
        return self.sd

    def faults(self, *faults):
        """Misbehave from here on."""
        Faults(self.card, faults)

    def write(self, sector, data):
        """Return (kind of the error or None, milliseconds)."""
        return self.time(self.sd.writeblocks, sector, data)

    def read(self, sector, n=1):
        """Return (kind of the error or the bytes, milliseconds)."""
        buffer = bytearray(n * 512)
        error, ms = self.time(self.sd.readblocks, sector, buffer)
        return error or bytes(buffer), ms

    def time(self, function, *arguments):
        """Call; return (kind of the SdError or None, virtual milliseconds)."""
        began = self.ticks.ms()
        error = None
        try:
            function(*arguments)
        except SdError as caught:
            error = caught.kind
            assert isinstance(caught, OSError) and isinstance(caught.args[0], int) and caught.message
        return error, self.ticks.ms() - began

    def on_card(self, sector, n=1):
        """What the image has there."""
        self.image.file.flush()
        self.image.file.seek(sector * 512)
        return self.image.file.read(n * 512)

    def orderly(self):
        """The host did nothing that a card may not be done to."""
        assert self.card.violations == {}, self.card.violations


def pattern(seed, n=1):
    """n sectors of bytes that differ from sector to sector."""
    return bytes((seed * 7 + i // 512 * 31 + i * (seed + 3)) & 0xFF for i in range(n * 512))
