# SPDX-License-Identifier: Apache-2.0
"""The wires to the ADS1298, which SPI0 and the PIO take in turns: registers between recordings, frames while recording."""

import machine

from . import pins


class AfeBus:
    """Has `spi` and `cs` for the driver, and hands the clock over."""

    def __init__(self):
        self.cs = machine.Pin(pins.AFE_CS, machine.Pin.OUT, value=1)
        self.to_spi()

    def to_spi(self):
        """SCLK, DIN and DOUT are SPI0's, mode 1; the chip is not selected."""
        self.cs.value(1)
        self.spi = machine.SPI(
            pins.AFE_SPI,
            baudrate=pins.AFE_SPI_HZ,
            polarity=0,
            phase=1,
            sck=machine.Pin(pins.AFE_SCLK),
            mosi=machine.Pin(pins.AFE_DIN),
            miso=machine.Pin(pins.AFE_DOUT),
        )

    def write(self, data):
        """Clock bytes out."""
        self.spi.write(data)

    def readinto(self, buffer, fill=0):
        """Clock bytes in."""
        self.spi.readinto(buffer, fill)

    def to_capture(self):
        """SCLK is PIO0's, DIN stays low (an ADS1298 takes what stands there for commands), the chip is selected."""
        machine.Pin(pins.AFE_DIN, machine.Pin.OUT, value=0)
        machine.Pin(pins.AFE_SCLK, mode=machine.Pin.ALT, alt=machine.Pin.ALT_PIO0)
        self.cs.value(0)
