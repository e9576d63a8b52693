# SPDX-License-Identifier: Apache-2.0
"""What stands on the bench beside the recorder: a reference, and somebody or something that connects and sets it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from ..calibration import LEADS

_ELECTRODE = {"I": "LA", "II": "LL"}


@dataclass(frozen=True)
class Wiring:
    """How the electrodes are connected.

    Attributes:
        name: short.
        plus: electrodes at the reference's output; all others lie at its ground.
        weights: what part of the reference each lead sees, in the order of `LEADS`.
    """

    name: str
    plus: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    def driven(self) -> tuple[int, ...]:
        """The leads that see all of it."""
        return tuple(k for k, weight in enumerate(self.weights) if weight == 1)

    @property
    def words(self) -> str:
        """What to do."""
        return f"connect {', '.join(self.plus)} to the reference's output, all other electrodes and RL to its ground"


def _wired(name: str, *plus: str) -> Wiring:
    la, ll = float("LA" in plus), float("LL" in plus)
    wilson = (la + ll) / 3  # RA stays at ground
    return Wiring(name, plus, (la, ll, *(float(lead in plus) - wilson for lead in LEADS[2:])))


CHEST = _wired("chest", *LEADS[2:])
LIMB = _wired("limb", "LA", "LL")
TOGETHER = _wired("together", "LA", "LL", *LEADS[2:])
ALONE = tuple(_wired(f"{lead} alone", _ELECTRODE.get(lead, lead)) for lead in LEADS)


@dataclass(frozen=True)
class Stimulus:
    """What the reference is set to: `amplitude_uv` is half of peak to peak."""

    shape: str
    frequency_hz: float
    amplitude_uv: float
    offset_mv: float = 0.0

    @property
    def words(self) -> str:
        """What to set."""
        offset = f", with {self.offset_mv:+g} mV DC" if self.offset_mv else ""
        return f"{self.shape}, {2 * self.amplitude_uv / 1000:g} mV peak to peak, {self.frequency_hz:g} Hz{offset}"


@dataclass(frozen=True)
class Reference:
    """An external reference and what its certificate says of it.

    Attributes:
        name: maker, number, certificate: stands on the certificate of the recorder.
        shape: ``sine`` or ``square``, for the gain.
        amplitude_uv, frequency_hz: of the gain measurement; half of peak to peak.
        amplitude_tolerance: ± part of the amplitude at the electrodes, divider included.
        flatness: ± part by which other frequencies may differ.
        frequency_tolerance_ppm: of its clock.
        can_offset: it can add ±300 mV.
    """

    name: str
    shape: str = "sine"
    amplitude_uv: float = 500.0
    frequency_hz: float = 1.0
    amplitude_tolerance: float = 0.0005
    flatness: float = 0.001
    frequency_tolerance_ppm: float = 5.0
    can_offset: bool = True

    def __post_init__(self) -> None:
        if self.shape not in ("sine", "square") or not 0.1 <= self.frequency_hz <= 40 or not 50 <= self.amplitude_uv <= 5000:
            raise ValueError(f"reference: sine or square, 0.1 to 40 Hz, 0.1 to 10 mV peak to peak; got {self}")
        if self.shape == "square" and self.frequency_hz > 4:
            raise ValueError(f"reference: a square wave of 4 Hz at most, got {self.frequency_hz:g} Hz")

    @property
    def has_sine(self) -> bool:
        """Whether it gives other frequencies; a calibrator's square wave does not."""
        return self.shape == "sine"

    def stimulus(self, *, offset_mv: float = 0.0) -> Stimulus:
        """For the gain."""
        return Stimulus(self.shape, self.frequency_hz, self.amplitude_uv, offset_mv)

    def sine(self, frequency_hz: float) -> Stimulus:
        """For bandwidth, crosstalk and skew."""
        return Stimulus("sine", frequency_hz, self.amplitude_uv)


class Bench(ABC):
    """Connects and sets the reference."""

    @abstractmethod
    async def set(self, wiring: Wiring, stimulus: Stimulus) -> None:
        """Return when the reference is connected and set so."""


@dataclass
class SimulatedBench(Bench):
    """The generator of the simulator (firmware/boards/sim/virtual_generator.py), told by lines added to the simulator's `bench_file`.

    Attributes:
        amplitude, frequency: part by which it is really off, for tests.
        told: what was set, in order.
    """

    path: Path
    amplitude: float = 0.0
    frequency: float = 0.0
    told: list[tuple[Wiring, Stimulus]] = field(default_factory=list)

    async def set(self, wiring: Wiring, stimulus: Stimulus) -> None:
        """Tell the simulator, which looks every 20 ms; a session starts later than that, for its front end is powered first."""
        self.told.append((wiring, stimulus))
        generator = {
            "shape": stimulus.shape,
            "amplitude_nv": stimulus.amplitude_uv * 1000 * (1 + self.amplitude),
            "frequency_hz": stimulus.frequency_hz * (1 + self.frequency),
            "offset_nv": stimulus.offset_mv * 1e6,
            "weights": list(wiring.weights),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"generator": generator}) + "\n")
