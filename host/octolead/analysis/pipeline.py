# SPDX-License-Identifier: Apache-2.0
"""From frames to beats: detection, morphology and classes, fed in pieces so that memory does not grow with the recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..native.beats import BeatClassifier, Beats
from ..native.qrs import BEAT_DTYPE, SECOND_DTYPE, SPAN_DTYPE, SPAN_KINDS, BeatDetector, Detection
from .signal import Microvolt, Signal

_CHUNK_S: Final = 60.0
"""Longer than the detector's delay (9 s): the beats of a piece are known when the next one has been read."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """What the core found in a signal.

    Attributes:
        beats: `octolead.native.beats.Beats`: labels in time order, templates in µV, counts.
        spans: `SPAN_DTYPE`: ventricular fibrillation, asystole, what is not usable, gaps.
        seconds: `SECOND_DTYPE`: quality of each lead in each second.
    """

    beats: Beats
    spans: npt.NDArray[Any]
    seconds: npt.NDArray[Any]

    def spans_of(self, kind: str) -> list[tuple[int, int]]:
        """(first frame, frame after the last) of one kind of `SPAN_KINDS`."""
        return [(int(s["first_frame"]), int(s["end_frame"])) for s in self.spans if SPAN_KINDS[int(s["kind"])] == kind]


class _Pipeline:
    def __init__(self, signal: Signal) -> None:
        self.detector = BeatDetector(signal.fs_hz, len(signal.leads), rail_uv=signal.rail_uv)
        self.classifier = BeatClassifier(signal.fs_hz, len(signal.leads), signal.channels())
        self.parts: list[Detection] = []
        self._beats: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._waiting: tuple[int, Microvolt] | None = None

    def detect(self, found: Detection) -> None:
        self.parts.append(found)
        self._beats = np.concatenate([self._beats, found.beats["frame"].astype(np.int64)])

    def take(self, start: int, frames: Microvolt, lead_off: npt.NDArray[np.uint8]) -> None:
        """Detect in this piece; classify the one before it, whose beats are all known by now."""
        self.detect(self.detector.push(np.nan_to_num(frames), lead_off))
        self.classify_waiting()
        self._waiting = start, frames

    def classify_waiting(self) -> None:
        if self._waiting is None:
            return
        start, frames = self._waiting
        until = int(np.searchsorted(self._beats, start + len(frames)))
        self.classifier.push(frames, self._beats[:until])
        self._beats = self._beats[until:]
        self._waiting = None

    def gap(self, n_missing: int, next_frame: int) -> None:
        self.detect(self.detector.gap(n_missing))
        self.classify_waiting()
        self.classifier.gap(next_frame)


def find_beats(signal: Signal, progress: Progress | None = None) -> Found:
    """Run detection and classification over a whole signal.

    Raises:
        ValueError: a rate outside 100 to 2000 samples/s, or no lead.
    """
    pipeline, at = _Pipeline(signal), 0
    step = max(1, round(_CHUNK_S * signal.fs_hz))
    for first, after in signal.runs():
        if first > at:
            pipeline.gap(first - at, first)
        for start in range(first, after, step):
            stop = min(start + step, after)
            pipeline.take(start, signal.read(start, stop), signal.lead_off(start, stop))
            if progress:
                progress(stop, signal.n_frames)
        at = after
    pipeline.detect(pipeline.detector.finish())
    pipeline.classify_waiting()
    return Found(
        pipeline.classifier.labels(), _joined(pipeline.parts, "spans", SPAN_DTYPE), _joined(pipeline.parts, "seconds", SECOND_DTYPE)
    )


def _joined(parts: list[Detection], name: str, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])


__all__ = ["BEAT_DTYPE", "Found", "find_beats"]
