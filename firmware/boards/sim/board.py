# SPDX-License-Identifier: Apache-2.0
"""The simulator as a board: its parts, built from a configuration, and a run of the app over them.

Keys of the configuration are described in firmware/README.md. Everything of the recorder is the firmware's own.
"""

import asyncio
import gc
import os
import time
from binascii import hexlify

from recorder import ads1298_map as m
from recorder import constants as c
from recorder.ads1298 import Ads1298
from recorder.app import CARD_FAILURES, App
from recorder.calibration import Calibration
from recorder.card_size import check_size
from recorder.erase import finish_erase
from recorder.errors import CardError, SettingError
from recorder.fat32_format import format_card
from recorder.kept import Kept
from recorder.recorder import Recorder, Signal, start_reason
from recorder.sd_card import SdCard
from recorder.store import make_ring, open_store
from recorder.watchdog import LIMIT_MS

from boards.parts.settings import identity

from .virtual_ads1298 import VirtualAds1298, VirtualPin, VirtualSpi
from .virtual_bench import VirtualBench
from .virtual_capture import VirtualCapture
from .virtual_card import VirtualCard, exists
from .virtual_clock import FastTicks, RealTicks, VirtualTicks
from .virtual_front_end import FrontEnd
from .virtual_generator import Generator
from .virtual_input import Input, Silence
from .virtual_sd import VirtualSd
from .virtual_sd_faults import Faults
from .virtual_sd_lines import VirtualSdPin, VirtualSdSpi
from .virtual_watchdog import VirtualWatchdog

DEFAULTS = {
    "input": None,
    "card": None,
    "card_mib": 64,
    "card_bus": "spi",
    "card_kind": "sdhc",
    "card_present": True,
    "card_real_mib": 0,
    "card_claims_mib": 0,
    "format": False,
    "ring_mib": 0,
    "slot_bytes": c.DEFAULT_SLOT_BYTES,
    "rate_hz": 500,
    "gain": 6,
    "shift": 6,
    "source": "electrodes",
    "codec": c.CODEC_ADAPTIVE,
    "frames": 0,
    "ring_frames": 4096,
    "marks": [],
    "remote_marks": [],
    "lead_off": [],
    "slips": [],
    "register_loss_at": None,
    "utc_us": None,
    "utc_uncertainty_ms": 1000,
    "set_time_at": None,
    "set_times": [],
    "input_offset": 0,
    "input_lap_nv": 0,
    "test_first_frame": 0,
    "heap_every_s": 0,
    "clock": "virtual",
    "device_id": "0000000000000000",
    "identity": None,
    "session_id": None,
    "tap": None,
    "card_write_ms": 0,
    "card_faults": [],
    "sd_faults": [],
    "cut_after_writes": None,
    "torn_sectors": None,
    "notes": {},
    "chip_id": None,
    "registers_stuck": {},
    "comparators_off": 0,
    "comparators_on": 0,
    "button_fault": None,
    "radio_fails": False,
    "battery_mv": 0,
    "battery_fall_mv_per_hour": 0,
    "battery_stop_mv": 3300,
    "watchdog_ms": LIMIT_MS,
    "reset_cause": "power_on",
    "speed": 1,
    "link_port": None,
    "link_key": None,
    "encrypt_card": False,
    "link_counter": None,
    "bench_file": None,
    "link_max_packet": c.LINK_USB_PACKET_BYTES,
    "battery_low_mv": 0,
    "settings": None,
    "radio_port": None,
    "radio_counter": None,
    "calibration": None,
    "front_end": None,
    "generator": None,
}
RESET_CAUSES = ("power_on", "watchdog")
PROGRESS_MS = 500
MAX_COLLECTED = 4 << 20


class Simulator:
    """One run. `report(dict)` is called with progress and the result."""

    def __init__(self, config, report):
        unknown = [key for key in config if key not in DEFAULTS]
        if unknown:
            raise SettingError("unknown configuration keys: %s" % ", ".join(sorted(unknown)))
        self.config = dict(DEFAULTS)
        self.config.update(config)
        if self.config["reset_cause"] not in RESET_CAUSES:
            raise SettingError("reset_cause %r: one of %s" % (self.config["reset_cause"], ", ".join(RESET_CAUSES)))
        self.report = report
        self.ticks = self._ticks()
        self.ticks.install()
        self.device_id = _hex8(self.config["device_id"], "device_id")
        if self.config["identity"]:
            self._provisioned()
        self.tap = None
        self.recorder = None

    def _provisioned(self):
        """Device id and key as a board finds them in its flash; `device_id` stands for the chip's unique id."""
        self.device_id, key = identity(self.device_id, self.config["identity"])
        self.config["link_key"] = None if key is None else hexlify(key).decode()

    def _ticks(self):
        if self.config["clock"] == "virtual":
            return VirtualTicks()
        return RealTicks() if self.config["speed"] == 1 else FastTicks(self.config["speed"])

    def build(self):
        """Make the parts and hand them to a recorder."""
        config = self.config
        source = Silence()
        if config["input"]:
            source = Input(config["input"], config["input_offset"], config["input_lap_nv"])
        self.chip = VirtualAds1298(source, self.ticks.us)
        if config["chip_id"] is not None:
            self.chip.chip_id = config["chip_id"]
        self.chip.stuck = config["registers_stuck"]
        self.chip.comparators_off = config["comparators_off"]
        self.chip.comparators_on = config["comparators_on"]
        if config["front_end"]:
            self.chip.front_end = FrontEnd(config["front_end"])
        if config["generator"]:
            self.chip.source = Generator(config["generator"], self.chip)
        if config["tap"]:
            self.tap = self.chip.tap = open(config["tap"], "wb")
        pins = [VirtualPin(self.chip, name) for name in ("cs", "start", "reset", "pwdn")]
        front_end = Ads1298(VirtualSpi(self.chip), *pins, self.ticks.sleep_ms, self.ticks.sleep_us)
        self.capture = VirtualCapture(self.chip, self.ticks, config["frames"], self._schedule(), config["ring_frames"])
        self.store = self._store()
        fixed = config["session_id"]
        urandom = os.urandom if fixed is None else lambda _: _hex8(fixed, "session_id")
        key = config["link_key"]
        key = bytes(int(key[i : i + 2], 16) for i in range(0, 64, 2)) if key else None
        self.recorder = Recorder(front_end, self.capture, self.store, self.device_id, "sim", urandom, key, config["encrypt_card"])
        kept = Kept(config["calibration"]) if config["calibration"] else None
        self.recorder.calibration = Calibration(kept, self.device_id, key)
        supply = self.recorder.supply = self._supply if config["battery_mv"] else None
        watchdog = None
        if config["watchdog_ms"] and config["clock"] == "virtual":
            watchdog = VirtualWatchdog(self.ticks, config["watchdog_ms"])
        # A board collects after each block; over a big heap that would cost more than all the rest.
        collect = gc.collect if gc.mem_free() < MAX_COLLECTED else None
        stop_mv = config["battery_stop_mv"]
        self._make_app = lambda: App(self.recorder, supply=supply, collect=collect, watchdog=watchdog, battery_stop_mv=stop_mv)
        self.app = self._make_app()

    def _supply(self):
        config = self.config
        fallen_mv = config["battery_fall_mv_per_hour"] * self.capture.produced // (3600 * config["rate_hz"])
        return config["battery_mv"] - fallen_mv, c.TEMPERATURE_UNKNOWN

    def _store(self):
        config = self.config
        new = config["format"] or not exists(config["card"])
        self.card = self.open_card(new)
        device = self._device()
        if new:
            check_size(device)
            format_card(self.card, serial=int.from_bytes(os.urandom(4), "little"))
        store = open_store(device, self.device_id, self.ticks)
        if store is None:
            # Thousands of single sectors of FAT: over bare blocks, for the sake of the hundreds of cards that tests make.
            ring_bytes = int(config["ring_mib"] * (1 << 20))
            make_ring(self.card, self.device_id, os.urandom(8), config["slot_bytes"], self.ticks, ring_bytes)
            store = open_store(device, self.device_id, self.ticks)
        else:
            finish_erase(store)
        store.recover()
        self.card.wraps_at = config["card_real_mib"] * 2048
        self.card.write_ms = config["card_write_ms"]
        self.card.set_faults(config["card_faults"])
        if config["cut_after_writes"] is not None:
            self.card.cut(config["cut_after_writes"], config["torn_sectors"])
        if config["sd_faults"]:
            Faults(self.sd, config["sd_faults"])
        return store

    def open_card(self, new):
        """Return the card; one with faults of its own may stand here."""
        return VirtualCard(self.config["card"], self.config["card_mib"] * 2048 if new else 0, self.ticks)

    def _device(self):
        """The card as the store sees it: through the driver and its wires, or as bare blocks."""
        config = self.config
        self.sd = None
        if config["card_bus"] == "block" and not config["sd_faults"]:
            return self.card
        if config["card_bus"] != "spi":
            raise SettingError("card_bus %r: spi, or block where there are no sd_faults" % (config["card_bus"],))
        self.sd = VirtualSd(self.card, self.ticks, config["card_kind"], claims=config["card_claims_mib"] * 2048, wraps=True)
        self.sd.present = config["card_present"]
        pass_us = self.ticks.sleep_us if config["clock"] == "virtual" else None
        device = SdCard(VirtualSdSpi(self.sd, pass_us), VirtualSdPin(self.sd), self.ticks)
        device.begin()
        return device

    def _schedule(self):
        config = self.config
        schedule = []
        for frame in config["marks"]:
            schedule.append((frame, self._button, (True,)))
            schedule.append((frame + config["rate_hz"] // 5, self._button, (False,)))
        for frame, text in config["remote_marks"]:
            schedule.append((frame, self._mark, (text,)))
        for frame, electrodes in config["lead_off"]:
            schedule.append((frame, self._electrodes, (electrodes,)))
        for frame, count in config["slips"]:
            schedule.append((frame, self._slip, (count,)))
        if config["register_loss_at"] is not None:
            schedule.append((config["register_loss_at"], self._lose_registers, ()))
        for frame, utc_us, uncertainty_ms in config["set_times"]:
            schedule.append((frame, self._tell_time, (utc_us, uncertainty_ms)))
        if config["utc_us"] is not None and config["set_time_at"] is not None:
            schedule.append((config["set_time_at"], self._set_time, ()))
        return schedule

    def _button(self, pressed):
        self.capture.latch(pressed)

    def _mark(self, text):
        self.recorder.session.mark(text)

    def _electrodes(self, off):
        self.chip.electrodes_off = off

    def _slip(self, count):
        self.chip.slip_frames = count

    def _lose_registers(self):
        """The converter's supply dips: the lead-off registers are as after a reset; the rest is left, so that the signal can be told."""
        for name in ("LOFF", "CONFIG4", "LOFF_SENSP"):
            self.chip.registers[m.ADDRESS[name]] = 0

    def _set_time(self):
        utc_us = self.config["utc_us"] + self.capture.produced * 1000000 // self.config["rate_hz"]
        self.recorder.session.set_time(utc_us, self.config["utc_uncertainty_ms"])

    def _tell_time(self, utc_us, uncertainty_ms):
        self.recorder.session.set_time(utc_us, uncertainty_ms)

    def run(self):
        """Record until the frames are over; report done."""
        config = self.config
        signal = Signal(config["rate_hz"], config["gain"], config["shift"], config["source"])
        anchor = None
        if config["utc_us"] is not None and config["set_time_at"] is None:
            anchor = (config["utc_us"], config["utc_uncertainty_ms"])
        reason = start_reason(self.store.head, config["reset_cause"] == "watchdog")
        notes = list(config["notes"].items())
        self.recorder.start(signal, config["codec"], reason, anchor, notes, config["test_first_frame"])
        asyncio.run(self._main())
        if self.app.stop_reason == c.STOP_REASON_CARD:
            raise CardError("the card refused %d blocks in a row: the session was stopped" % CARD_FAILURES, "card_write")
        self.report({"event": "done", "status": self.status()})

    def serve(self):
        """Be a recorder on a cable until the host is gone; report done."""
        serve = VirtualBench(self.config, self.recorder, self._make_app, self.ticks, self.report)
        serve.run()
        status = self.status()
        status.update(serve.status())
        self.report({"event": "done", "status": status})

    async def _main(self):
        beside = [asyncio.create_task(self._progress())]
        if self.config["heap_every_s"]:
            beside.append(asyncio.create_task(self._watch_heap(self.config["heap_every_s"])))
        try:
            await self.app.run()
        finally:
            for task in beside:
                task.cancel()

    async def _watch_heap(self, every_s):
        """Report what is in use after a collection: after the first minute, then every so often."""
        wait_s = 60
        while True:
            await asyncio.sleep_ms(wait_s * 1000)
            gc.collect()
            self.report({"event": "heap", "frame": self.capture.produced, "used": gc.mem_alloc()})
            wait_s = every_s

    async def _progress(self):
        """Twice a second of real time, at most once a virtual second."""
        last = time.ticks_ms()
        step_ms = 1000 if self.config["clock"] == "virtual" else PROGRESS_MS
        while True:
            await asyncio.sleep_ms(step_ms)
            now = time.ticks_ms()
            if time.ticks_diff(now, last) >= PROGRESS_MS:
                last = now
                self.report({"event": "progress", "frame": self.capture.produced, "of": self.config["frames"]})

    def status(self):
        """Return what is known of the run."""
        status = self.recorder.status() if self.recorder else {}
        if self.recorder and self.recorder.session:
            status["frames_played"] = self.capture.produced
            status["frames_recorded"] = self.recorder.session.frame() - self.config["test_first_frame"] - self.recorder.session.lost
        status["long_stalls"] = self._long_stalls()
        status["ring_search_reads"] = self.store.search_reads
        status["resumed"] = not self.store.head.clean
        status["card_writes"] = self.card.writes
        status["card_sectors_written"] = self.card.sectors_written
        status["spi_violations"] = self.chip.violations
        status["sd_violations"] = self.sd.violations if self.sd else {}
        gc.collect()
        status["heap_used"] = gc.mem_alloc()
        status["heap_free"] = gc.mem_free()
        return status

    def _long_stalls(self):
        """[write, frames played before, frames played when it was over] of each write that took a second and more."""
        frames_at = self.capture.frames_at
        return [[write, frames_at(began), frames_at(ended)] for write, began, ended in self.card.long_stalls()]

    def close(self):
        """Close the files."""
        if self.tap:
            self.tap.close()
        if self.recorder:
            self.card.close()


def _hex8(text, name):
    try:
        value = bytes(int(text[i : i + 2], 16) for i in range(0, 16, 2))
    except ValueError:
        value = b""
    if len(text) != 16 or len(value) != 8:
        raise SettingError("%s %r: 16 hexadecimal digits" % (name, text))
    return value
