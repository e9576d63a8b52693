# SPDX-License-Identifier: Apache-2.0
"""The simulator as a bench: a recorder in a process of its own, killed where power is cut, and a hand at its electrodes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from hil_tests.bench import BUTTON, ELECTRODE, POWER, SIGNAL, Bench, mask_of
from octolead.link.bench import SimulatorBench
from octolead.simulator import write_input

DEVICE_ID = "0123456789abcdef"
_LOOP_S = 20


class SimBench(Bench):
    """A simulated recorder with the key `key`, with a radio where `air`; `config` adds to its configuration."""

    name = "simulator"
    can = frozenset((POWER, ELECTRODE, BUTTON, SIGNAL))
    lag_s = 0.11  # frames are made when the app polls, every 100 ms

    def __init__(self, key: bytes, speed: float = 8.0, *, air: bool = False, **config: object) -> None:
        self._air = air
        self._folder = tempfile.TemporaryDirectory(prefix="octolead-hil-")
        folder = Path(self._folder.name)
        self.speed = speed
        self._hand = folder / "hand"
        self._lifted: set[str] = set()
        self._n_inputs = 0
        self._config = {
            "card": str(folder / "card.img"),
            "card_mib": 64,
            "device_id": DEVICE_ID,
            "link_key": key.hex(),
            "link_counter": str(folder / "wrong"),
            "bench_file": str(self._hand),
            "speed": speed,
            **config,
        }
        self._bench: SimulatorBench | None = None
        self.power(True)

    def plug(self) -> str:
        """Plug the cable in: a pseudo-terminal."""
        if self._bench is None:
            raise RuntimeError("the power is off")
        return self._bench.plug()

    def power(self, on: bool) -> None:
        """Start the process, or kill it in the middle of whatever it does."""
        if self._bench is not None:
            self._bench.process.kill()
            self._bench.close()
            self._bench = None
        if on:
            self._hand.write_text("")
            self._tell(electrodes_off=mask_of(self._lifted))
            self._bench = self._switched_on()

    def _switched_on(self) -> SimulatorBench:
        if not self._air:
            return SimulatorBench(self._config)
        from octolead.link.air.bench import RadioBench

        bench = RadioBench(self._config)
        self.adapter = bench.adapter
        return bench

    def _tell(self, **what: object) -> None:
        with self._hand.open("a") as file:
            file.write(json.dumps(what) + "\n")

    def electrode(self, name: str, off: bool) -> None:
        """Its lead-off bit."""
        self._lifted = self._lifted | {name} if off else self._lifted - {name}
        self._tell(electrodes_off=mask_of(self._lifted))

    def button(self, pressed: bool) -> None:
        """Its pin."""
        self._tell(button=pressed)

    def sine(self, amplitude_uv: float, frequency_hz: float, rate_hz: int) -> None:
        """What the virtual converter sees from the next START on."""
        if not amplitude_uv:
            self._tell(input=None)
            return
        self._n_inputs += 1
        path = Path(self._folder.name) / f"sine{self._n_inputs}.olnv"
        wave = np.sin(2 * np.pi * frequency_hz * np.arange(rate_hz * _LOOP_S) / rate_hz)
        scale = np.array([1, 1, *[1 / 3] * 6]) * amplitude_uv * 1000
        write_input(path, np.round(wave[:, None] * scale).astype(np.int32), rate_hz)
        self._tell(input=str(path))

    def close(self) -> None:
        """End the process; raises where it did not end as it should."""
        try:
            if self._bench is not None:
                self._bench.end()
        finally:
            if self._bench is not None:
                self._bench.close()
            self._folder.cleanup()
