# SPDX-License-Identifier: Apache-2.0
"""Hands at the recorder: they join and lift its electrodes and press its button. A person's, the simulator's, or nobody's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

ALL_ELECTRODES = 0x1FF
"""RA, LA, LL, V1 to V6, a bit each."""
_PRESS_S = 0.3


class Declined(Exception):
    """This cannot, or shall not, be done; the words say why."""


class Hands(Protocol):
    """What has to be done by hand. Each returns when it is done, or raises Declined."""

    async def join(self) -> None:
        """All electrodes are joined to each other."""

    async def lift(self) -> None:
        """All electrodes hang free."""

    async def press(self) -> None:
        """The patient's button is pressed and let go, now or within the seconds that follow."""


class NoHands:
    """Nobody is there."""

    _WORDS = "nobody is there to do it: run it guided, at the desk"

    async def join(self) -> None:
        """Not done."""
        raise Declined(self._WORDS)

    async def lift(self) -> None:
        """Not done."""
        raise Declined(self._WORDS)

    async def press(self) -> None:
        """Not done."""
        raise Declined(self._WORDS)


class PromptHands:
    """A person. `ask(words)` shows what to do and returns what was answered: nothing for done, "s" to leave it out."""

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask

    async def _do(self, words: str) -> None:
        answer = await asyncio.to_thread(self._ask, words)
        if answer.strip().lower().startswith("s"):
            raise Declined("left out by the person at the desk")

    async def join(self) -> None:
        """By clips on one wire."""
        await self._do("Join all electrodes, RL among them: clip them to one bare wire")

    async def lift(self) -> None:
        """Off the wire."""
        await self._do("Take all electrodes off the wire; let them touch nothing")

    async def press(self) -> None:
        """Once the prompt is answered."""
        await self._do("Ready? Then press the patient's button once, shortly")


class FileHands:
    """The simulator's: lines in its `bench_file` (firmware/boards/sim/virtual_hand.py). `speed` as that of its clock."""

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        self._path = path
        self._speed = speed

    def _tell(self, **what: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    async def join(self) -> None:
        """No electrode is off."""
        self._tell(electrodes_off=0)

    async def lift(self) -> None:
        """All are."""
        self._tell(electrodes_off=ALL_ELECTRODES)

    async def press(self) -> None:
        """Down and up."""
        self._tell(button=True)
        await asyncio.sleep(_PRESS_S / self._speed + 0.05)
        self._tell(button=False)
