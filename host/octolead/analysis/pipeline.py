# SPDX-License-Identifier: Apache-2.0
"""From a signal to what the C core finds in it, in three threads.

One reads pieces and makes seconds of them, one finds beats in those of the piece before, one measures waves in what is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..native.ahead import Ahead
from ..native.analyzer import CLASSIFY, DETECT, Analyzer
from ..native.beats import Beats
from ..native.found import Found as CoreFound
from ..native.found import joined
from ..native.qrs import SPAN_KINDS
from .followers import Stretch, WaveFollower
from .signal import Piece, Signal

_PIECE_S: Final = 300.0
"""Long beside what a call costs, short beside memory."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """What the core found in a signal.

    Attributes:
        beats: `octolead.native.beats.Beats`: labels in time order, templates in µV, counts.
        waves: `OVERALL_DTYPE` of `octolead.native.waves`, one a beat.
        fiducial_s: time from the first frame to the middle of each beat's QRS, finer than a frame.
        spans: `SPAN_DTYPE`: ventricular fibrillation, asystole, what is not usable, gaps.
        seconds: `SECOND_DTYPE`: quality of each lead in each second.
    """

    beats: Beats
    waves: npt.NDArray[Any]
    fiducial_s: npt.NDArray[np.float64]
    spans: npt.NDArray[Any]
    seconds: npt.NDArray[Any]

    def spans_of(self, kind: str) -> list[tuple[int, int]]:
        """(first frame, frame after the last) of one kind of `SPAN_KINDS`."""
        return [(int(s["first_frame"]), int(s["end_frame"])) for s in self.spans if SPAN_KINDS[int(s["kind"])] == kind]


def find_beats(signal: Signal, progress: Progress | None = None) -> Found:
    """Run the C core over a whole signal.

    Raises:
        ValueError: a rate outside 100 to 2000 samples/s, or no lead.
    """
    analyzer = Analyzer(signal.fs_hz, len(signal.leads), stages=DETECT | CLASSIFY, rail_uv=signal.rail_uv, channels=signal.channels())
    parts: list[CoreFound] = []
    with ThreadPoolExecutor(1, "octolead-waves") as thread:
        follower = WaveFollower(signal, thread)
        for stretch in _ahead(signal):
            parts.append(_find(analyzer, stretch))
            follower.follow(stretch, parts[-1].beats["at_frame"], analyzer.n_followed)
            if progress:
                progress(stretch.n_frames, signal.n_frames)
        waves = follower.waves()
    records, spans, seconds = (joined([getattr(part, name) for part in parts]) for name in ("records", "spans", "seconds"))
    fiducial_s = records["frame"] / signal.fs_hz + records["fiducial_ms"] / 1000.0
    return Found(analyzer.label(records), waves, fiducial_s, spans, seconds)


def _find(analyzer: Analyzer, stretch: Stretch) -> CoreFound:
    for seconds in stretch.seconds:
        analyzer.push_seconds(seconds)
    if stretch.gap is not None:
        analyzer.gap(stretch.gap)
    return analyzer.found()


def _pieces(signal: Signal) -> Iterator[tuple[int, int]]:
    step = max(1, round(_PIECE_S * signal.fs_hz))
    for first, after in signal.runs():
        yield from pairwise(signal.cuts(first, after, step))


def _ahead(signal: Signal) -> Iterator[Stretch]:
    """Read pieces and make seconds of them, one piece ahead of the one that is used: the core lets go of Python's lock."""
    ahead = Ahead(signal.fs_hz, len(signal.leads), signal.rail_uv)
    with ThreadPoolExecutor(1, "octolead-read") as reader:
        waiting: Future[list[Stretch]] | None = None
        for start, stop in _pieces(signal):
            following = reader.submit(lambda start, stop: _seconds_of(ahead, signal.piece(start, stop)), start, stop)
            if waiting is not None:
                yield from waiting.result()
            waiting = following
        if waiting is not None:
            yield from waiting.result()
    if ahead.n_frames < signal.n_frames:
        yield from _gap(ahead, signal.n_frames - ahead.n_frames)
    yield from _gap(ahead, 0)


def _gap(ahead: Ahead, n_missing: int) -> list[Stretch]:
    """What a gap makes of the seconds so far: nothing, where it is bridged."""
    return [Stretch(ahead.made(), n_missing, ahead.n_frames)] if ahead.gap(n_missing) else []


def _seconds_of(ahead: Ahead, piece: Piece) -> list[Stretch]:
    """Make seconds of a piece; what is missing before it and in it are gaps."""
    made = _gap(ahead, piece.start - ahead.n_frames) if piece.start > ahead.n_frames else []
    for first, after, is_missing in [(0, len(piece.frames), False)] if piece.is_whole else _runs(piece.missing()):
        off = None if piece.lead_off is None else piece.lead_off[first:after]
        if is_missing:
            made += _gap(ahead, after - first)
        elif piece.scale_uv is not None:
            ahead.push_counts(piece.frames[first:after].astype(np.int32, copy=False), piece.scale_uv, off)
        else:
            ahead.push(piece.frames[first:after].astype(np.float32, copy=False), off)
    return [*made, Stretch(ahead.made(), None, ahead.n_frames)]


def _runs(missing: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Yield (first, after, value) of stretches of one value."""
    edges = [0, *(np.flatnonzero(missing[1:] != missing[:-1]) + 1).tolist(), len(missing)]
    for first, after in pairwise(edges):
        if after > first:
            yield first, after, bool(missing[first])
