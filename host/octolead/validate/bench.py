# SPDX-License-Identifier: Apache-2.0
"""What the steps of a validation share: recorder, stimulus, limits, the trial that grows, and the decoder's own filters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..limits import Limits, Trial
from ..limits.trial import judge, not_run
from ..link import Recorder
from ..recording import Recording
from ..selftest.session import record
from ..view.signals import Filters, filtered
from .stimulus import Floats, Signal, Stimulus

RAW = Filters()
MONITOR = Filters(baseline_hz=0.05)
MONITOR_150 = Filters(baseline_hz=0.05, low_pass_hz=150)
AMBULATORY = Filters(baseline_hz=0.67)
AMBULATORY_40 = Filters(baseline_hz=0.67, low_pass_hz=40)
ANALYSIS = Filters(baseline_hz=0.5)


@dataclass
class Bench:
    """A recorder under validation.

    Attributes:
        speed: seconds of the recorder in one of ours; 1 for everything real.
        rate_scale: how much faster than it says the recorder samples, as found by a known sine; 1 until then.
        dead: leads without signal: their gain fails, and nothing that is told beside a lead's own amplitude is told of them.
        lost: frames missing in what was recorded, by recording.
    """

    recorder: Recorder
    stimulus: Stimulus
    limits: Limits
    trial: Trial
    folder: Path
    speed: float
    rate_hz: int
    say: Callable[[str], None]
    key: bytes | None = None
    rate_scale: float = 1.0
    dead: set[str] = field(default_factory=set)
    lost: dict[str, float] = field(default_factory=dict)

    def judge(self, key: str, values: float | Mapping[str, float], words: str = "", uncertainty: float | None = None) -> None:
        """Add the line of a measured limit."""
        self.trial.add(judge(self.limits[key], values, uncertainty=uncertainty, words=words))

    def judge_live(self, key: str, values: Mapping[str, float], words: str = "") -> None:
        """The same of ratios, whose names begin with a lead's: those of dead leads are left out."""
        if self.dead:
            words = f"{words}{'; ' if words else ''}without {', '.join(sorted(self.dead))}, which shows no signal"
        self.judge(key, {name: value for name, value in values.items() if name.split()[0] not in self.dead}, words)

    def leave(self, reason: str, *keys: str) -> None:
        """Add lines of what was not run, and why."""
        for key in keys:
            self.trial.add(not_run(self.limits[key], reason))

    async def record(self, name: str, signal: Signal, seconds: float, during: Callable[[], Awaitable[None]] | None = None) -> Recording:
        """Put a signal on and record so much of it; the caller closes the recording.

        Raises:
            Declined: the signal cannot be had.
        """
        await self.stimulus.play(signal, self.rate_hz)
        self.say(f"{name}: {seconds:g} s")
        found = await record(
            self.recorder, self.folder, seconds, speed=self.speed, during=during, key=self.key, rate_hz=self.rate_hz, shift=2
        )
        self.lost[name] = float(sum(gap.stop_frame - gap.start_frame for gap in found.gaps))
        return found

    def seen(self, recording: Recording, from_s: float, to_s: float, chosen: Filters = RAW) -> Floats:
        """A stretch in µV as the viewer shows it, all stored leads, referred to what a signal for all leads is."""
        first, last = round(from_s * self.rate_hz), min(round(to_s * self.rate_hz), recording.n_frames)
        weights = np.array(self.stimulus.weights)
        return np.asarray(filtered(recording, first, last, recording.stored_leads, chosen) / weights, np.float64)

    def seen_hz(self, tones_hz: tuple[float, ...]) -> list[float]:
        """Where tones lie for a recorder whose clock is what it was found to be."""
        return [hz / self.rate_scale for hz in tones_hz]


def by_lead(recording: Recording, values: Floats) -> dict[str, float]:
    """Values of the stored leads by their names."""
    return dict(zip(recording.stored_leads, np.asarray(values, np.float64).tolist(), strict=True))
