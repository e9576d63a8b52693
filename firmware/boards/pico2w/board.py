# SPDX-License-Identifier: Apache-2.0
"""The parts of a Pico 2 W recorder, made once at boot. Nothing is loaded into or taken out of a PIO later.

PIO1 and one of its state machines belong to the radio (CYW43): a program removed there, or `remove_program()` without
an argument, hangs it. The capture has PIO0 for itself, and its program stays. The ring comes first, while the heap is
in one piece.
"""

import machine
import rp2
import uctypes
from recorder.ads1298 import Ads1298
from recorder.clock import SystemTicks
from recorder.sd_card import SdCard
from recorder.sd_start import SLOW_HZ

from boards.parts.budget import Budget
from boards.parts.button import Button
from boards.parts.made import MadeBoard, output
from boards.parts.supply import Supply, rp2_temperature
from boards.parts.usb_stream import UsbStream

from . import pins
from .afe_bus import AfeBus
from .dma_ring import DmaRing
from .drdy_pio import PIO_HZ, take_frames
from .pio_capture import FRAME_BYTES, N_FRAMES, PioCapture

_STATE_MACHINE = 0  # of PIO0
_TREQ_PIO0_RX0 = 4


class Parts(MadeBoard):
    """What parts/box.py joins."""

    name = "pico2w"

    def __init__(self):
        ring = bytearray(N_FRAMES * FRAME_BYTES)
        ticks = SystemTicks()
        super().__init__(ticks)
        bus = AfeBus()
        self.front_end = Ads1298(
            bus, bus.cs, output(pins.AFE_START), output(pins.AFE_RESET), output(pins.AFE_PWDN), ticks.sleep_ms, ticks.sleep_us
        )
        self.capture = self._make_capture(ring, bus)
        edges = machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING
        pin = machine.Pin(pins.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        self.button = Button(pin, self.capture.latch, ticks, edges, hard=True)
        self.capture.on_look = self.button.look
        sensor = machine.ADC(machine.ADC.CORE_TEMP)
        battery = machine.ADC(machine.Pin(pins.BATTERY_ADC))
        self.supply = Supply(battery, pins.ADC_FULL_MV, pins.BATTERY_RATIO, rp2_temperature(sensor))
        self.led = output(pins.LED).value
        self.watchdog = Budget(lambda ms: machine.WDT(timeout=ms), _timer)
        self.stream = UsbStream()

    def _make_capture(self, ring, bus):
        state_machine = rp2.StateMachine(
            _STATE_MACHINE,
            take_frames,
            freq=PIO_HZ,
            in_base=machine.Pin(pins.AFE_DOUT, machine.Pin.IN, machine.Pin.PULL_UP),
            sideset_base=machine.Pin(pins.AFE_SCLK),
        )
        machine.Pin(pins.AFE_DRDY, machine.Pin.IN, machine.Pin.PULL_UP)
        dma = DmaRing(rp2.DMA(), rp2.DMA(), uctypes.addressof, ring, state_machine, _TREQ_PIO0_RX0)
        bus.to_spi()  # making the state machine took the clock
        return PioCapture(dma, state_machine, bus, self.ticks)

    def open_card(self):
        """Return the card as a block device. Raises SdError."""
        spi = machine.SPI(
            pins.SD_SPI,
            baudrate=SLOW_HZ,
            sck=machine.Pin(pins.SD_SCK),
            mosi=machine.Pin(pins.SD_MOSI),
            miso=machine.Pin(pins.SD_MISO, machine.Pin.IN, machine.Pin.PULL_UP),
        )
        card = SdCard(spi, machine.Pin(pins.SD_CS, machine.Pin.OUT, value=1), self.ticks)
        card.begin()
        return card


def _timer(period_ms, function):
    return machine.Timer(-1, period=period_ms, mode=machine.Timer.PERIODIC, callback=function)
