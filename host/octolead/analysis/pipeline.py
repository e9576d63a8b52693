# SPDX-License-Identifier: Apache-2.0
"""From a signal to what the C core finds in it: pieces are read in one thread while the one before is analysed in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..native.analyzer import Analyzer
from ..native.beats import Beats
from ..native.qrs import SPAN_KINDS
from .signal import Piece, Signal

_PIECE_S: Final = 300.0
"""Long beside what a call costs, short beside memory."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """What the core found in a signal.

    Attributes:
        beats: `octolead.native.beats.Beats`: labels in time order, templates in µV, counts.
        waves: `WAVE_DTYPE`, one a beat.
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
    lead_i, lead_ii = (signal.leads.index(name) if name in signal.leads else None for name in ("I", "II"))
    analyzer = Analyzer(signal.fs_hz, len(signal.leads), rail_uv=signal.rail_uv, channels=signal.channels(), lead_i=lead_i, lead_ii=lead_ii)
    for piece in _ahead(signal):
        _feed(analyzer, piece)
        if progress:
            progress(piece.start + len(piece.frames), signal.n_frames)
    if analyzer.n_frames < signal.n_frames:
        analyzer.gap(signal.n_frames - analyzer.n_frames)
    found = analyzer.finish()
    beats = analyzer.label(found.records)
    fiducial_s = found.records["frame"] / signal.fs_hz + found.records["fiducial_ms"] / 1000.0
    return Found(beats, found.waves, fiducial_s, found.spans, found.seconds)


def _pieces(signal: Signal) -> Iterator[tuple[int, int]]:
    step = max(1, round(_PIECE_S * signal.fs_hz))
    for first, after in signal.runs():
        yield from pairwise(signal.cuts(first, after, step))


def _ahead(signal: Signal) -> Iterator[Piece]:
    """Read pieces, one ahead of the one that is used: the core lets go of Python's lock while it decodes."""
    with ThreadPoolExecutor(1, "octolead-read") as reader:
        waiting = None
        for start, stop in _pieces(signal):
            following = reader.submit(signal.piece, start, stop)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()


def _feed(analyzer: Analyzer, piece: Piece) -> None:
    """Push a piece; what is missing before it and in it are gaps."""
    if piece.start > analyzer.n_frames:
        analyzer.gap(piece.start - analyzer.n_frames)
    for first, after, is_missing in _runs(piece.missing()):
        off = None if piece.lead_off is None else piece.lead_off[first:after]
        if is_missing:
            analyzer.gap(after - first)
        elif piece.scale_uv is not None:
            analyzer.push_counts(piece.frames[first:after].astype(np.int32, copy=False), piece.scale_uv, off)
        else:
            analyzer.push(piece.frames[first:after], off)


def _runs(missing: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Yield (first, after, value) of stretches of one value."""
    edges = [0, *(np.flatnonzero(missing[1:] != missing[:-1]) + 1).tolist(), len(missing)]
    for first, after in pairwise(edges):
        if after > first:
            yield first, after, bool(missing[first])
