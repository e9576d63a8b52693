# SPDX-License-Identifier: Apache-2.0
"""The parts of an ESP32-S3 recorder. A second choice: see irq_capture.py for what its software interrupt cannot do.

No PSRAM is to be used for the heap: a collection over it takes tens of milliseconds, and each one loses frames.
"""

import esp32
import machine
from recorder.ads1298 import Ads1298
from recorder.clock import SystemTicks

from boards.parts.budget import Budget
from boards.parts.button import Button
from boards.parts.made import MadeBoard, output
from boards.parts.supply import Supply
from boards.parts.usb_stream import UsbStream

from . import pins
from .afe_bus import AfeBus
from .irq_capture import PULSES, IrqCapture
from .sdmmc import SdMmc


class Parts(MadeBoard):
    """What parts/box.py joins."""

    name = "esp32s3"

    def __init__(self):
        ticks = SystemTicks()
        super().__init__(ticks)
        bus = AfeBus()
        self.front_end = Ads1298(
            bus, bus.cs, output(pins.AFE_START), output(pins.AFE_RESET), output(pins.AFE_PWDN), ticks.sleep_ms, ticks.sleep_us
        )
        drdy = machine.Pin(pins.AFE_DRDY, machine.Pin.IN, machine.Pin.PULL_UP)
        pulses = esp32.PCNT(0, pin=drdy, falling=esp32.PCNT.INCREMENT, max=PULSES)
        pulses.start()
        self.capture = IrqCapture(drdy, machine.Pin.IRQ_FALLING, pulses, bus, ticks)
        edges = machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING
        pin = machine.Pin(pins.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        self.button = Button(pin, self.capture.latch, ticks, edges)
        self.capture.on_look = self.button.look
        battery = machine.ADC(machine.Pin(pins.BATTERY_ADC), atten=machine.ADC.ATTN_11DB)
        self.supply = Supply(battery, pins.ADC_FULL_MV, pins.BATTERY_RATIO, _temperature_cdeg)
        self.led = output(pins.LED).value
        self.watchdog = Budget(lambda ms: machine.WDT(timeout=ms), _timer)
        self.stream = UsbStream()

    def open_card(self):
        """Return the card as a block device. Raises SdError."""
        card = SdMmc(_sd_card)
        card.begin()
        return card


def _sd_card():
    return machine.SDCard(slot=1, width=4, sck=pins.SD_CLK, cmd=pins.SD_CMD, data=pins.SD_DATA, freq=pins.SD_HZ)


def _temperature_cdeg():
    return 100 * esp32.mcu_temperature()


def _timer(period_ms, function):
    timer = machine.Timer(0)
    timer.init(period=period_ms, mode=machine.Timer.PERIODIC, callback=function)
    return timer
