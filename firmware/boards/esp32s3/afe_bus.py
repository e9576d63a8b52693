# SPDX-License-Identifier: Apache-2.0
"""The wires to the ADS1298 on the ESP32-S3: one SPI, slow for commands (4 t_CLK a byte), fast for frames."""

import machine

from . import pins


class AfeBus:
    """Has `cs` and what the driver and the capture ask of a bus."""

    def __init__(self):
        self.cs = machine.Pin(pins.AFE_CS, machine.Pin.OUT, value=1)
        self.spi = machine.SPI(
            pins.AFE_SPI,
            baudrate=pins.AFE_COMMAND_HZ,
            polarity=0,
            phase=1,
            sck=machine.Pin(pins.AFE_SCLK),
            mosi=machine.Pin(pins.AFE_DIN),
            miso=machine.Pin(pins.AFE_DOUT),
        )

    def to_spi(self):
        """Commands."""
        self.cs.value(1)
        self.spi.init(baudrate=pins.AFE_COMMAND_HZ, polarity=0, phase=1)

    def to_capture(self):
        """Frames: the chip stays selected."""
        self.spi.init(baudrate=pins.AFE_SPI_HZ, polarity=0, phase=1)
        self.cs.value(0)

    def write(self, data):
        """Clock bytes out."""
        self.spi.write(data)

    def readinto(self, buffer, fill=0):
        """Clock bytes in; zeros go out, which are no command."""
        self.spi.readinto(buffer, fill)
