# SPDX-License-Identifier: Apache-2.0
"""How good the signal was: per lead, as shares of the recorded time; missing time by cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..native.qrs import QUALITY_FLAGS
from .source import Source

_BITS: Final = {name: bit for bit, name in QUALITY_FLAGS.items()}
STATES: Final = ("good", "noisy", "unusable", "electrode off")


@dataclass(frozen=True)
class LeadQuality:
    """Of one lead: percent of the recorded seconds that are usable, noisy, with mains, at the converter's limit, without electrode."""

    lead: str
    usable_percent: float
    noisy_percent: float
    mains_percent: float
    limit_percent: float
    off_percent: float


def of_leads(source: Source) -> list[LeadQuality]:
    """Return the quality of each stored lead; empty if nothing was recorded."""
    seconds = source.analysis.found.seconds
    if not len(seconds):
        return []
    return [_of_lead(lead, seconds["flags"][:, k]) for k, lead in enumerate(source.signal.leads)]


def _of_lead(lead: str, flags: npt.NDArray[Any]) -> LeadQuality:
    def share(name: str) -> float:
        return float(100.0 * np.mean(flags & _BITS[name] != 0))

    return LeadQuality(lead, 100.0 - share("unusable"), share("noise"), share("mains"), share("saturated"), share("lead off"))


def states(source: Source, n_columns: int) -> npt.NDArray[np.int8]:
    """Return what prevails in each of `n_columns` equal parts, shape (columns, leads): index of `STATES`, -1 not recorded."""
    seconds = source.analysis.found.seconds
    out = np.full((n_columns, len(source.signal.leads)), -1, np.int8)
    if not len(seconds) or not source.n_frames:
        return out
    column = np.minimum(seconds["first_frame"] * n_columns // source.n_frames, n_columns - 1).astype(np.int64)
    for k in range(out.shape[1]):
        flags = seconds["flags"][:, k]
        state = np.zeros(len(flags), np.int64)
        state[flags & (_BITS["noise"] | _BITS["saturated"]) != 0] = 1
        state[flags & (_BITS["unusable"] | _BITS["flat"]) != 0] = 2
        state[flags & _BITS["lead off"] != 0] = 3
        counts = np.zeros((n_columns, len(STATES)), np.int64)
        np.add.at(counts, (column, state), 1)
        out[:, k] = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    return out


def missing_by_cause(source: Source) -> list[tuple[str, int, float]]:
    """Return (cause, how many gaps, seconds missing in all), the longest first."""
    gaps = (
        [(g.cause, g.n_frames) for g in source.recording.gaps]
        if source.recording
        else [("not in the record", b - a) for a, b in source.signal.gaps]
    )
    totals: dict[str, tuple[int, float]] = {}
    for cause, n_frames in gaps:
        n, seconds = totals.get(cause, (0, 0.0))
        totals[cause] = n + 1, seconds + n_frames / source.fs_hz
    return sorted(((cause, n, seconds) for cause, (n, seconds) in totals.items()), key=lambda row: -row[2])


def electrodes_off(source: Source) -> list[tuple[str, int, float]]:
    """Return (electrode, how many times it was off, seconds in all)."""
    totals: dict[str, tuple[int, float]] = {}
    for span in source.recording.lead_off if source.recording else []:
        n, seconds = totals.get(span.name, (0, 0.0))
        totals[span.name] = n + 1, seconds + (span.stop_frame - span.start_frame) / source.fs_hz
    return [(name, n, seconds) for name, (n, seconds) in totals.items()]
