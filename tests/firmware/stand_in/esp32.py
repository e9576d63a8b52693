# SPDX-License-Identifier: Apache-2.0
"""Stands in for MicroPython's esp32: the pulse counter, which counts whatever Python does, and the chip's thermometer."""


class PCNT:
    INCREMENT = 1
    units = {}  # noqa: RUF012 (a chip has so many)

    def __init__(self, number, pin=None, falling=0, max=0):  # noqa: A002 (its name there)
        assert falling == PCNT.INCREMENT and 0 < max < 32768
        self.pin = pin.number
        self.modulus = max
        self.count = 0
        self.started = False
        PCNT.units[number] = self

    def start(self):
        self.started = True

    def value(self):
        return self.count

    def pulse(self):
        if self.started:
            self.count = (self.count + 1) % self.modulus


def mcu_temperature():
    return 41
