# SPDX-License-Identifier: Apache-2.0
"""Numbers over the whole recording, in bins of equal length: rate, ectopic beats, ST, QTc."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analysis import Analysis
from ..analysis.episodes import rates_bpm

_STEPS_S: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MAX_BINS: Final = 300
_LEAST: Final = 3

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trends:
    """One number a bin, NaN where there is none.

    Attributes:
        step_s: length of a bin.
        rate: shape (bins, 3): least, mean and greatest rate over 8 intervals, a minute.
        qtc_ms: median after Fridericia, normal beats.
        st_uv: shape (bins, leads): median ST 60 ms after QRS end, normal beats.
        n_ventricular, n_supraventricular: beats a bin, of `count_step_s` each.
        count_step_s: length of these bins.
    """

    step_s: float
    rate: Numbers
    qtc_ms: Numbers
    st_uv: Numbers
    n_ventricular: Numbers
    n_supraventricular: Numbers
    count_step_s: float


def step_for(duration_s: float, most: int = _MAX_BINS) -> float:
    """Return a round length of bins, so that there are at most `most`."""
    return float(next((s for s in _STEPS_S if duration_s / s <= most), -(-duration_s // most)))


def trends(analysis: Analysis) -> Trends:
    """Make all of them."""
    duration = analysis.n_frames / analysis.fs_hz
    step, count_step = step_for(duration), step_for(duration, 100)
    frame, normal = analysis.frame, analysis.symbol == "N"
    waves = analysis.found.waves
    st = waves["st_j60_uv"][:, : len(analysis.leads)]
    return Trends(
        step,
        _rates(frame, analysis.rr_s, step * analysis.fs_hz, analysis.n_frames),
        _medians(frame[normal], waves["qtc_fridericia_ms"][normal][:, None], step * analysis.fs_hz, analysis.n_frames)[:, 0],
        _medians(frame[normal], st[normal], step * analysis.fs_hz, analysis.n_frames),
        _counts(frame[analysis.symbol == "V"], count_step * analysis.fs_hz, analysis.n_frames),
        _counts(frame[analysis.symbol == "S"], count_step * analysis.fs_hz, analysis.n_frames),
        count_step,
    )


def _edges(frame: npt.NDArray[np.int64], step: float, n_frames: int) -> npt.NDArray[np.intp]:
    n_bins = int(np.ceil(n_frames / step)) if n_frames else 0
    return np.searchsorted(frame, np.arange(n_bins + 1) * step)


def _rates(frame: npt.NDArray[np.int64], rr_s: Numbers, step: float, n_frames: int) -> Numbers:
    edges, rate = _edges(frame, step, n_frames), rates_bpm(rr_s)
    out = np.full((max(0, len(edges) - 1), 3), np.nan)
    for k, (first, after) in enumerate(itertools.pairwise(edges)):
        known = rate[first:after][np.isfinite(rate[first:after])]
        if len(known):
            out[k] = known.min(), known.mean(), known.max()
    return out


def _medians(frame: npt.NDArray[np.int64], values: npt.NDArray[np.float32], step: float, n_frames: int) -> Numbers:
    edges = _edges(frame, step, n_frames)
    out = np.full((max(0, len(edges) - 1), values.shape[1]), np.nan)
    for k, (first, after) in enumerate(itertools.pairwise(edges)):
        part = values[first:after]
        enough = np.isfinite(part).sum(axis=0) >= _LEAST
        if enough.any():
            out[k, enough] = np.nanmedian(part[:, enough], axis=0)
    return out


def _counts(frame: npt.NDArray[np.int64], step: float, n_frames: int) -> Numbers:
    return np.diff(_edges(frame, step, n_frames)).astype(np.float64)
