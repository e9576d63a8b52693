# SPDX-License-Identifier: Apache-2.0
"""Run a real board's own files (boards/pico2w, boards/esp32s3) under the Unix port with stand-ins for machine and rp2.

    micropython mp_board.py FIRMWARE CONFIG.json

The converter, the card and the clock are the simulator's; pins, SPI, PIO, DMA and interrupts are stand-ins that a board's
files wire up by themselves. Prints JSON: the recorder's status and what the stand-ins saw.
"""

import json
import os
import sys

FIRMWARE = sys.argv[1]
sys.path.insert(0, FIRMWARE)
sys.path.insert(0, "/".join(__file__.split("/")[:-1]) + "/stand_in")

import asyncio

with open(sys.argv[2]) as file:
    CONFIG = json.load(file)

import bluetooth
import machine
import recorder.clock
from boards.sim.virtual_ads1298 import VirtualAds1298, VirtualSpi
from boards.sim.virtual_card import VirtualCard
from boards.sim.virtual_clock import VirtualTicks, WatchdogReset
from boards.sim.virtual_input import Input
from boards.sim.virtual_sd import VirtualSd
from boards.sim.virtual_sd_lines import VirtualSdPin, VirtualSdSpi
from recorder.fat32_format import format_card
from recorder.recorder import Signal

TICKS = VirtualTicks()
TICKS.install()
recorder.clock.SystemTicks = lambda: TICKS
wiring = machine.wiring
wiring.ticks = TICKS
wiring.longest_watchdog_ms = CONFIG["watchdog_ms"]
bluetooth.BLE.broken = CONFIG["radio_broken"]
PICO = CONFIG["board"] == "pico2w"
if PICO:
    import rp2
    from boards.pico2w import pins

    sys.modules["uctypes"] = rp2  # address_of, in the model's memory
    rp2.addressof = rp2.address_of
    rp2.reset()
else:
    import esp32
    from boards.esp32s3 import pins


class World:
    """What goes on beside the processor: conversions, the button, timers."""

    def __init__(self):
        self.chip = VirtualAds1298(Input(CONFIG["input"]), TICKS.us)
        self.chip.tap = open(CONFIG["tap"], "wb")
        self.frames = 0
        self.began_us = None
        self.scratch = bytearray(27)
        self.late = set(CONFIG["late"])
        self.presses = dict(CONFIG["presses"])

    def wire(self):
        for name in ("CS", "START", "RESET", "PWDN"):
            wiring.outputs[getattr(pins, "AFE_" + name)] = self.output(name.lower())
        wiring.spis[pins.AFE_SPI] = VirtualSpi(self.chip)
        wiring.adc[machine.ADC.CORE_TEMP] = 14000
        wiring.adc[pins.BATTERY_ADC] = CONFIG["battery_u16"]
        card = VirtualCard(CONFIG["card"], CONFIG["card_mib"] * 2048, TICKS)
        format_card(card, serial=1)
        self.card = card
        if PICO:
            self.sd = VirtualSd(card, TICKS, "sdhc")
            wiring.spis[pins.SD_SPI] = VirtualSdSpi(self.sd, TICKS.sleep_us)
            wiring.outputs[pins.SD_CS] = VirtualSdPin(self.sd).value
        else:
            wiring.card = card
        TICKS.passed = self.passed

    def output(self, name):
        return lambda level: self.chip.set_pin(name, level)

    def passed(self):
        machine.run_timers()
        if not self.chip.converting:
            self.began_us = None
            return
        if self.began_us is None:
            self.began_us = TICKS.us()
            self.due = 0
        due = (TICKS.us() - self.began_us) * self.chip.rate_hz() // 1000000
        while self.due < due:
            self.due += 1
            self.convert()

    def convert(self):
        if PICO:
            self.to_pio()
        else:
            self.to_interrupt()

    def to_pio(self):
        state_machine = rp2.StateMachine.made[0]
        if not state_machine.running:
            return
        self.press()
        assert machine.owners[pins.AFE_SCLK] == "pio0" and machine.levels[pins.AFE_CS] == 0
        assert machine.owners[pins.AFE_DIN] == "sio" and machine.levels[pins.AFE_DIN] == 0
        frame = self.scratch
        self.chip.clock_out(frame, 0, 1)
        for at in range(0, 27, 3):
            state_machine.give(frame[at] << 16 | frame[at + 1] << 8 | frame[at + 2])
        self.frames += 1

    def to_interrupt(self):
        handler = machine.handlers.get(pins.AFE_DRDY)
        if not handler:
            return
        self.press()
        esp32.PCNT.units[0].pulse()
        if self.frames in self.late:
            self.chip.clock_out(self.scratch, 0, 1)  # converted, and nobody came
        else:
            handler(None)
        self.frames += 1

    def press(self):
        if self.frames in self.presses:
            machine.press(pins.BUTTON, self.presses.pop(self.frames))


async def main(box):
    task = asyncio.create_task(box.main())
    while box.control is None or box.recorder.store is None:
        await asyncio.sleep_ms(10)
    await asyncio.sleep_ms(CONFIG["idle_ms"])
    WORLD.card.set_faults(CONFIG["card_faults"])  # writes are counted from here
    box.control.start(Signal(CONFIG["rate_hz"]), 0)
    await asyncio.sleep_ms(CONFIG["record_ms"])
    if box.control.crash:
        raise box.control.crash
    WORLD.status = box.recorder.status()
    assert box.control.app.stop_reason is None, (box.control.app.stop_reason, box.control.failure, WORLD.status)
    WORLD.status["frame"] = box.control.stop()
    await asyncio.sleep_ms(CONFIG["idle_ms"])
    task.cancel()


WORLD = World()
WORLD.wire()
if PICO:
    from boards.pico2w.board import Parts
else:
    from boards.esp32s3.board import Parts

from boards.parts.box import Box

os.mkdir(CONFIG["settings"])
parts = Parts()
box = Box(parts, CONFIG["settings"], parts.radio)
seen = {"reset": False}
try:
    asyncio.run(main(box))
except WatchdogReset:
    seen["reset"] = True
WORLD.chip.tap.close()
seen["frames_converted"] = WORLD.frames
seen["status"] = getattr(WORLD, "status", {})
seen["spi_violations"] = WORLD.chip.violations
seen["limits"] = {} if PICO else parts.capture.limits()
seen["dma_violations"] = rp2.violations if PICO else []
seen["sd_violations"] = WORLD.sd.violations if PICO else {}
seen["fifo_stalled"] = rp2.StateMachine.made[0].stalled if PICO else 0
seen["supply"] = list(parts.supply())
seen["radio"] = bluetooth.BLE.seen
seen["links"] = len(box.links)
print(json.dumps(seen))
