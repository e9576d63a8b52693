# SPDX-License-Identifier: Apache-2.0
"""A place in the tray: how its board is reached, at MicroPython's prompt and as a recorder on its cable."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from octolead import calibrate
from octolead.flash import Board

_START_S, _BOOT_S = 20, 2


class Bench(Protocol):
    """A board in its place.

    Attributes:
        serial: what tells the board from all others before it has an id: its USB serial number, the chip's own.
        place: where it is plugged in.
    """

    serial: str
    place: str

    @property
    def speed(self) -> float:
        """Seconds of the recorder in one of ours; 1 for everything real."""

    def prompt(self, step: str) -> AbstractContextManager[Board]:
        """The board at its prompt, for this step. Raises FlashError."""

    def cable(self, step: str) -> AbstractContextManager[str]:
        """The port of the recorder that runs, for this step."""

    def reference(self, step: str) -> tuple[calibrate.Bench | None, calibrate.Reference | None, calibrate.Plan]:
        """What stands at the place to calibrate against, None twice for nothing, and for how long."""


class PortBench:
    """A board on a serial port. It stays at its prompt from `flash` to `provision`, and runs from then on; nobody has to press anything."""

    speed = 1.0

    def __init__(self, serial: str, place: str) -> None:
        self.serial, self.place = serial, place

    @contextmanager
    def prompt(self, step: str) -> Iterator[Board]:
        """Open the prompt."""
        with Board(self.place) as board:
            yield board

    @contextmanager
    def cable(self, step: str) -> Iterator[str]:
        """The same port, when the board has started."""
        for _ in range(_START_S):
            if Path(self.place).exists() or os.name != "posix":
                break
            time.sleep(1)
        time.sleep(_BOOT_S)
        yield self.place

    def reference(self, step: str) -> tuple[None, None, calibrate.Plan]:
        """None: a tray has no generator; `octolead calibrate` does one board against one."""
        return None, None, calibrate.FULL
