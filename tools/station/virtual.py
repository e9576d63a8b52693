# SPDX-License-Identifier: Apache-2.0
"""A virtual board in its place: real MicroPython behind a prompt over an image of its flash; as a recorder, the simulator.

The simulator gets the identity that lies in that flash: a key that was not written, or not right, opens no session.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from octolead import calibrate
from octolead.flash import Board, Release, install
from octolead.flash.virtual import VirtualBoard
from octolead.keys import KeyStore
from octolead.link.bench import SimulatorBench
from octolead.provision import provision

from .faults import Fault

SOUND = {"card_mib": 4608, "card_bus": "block", "ring_frames": 65536, "battery_mv": 3950}
"""A card for ninety hours, and a battery."""
NOISE = {"noise_nv": 700}
SPEEDS = {"selftest": 4.0, "calibrate": 20.0}
_AT_ONCE = threading.Semaphore(2)
"""Simulators in real time: more of them than cores, and they lose frames as no board does."""
REFERENCE = calibrate.Reference("virtual generator", amplitude_tolerance=2e-4)
PLAN = calibrate.Plan(noise_s=20, test_s=9.5, gain_s=10, again_s=6.5, skew_s=2, step_s=1, frequencies_hz=(40.0,), with_offsets=False)


class VirtualBench:
    """`golden` is a flash with the release on it, for boards that are not bare; `attempts(serial, step)` counts those that were made."""

    def __init__(self, number: int, folder: Path, fault: Fault | None, golden: Path, attempts: Callable[[str, str], int]) -> None:
        self.serial = f"{0xB0A2D00000000000 + number:016x}"
        self.place = f"tray {number + 1:03d}"
        self.fault = fault
        self._folder = folder / self.serial
        self._folder.mkdir(parents=True, exist_ok=True)
        self._image = self._folder / "flash.img"
        self._hand = self._folder / "hand.jsonl"
        self._attempts = attempts
        if fault and fault.before and not self._image.exists():
            shutil.copy(golden, self._image)

    def foreign(self, store: KeyStore) -> None:
        """Somebody else has provisioned this board."""
        with (
            VirtualBoard(self._image, unique_id=bytes.fromhex(self.serial), held=True, serves=True) as virtual,
            Board(virtual.port) as board,
        ):
            provision(board, store)

    def _how(self, step: str) -> dict[str, Any]:
        fault = self.fault
        if fault is None or (fault.once and self._attempts(self.serial, step)):
            return {}
        return dict(fault.how.get(step, {}))

    @contextmanager
    def prompt(self, step: str) -> Iterator[Board]:
        """Plug the board in with its button held, as an operator would."""
        how = {"held": True, "serves": True, **self._how(step)}
        if how.pop("absent", False):
            with Board(str(self._folder / "ttyACM0")) as board:
                yield board
        with VirtualBoard(self._image, unique_id=bytes.fromhex(self.serial), **how) as virtual, Board(virtual.port) as board:
            yield board

    @contextmanager
    def cable(self, step: str) -> Iterator[str]:
        """Let the recorder run with the identity that lies in its flash."""
        with VirtualBoard(self._image, unique_id=bytes.fromhex(self.serial), held=True) as virtual, Board(virtual.port) as board:
            for name in ("identity.0", "identity.1"):
                (self._folder / name).write_bytes(board.read("/settings/" + name) or b"")
        card = self._folder / "card.img"
        self._hand.write_text("")
        card.unlink(missing_ok=True)  # one that a start which was broken off left half formatted
        own = {"card": str(card), "identity": str(self._folder), "device_id": self.serial, "bench_file": str(self._hand)}
        front_end = {"seed": int(self.serial[-8:], 16), **NOISE, **self._front_end}
        with _AT_ONCE, SimulatorBench({**SOUND, **own, "speed": SPEEDS[step], "front_end": front_end, **self._how(step)}) as bench:
            yield bench.plug()
        card.unlink(missing_ok=True)

    @property
    def speed(self) -> float:
        """Of the self-test's simulator."""
        return SPEEDS["selftest"]

    @property
    def _front_end(self) -> dict[str, Any]:
        """An amplifier is what it is in every step."""
        return dict(self.fault.front_end) if self.fault else {}

    def reference(self, step: str) -> tuple[calibrate.Bench, calibrate.Reference, calibrate.Plan]:
        """The simulator's generator, which a fault may have set wrongly."""
        off = self.fault.generator if self.fault else {}
        return calibrate.SimulatedBench(self._hand, off.get("amplitude", 0.0), off.get("frequency", 0.0)), REFERENCE, PLAN


def golden_flash(folder: Path, release: Release) -> Path:
    """A flash with the release on it."""
    image = folder / "golden.img"
    if not image.exists():
        with VirtualBoard(image) as virtual:
            with Board(virtual.port) as board:
                install(board, release)
            board.reopen()
            board.close()
    return image
