# SPDX-License-Identifier: Apache-2.0
"""What is the same on every board that is made: the radio's carrier, the reset, pins that drive."""

import bluetooth
import machine
from recorder.radio import Radio


class MadeBoard:
    """A board; those of a kind add their parts."""

    def __init__(self, ticks):
        self.ticks = ticks
        self.unique_id = machine.unique_id()
        self.reset_cause = "watchdog" if machine.reset_cause() == machine.WDT_RESET else "power_on"

    def radio(self, recorder):
        """Return the radio's carrier, begun. Raises OSError."""
        radio = Radio(bluetooth.BLE(), bluetooth.UUID, recorder, self.ticks)
        radio.begin()
        return radio

    def restart(self):
        """Reset the board."""
        machine.reset()


def output(number):
    """Return a pin that drives, low."""
    return machine.Pin(number, machine.Pin.OUT, value=0)
