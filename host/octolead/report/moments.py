# SPDX-License-Identifier: Apache-2.0
"""Which moments of a recording are shown as strips: extremes, pauses, runs, AF, ST; a few of each kind, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..analysis.episodes import RATE_BEATS, Episode, rates_bpm
from ..analysis.kinds import KINDS
from .source import Source
from .st import Shift

OTHER: Final = "other kinds, named by a reader"
_MOST_KINDS: Final = 22


def name_of(kind: str) -> str:
    """Words for a kind; one that a reader named is told as named."""
    return KINDS.get(kind, kind)


def in_order(episodes: Iterable[Episode]) -> list[tuple[str, list[Episode]]]:
    """Return (kind, its episodes) of all kinds there are, in the order of the report, those that a reader named last."""
    found: dict[str, list[Episode]] = {kind: [] for kind in KINDS}
    for episode in episodes:
        kind = episode.kind if episode.kind in found or len(found) < _MOST_KINDS else OTHER
        found.setdefault(kind, []).append(episode)
    return list(found.items())


_SHOWN: Final = {
    "pause": 3, "asystole": 2, "vf": 2, "vt": 3, "idioventricular-run": 2, "v-couplet": 1, "bigeminy": 1, "trigeminy": 1,
    "svt": 3, "supraventricular-run": 1, "s-couplet": 1, "af": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """A place worth a strip: what it is, facts about it, the frame in its middle."""

    title: str
    facts: str
    frame: int


def moments(source: Source, shifts: Sequence[Shift]) -> list[Moment]:
    """Return the moments to show, in the order of the report."""
    return [*_rates(source), *_longest_rr(source), *_episodes(source), *_isolated(source), *_shifts(source, shifts)]


def _rates(source: Source) -> list[Moment]:
    analysis = source.analysis
    rate = rates_bpm(analysis.rr_s)
    if not np.isfinite(rate).any():
        return []
    out = []
    for title, at in (("Fastest rate", int(np.nanargmax(rate))), ("Slowest rate", int(np.nanargmin(rate)))):
        middle = (int(analysis.frame[at]) + int(analysis.frame[max(0, at - RATE_BEATS)])) // 2
        out.append(Moment(title, f"{rate[at]:.0f} a minute over {RATE_BEATS} intervals", middle))
    return out


def _longest_rr(source: Source) -> list[Moment]:
    """The longest interval, unless a pause shows it."""
    analysis = source.analysis
    if any(e.kind == "pause" for e in analysis.episodes) or not np.isfinite(analysis.rr_s).any():
        return []
    at = int(np.nanargmax(analysis.rr_s))
    return [Moment("Longest interval", f"RR {analysis.rr_s[at]:.2f} s", int(analysis.frame[at] + analysis.frame[at - 1]) // 2)]


def _episodes(source: Source) -> list[Moment]:
    out = []
    for kind, n_shown in _SHOWN.items():
        found = sorted((e for e in source.analysis.episodes if e.kind == kind), key=weight, reverse=True)
        for number, episode in enumerate(found[:n_shown]):
            counted = f"{number + 1} of {len(found)}, " if len(found) > 1 else ""
            # a long one is shown where it begins
            length = min(episode.stop_frame - episode.start_frame, round(4 * source.fs_hz))
            out.append(Moment(KINDS[kind], counted + facts_of(episode, source.fs_hz), episode.start_frame + length // 2))
    return out


def weight(episode: Episode) -> tuple[float, int]:
    """The longest first, of equal ones the earliest."""
    return float(episode.facts.get("n_beats", episode.stop_frame - episode.start_frame)), -episode.start_frame


def _isolated(source: Source) -> list[Moment]:
    """One example of a single ectopic beat of each kind: the one the classifier is surest of."""
    analysis = source.analysis
    out = []
    for symbol, name in (("V", "Single ventricular beat"), ("S", "Single supraventricular beat")):
        is_kind = analysis.symbol == symbol
        beside = np.zeros(len(is_kind), np.bool_)
        beside[1:] |= is_kind[:-1]
        beside[:-1] |= is_kind[1:]
        alone = np.flatnonzero(is_kind & ~beside)
        if len(alone):
            sure = analysis.found.beats.labels["confidence"][alone]
            at = int(alone[np.argmax(sure)])
            out.append(Moment(name, f"one of {len(alone)}, RR before it {1000 * analysis.rr_s[at]:.0f} ms", int(analysis.frame[at])))
    return [Moment(m.title, m.facts.replace(", RR before it nan ms", ""), m.frame) for m in out]


def _shifts(source: Source, shifts: Sequence[Shift]) -> list[Moment]:
    out = []
    for sign, word in ((1, "above"), (-1, "below")):
        found = [s for s in shifts if s.change_uv * sign > 0]
        if found:
            most = max(found, key=lambda s: abs(s.change_uv))
            facts = f"{most.lead}: {most.extreme_uv:+.0f} µV, {abs(most.change_uv):.0f} µV {word} the usual level"
            out.append(Moment("ST shift", facts, (most.start_frame + most.stop_frame) // 2))
    return out


def facts_of(episode: Episode, fs_hz: float) -> str:
    """What is known of an episode, in words."""
    facts = episode.facts
    words = [] if "rr_s" in facts else [length_of((episode.stop_frame - episode.start_frame) / fs_hz)]
    if "rr_s" in facts:
        words.append(f"RR {facts['rr_s']:.2f} s")
    if "n_beats" in facts:
        words.append(f"{facts['n_beats']} beats")
    rate = facts.get("rate_bpm", facts.get("mean_bpm"))
    if rate is not None:
        words.append(f"{rate:.0f} a minute")
    if facts.get("sustained"):
        words.append("30 s and longer")
    return ", ".join(words)


def length_of(seconds: float) -> str:
    """A duration, as a reader says it.

    >>> length_of(4.25), length_of(75), length_of(3725), length_of(86_400)
    ('4.2 s', '1 min 15 s', '1 h 2 min', '24 h 0 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
