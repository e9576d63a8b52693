# SPDX-License-Identifier: Apache-2.0
"""What is put on the electrodes: an input that the simulator plays, or a generator that a person sets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..selftest.hands import Declined
from ..simulator import N_INPUT_LEADS, write_input

Floats = npt.NDArray[np.float64]
ALL_AT_ONCE = tuple([1.0] * N_INPUT_LEADS)
AGAINST_RA = (1.0, 1.0, *[1 / 3] * 6)
"""What the leads see of a voltage between RA and all other electrodes: Wilson's terminal takes two thirds of it away."""


@dataclass(frozen=True)
class Signal:
    """Something to put on the electrodes.

    Attributes:
        words: what a person is to set.
        seconds: of one turn; it is played again and again.
        microvolt: seconds, shape (frames,) -> µV, shape (frames,) for all leads alike or (frames, 8) for each.
        needs_leads: each lead gets its own.
        needs_shape: no sine and no level, so not everyone's generator has it.
    """

    words: str
    seconds: float
    microvolt: Callable[[Floats], Floats]
    needs_leads: bool = False
    needs_shape: bool = False


class Stimulus(Protocol):
    """Whoever puts signals on the electrodes.

    Attributes:
        plays_all: several sines at once and any shape, from a frame that is known.
        weights: what each lead sees of a signal for all.
    """

    plays_all: bool
    weights: tuple[float, ...]

    async def play(self, signal: Signal, rate_hz: int) -> None:
        """Put it on, for the recording that begins next.

        Raises:
            Declined: it cannot, or shall not.
        """


class SimulatedStimulus:
    """The simulator's input, set by its bench file (firmware/boards/sim/virtual_hand.py)."""

    plays_all = True
    weights = ALL_AT_ONCE

    def __init__(self, hand: Path, folder: Path) -> None:
        self._hand = hand
        self._folder = folder
        self._n = 0

    async def play(self, signal: Signal, rate_hz: int) -> None:
        """Write it as an input file."""
        self._n += 1
        path = self._folder / f"stimulus{self._n}.olnv"
        write_input(path, nanovolt_of(signal, rate_hz), rate_hz)
        with self._hand.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"input": str(path)}) + "\n")
        await asyncio.sleep(0.1)  # the simulator looks every 20 ms


def nanovolt_of(signal: Signal, rate_hz: int) -> npt.NDArray[np.int32]:
    """One turn of a signal as the simulator plays it."""
    microvolt = np.asarray(signal.microvolt(np.arange(round(signal.seconds * rate_hz)) / rate_hz))
    if microvolt.ndim == 1:
        microvolt = np.repeat(microvolt[:, None], N_INPUT_LEADS, axis=1)
    return np.rint(microvolt * 1000).astype(np.int32)


class GuidedStimulus:
    """A person with a generator between RA and all other electrodes. `ask(words)`: "s" leaves it out."""

    plays_all = False
    weights = AGAINST_RA

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask

    async def play(self, signal: Signal, rate_hz: int) -> None:
        """Ask for it."""
        if signal.needs_leads:
            raise Declined("needs a source for each lead by itself: only the simulator has it")
        if signal.needs_shape:
            raise Declined("needs a generator of arbitrary waveforms that begins with the recording: only the simulator is asked for it")
        if (await asyncio.to_thread(self._ask, signal.words)).strip().lower().startswith("s"):
            raise Declined("left out by the person at the bench")
