# SPDX-License-Identifier: Apache-2.0
"""What the steps of a self-test share: the recorder, the hands, the limits, and the trial that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..limits import Limits, Trial
from ..limits.trial import failed, judge, not_run
from ..link import Recorder
from .hands import Hands
from .session import ClockReading


@dataclass
class Desk:
    """A recorder under test.

    Attributes:
        speed: seconds of the recorder in one of ours; 1 for everything real.
        box: what its SELF_TEST answered.
        slips: frames missing in what was recorded, by recording.
        clock: readings of one session.
        say: told what goes on.
    """

    recorder: Recorder
    hands: Hands
    limits: Limits
    trial: Trial
    folder: Path
    speed: float
    say: Callable[[str], None]
    key: bytes | None = None
    box: dict[str, Any] = field(default_factory=dict)
    slips: dict[str, float] = field(default_factory=dict)
    clock: list[ClockReading] = field(default_factory=list)

    def judge(self, key: str, values: float | Mapping[str, float], words: str = "", uncertainty: float | None = None) -> None:
        """Add the line of a measured limit."""
        self.trial.add(judge(self.limits[key], values, uncertainty=uncertainty, words=words))

    def fail(self, words: str, *keys: str) -> None:
        """Add lines of what failed by itself."""
        for key in keys:
            self.trial.add(failed(self.limits[key], words))

    def leave(self, reason: str, *keys: str) -> None:
        """Add lines of what was not run, and why."""
        for key in keys:
            self.trial.add(not_run(self.limits[key], reason))
