# SPDX-License-Identifier: Apache-2.0
"""Episodes of atrial fibrillation from RR intervals alone.

Each interval gets the odds of AF from the irregularity around it (`af_features`), by logistic regression; a two-state Viterbi walk makes
stretches of them, in which every change of rhythm costs; stretches shorter than `MIN_EPISODE_S` are dropped. Where beats have classes,
intervals beside ventricular and fusion beats are left out, and a stretch of them takes the rhythm around it.

The coefficients (`af_model.json`) come from `python -m tools.train_af`, which prints what they reach on records they did not see.

What it cannot see: flutter with even conduction, and AF in a paced or otherwise regular ventricle, look regular. What it may take for AF:
flutter with changing block, frequent atrial ectopy without pattern, wandering pacemaker.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from .af_features import STRIDE, features, terms

MAX_INTERVAL_S: Final = 4.0
"""A longer time without a beat is no RR interval: nothing is said of it."""
MIN_INTERVAL_S: Final = 0.2
MIN_BEATS: Final = 12
"""Fewer usable intervals in a row tell nothing."""
MIN_EPISODE_S: Final = 0.0
_LEFT_OUT: Final = ("V", "F")
_ODDS_LIMIT: Final = 6.0
_CHANGE_COST: Final = 12.0


@dataclass(frozen=True)
class AfEpisode:
    """A stretch of AF: frames from its first beat to the last one, stop excluded; mean heart rate in beats a minute."""

    start_frame: int
    stop_frame: int
    rate_bpm: float


@dataclass(frozen=True)
class AfResult:
    """Episodes of AF.

    Attributes:
        episodes: in order of time.
        analysed_s: time with a rhythm, AF or not.
        af_s: time in AF.
        probability: of AF, one per RR interval, before the walk; NaN where nothing is said.
        is_af: bool, one per RR interval, as in `episodes`.
    """

    episodes: tuple[AfEpisode, ...]
    analysed_s: float
    af_s: float
    probability: npt.NDArray[np.float64]
    is_af: npt.NDArray[np.bool_]

    @property
    def burden_percent(self) -> float | None:
        """Share of the analysed time that is AF; None if nothing was analysed."""
        return 100.0 * self.af_s / self.analysed_s if self.analysed_s else None


@dataclass(frozen=True)
class _Model:
    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    bias: float


@cache
def _model() -> _Model:
    values = json.loads(Path(__file__).with_name("af_model.json").read_text())
    mean, spread, weights = (np.array(values[k], np.float64) for k in ("mean", "spread", "weights"))
    return _Model(mean, spread, weights, float(values["bias"]))


def detect_af(
    frame: npt.ArrayLike,
    fs_hz: float,
    classes: Sequence[str] | npt.NDArray[np.str_] | None = None,
    gaps: Sequence[tuple[int, int]] = (),
    *,
    min_episode_s: float = MIN_EPISODE_S,
) -> AfResult:
    """Find AF in a series of beats.

    Args:
        frame: rising frames of the beats.
        fs_hz: their clock.
        classes: AAMI class of each beat (N S V F Q); None: unknown.
        gaps: (start, stop) frames without signal; no interval reaches over one.
        min_episode_s: shorter episodes are dropped.

    >>> steady = np.arange(0, 60_000, 400)
    >>> detect_af(steady, 500.0).episodes
    ()
    """
    beats = np.asarray(frame, np.int64)
    if beats.ndim != 1 or np.any(np.diff(beats) < 0) or not fs_hz > 0:
        raise ValueError(f"beats must be rising frames and fs_hz over 0, fs_hz is {fs_hz}")
    interval_s = np.diff(beats) / fs_hz
    known = _known(beats, interval_s, gaps)
    usable = known & usable_intervals(interval_s, classes)
    odds = np.full(len(interval_s), np.nan)
    is_af = np.zeros(len(interval_s), np.bool_)
    for first, stop in _runs(known):
        here = np.flatnonzero(usable[first:stop]) + first
        if len(here) < MIN_BEATS:
            known[first:stop] = False
            continue
        found = log_odds(interval_s[here], here - first)
        place = np.searchsorted(here, np.arange(here[0], stop), side="right") - 1
        odds[here] = found
        states = smooth(found)
        is_af[here[0] : stop] = states[place]
        is_af[first : here[0]] = states[0]
    return _result(beats, interval_s, known, is_af, odds, fs_hz, min_episode_s)


def usable_intervals(interval_s: npt.NDArray[np.float64], classes: Sequence[str] | npt.NDArray[np.str_] | None) -> npt.NDArray[np.bool_]:
    """Which intervals tell of the atria: of a possible length, and not beside a ventricular or fusion beat."""
    usable = (interval_s >= MIN_INTERVAL_S) & (interval_s <= MAX_INTERVAL_S)
    if classes is None:
        return np.asarray(usable)
    left_out = np.isin(np.asarray(classes), _LEFT_OUT)
    if len(left_out) and len(left_out) != len(interval_s) + 1:
        raise ValueError(f"{len(left_out)} classes for {len(interval_s) + 1} beats")
    return np.asarray(usable & ~(left_out[1:] | left_out[:-1]))


def log_odds(intervals_s: npt.NDArray[np.float64], places: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Natural log odds of AF of each of a run of intervals; arguments as of `features`."""
    model = _model()
    found = terms(features(intervals_s, places), model.mean, model.spread) @ model.weights + model.bias
    return np.repeat(found, STRIDE)[: len(intervals_s)]


def smooth(odds: npt.NDArray[np.float64], cost: float = _CHANGE_COST) -> npt.NDArray[np.bool_]:
    """The likeliest sequence of two states, where each change costs `cost`.

    With d the lead of state AF: d[i] = min(max(d[i-1], -cost), cost) + odds[i]. A lead beyond ±cost settles the state at that place,
    whatever follows; the others are as the next settled one, the last as its sign.
    """
    lead, leads = 0.0, np.empty(len(odds))
    for i, value in enumerate(np.clip(odds, -_ODDS_LIMIT, _ODDS_LIMIT).tolist()):
        lead = (cost if lead > cost else -cost if lead < -cost else lead) + value
        leads[i] = lead
    if len(leads):
        leads[-1] = np.inf if leads[-1] > 0 else -np.inf
    settled = np.flatnonzero(np.abs(leads) > cost)
    return np.asarray(leads[settled[np.searchsorted(settled, np.arange(len(leads)))]] > 0)


def _known(beats: npt.NDArray[np.int64], interval_s: npt.NDArray[np.float64], gaps: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    known = interval_s <= MAX_INTERVAL_S
    for start, stop in gaps:
        first, last = np.searchsorted(beats, (start, stop))
        known[max(0, first - 1) : last] = False
    return np.asarray(known)


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _result(
    beats: npt.NDArray[np.int64],
    interval_s: npt.NDArray[np.float64],
    known: npt.NDArray[np.bool_],
    is_af: npt.NDArray[np.bool_],
    odds: npt.NDArray[np.float64],
    fs_hz: float,
    min_episode_s: float,
) -> AfResult:
    is_af = is_af & known
    episodes = []
    for first, stop in _runs(is_af):
        length_s = float(beats[stop] - beats[first]) / fs_hz
        if length_s < min_episode_s:
            is_af[first:stop] = False
            continue
        episodes.append(AfEpisode(int(beats[first]), int(beats[stop]), 60.0 * (stop - first) / length_s if length_s else 0.0))
    probability = 1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700)))
    return AfResult(tuple(episodes), float(interval_s[known].sum()), float(interval_s[is_af].sum()), probability, is_af)
