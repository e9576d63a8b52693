# SPDX-License-Identifier: Apache-2.0
"""Battery voltage and the chip's temperature, from the board's converters."""

from recorder import constants as c

READS = 8


class Supply:
    """`battery` has read_u16(); `ratio` is (cell voltage, pin voltage); `temperature()` returns 0.01 degrees C, or None."""

    def __init__(self, battery, full_mv, ratio, temperature=None):
        self.battery = battery
        self.full_mv = full_mv
        self.ratio = ratio
        self.temperature = temperature

    def __call__(self):
        """Return (battery_mv, temperature_cdeg), the mean of READS looks."""
        total = 0
        for _ in range(READS):
            total += self.battery.read_u16()
        above, below = self.ratio
        battery_mv = total * self.full_mv * above // (65535 * READS * below)
        return battery_mv, self.temperature() if self.temperature else c.TEMPERATURE_UNKNOWN


def rp2_temperature(sensor, full_mv=3300):
    """Return a function for the RP2350's own sensor: 27 degrees at 706 mV, 1.721 mV a degree less (data sheet 12.4.6)."""

    def read_cdeg():
        uv = sensor.read_u16() * full_mv * 1000 // 65535
        return 2700 - (uv - 706000) * 100 // 1721

    return read_cdeg
