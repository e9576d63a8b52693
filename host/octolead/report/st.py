# SPDX-License-Identifier: Apache-2.0
"""ST levels over time, and stretches in which a lead's level is away from where it usually is.

A level is the median over a minute of ST 60 ms after QRS end, normal beats only. A shift is 100 µV and more from the lead's median level of
the whole recording, for a minute and more, apart from the next one by a minute and more: the customary rule of ambulatory ECG
(ACC/AHA 1999, doi:10.1161/01.CIR.100.8.886). Posture, a changed axis and a changed QRS move ST too: it is a measurement.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analysis import Analysis
from ..paper.surface import runs

SHIFT_UV: Final = 100.0
MINUTE_S: Final = 60.0
_LEAST_BEATS: Final = 10
_APART: Final = 1


@dataclass(frozen=True)
class Shift:
    """A stretch away from the usual level: frames, lead, the level farthest off and the usual one in µV."""

    lead: str
    start_frame: int
    stop_frame: int
    extreme_uv: float
    usual_uv: float

    @property
    def change_uv(self) -> float:
        """From the usual level."""
        return self.extreme_uv - self.usual_uv


def levels_uv(analysis: Analysis) -> npt.NDArray[np.float64]:
    """Return the level of each minute and lead, shape (minutes, leads); NaN where fewer than ten normal beats were measured."""
    step = MINUTE_S * analysis.fs_hz
    n_minutes = int(np.ceil(analysis.n_frames / step)) if analysis.n_frames else 0
    out = np.full((n_minutes, len(analysis.leads)), np.nan)
    normal = analysis.symbol == "N"
    frame, st = analysis.frame[normal], np.asarray(analysis.found.waves["st_j60_uv"][normal][:, : len(analysis.leads)], np.float64)
    edges = np.searchsorted(frame, np.arange(n_minutes + 1) * step)
    for minute, (first, after) in enumerate(itertools.pairwise(edges)):
        part = st[first:after]
        for lead in np.flatnonzero(np.isfinite(part).sum(axis=0) >= _LEAST_BEATS):
            out[minute, lead] = np.nanmedian(part[:, lead])
    return out


def shifts(analysis: Analysis, levels: npt.NDArray[np.float64]) -> list[Shift]:
    """Return all shifts, by start."""
    found = []
    step = MINUTE_S * analysis.fs_hz
    for k, lead in enumerate(analysis.leads):
        column = levels[:, k]
        if np.isfinite(column).sum() < 3:
            continue
        usual = float(np.nanmedian(column))
        for sign in (1, -1):
            away = np.nan_to_num(sign * (column - usual), nan=-np.inf) >= SHIFT_UV
            for first, after in _joined(runs(away)):
                extreme = float(sign * np.nanmax(sign * column[first:after]))
                found.append(Shift(lead, int(first * step), int(min(after * step, analysis.n_frames)), extreme, usual))
    return sorted(found, key=lambda s: (s.start_frame, s.lead))


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches less than a whole minute apart are one."""
    out: list[tuple[int, int]] = []
    for first, after in stretches:
        if out and first - out[-1][1] < _APART:
            out[-1] = out[-1][0], after
        else:
            out.append((first, after))
    return out
