# SPDX-License-Identifier: Apache-2.0
"""The analysis of the C core, for Python: frames in as they come; beats, spans, quality, records and waves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .ahead import Seconds
from .beats import Beats, label
from .core import ffi, lib
from .found import Found, Places

DETECT: Final = int(lib.OL_ANALYSIS_DETECT)
CLASSIFY: Final = int(lib.OL_ANALYSIS_CLASSIFY)
DELINEATE: Final = int(lib.OL_ANALYSIS_DELINEATE)


class Analyzer:
    """Fed with frames as they come; any chunking gives the same. Its memory does not grow, what it found does.

    Args:
        fs_hz: samples per second, 100 to 2000.
        n_leads: 1 to 8.
        stages: sum of DETECT, CLASSIFY and DELINEATE. Without DETECT, `tell` says where beats are.
        rail_uv: amplitude at which the front end saturates; 0 if unknown.
        channels: the two leads to look for P waves in, for the classes (best: II and V1).
        lead_i: column of lead I, if there is one; with lead II it gives the axis.
        lead_ii: column of lead II.
    """

    def __init__(
        self,
        fs_hz: float,
        n_leads: int,
        *,
        stages: int = DETECT | CLASSIFY | DELINEATE,
        rail_uv: float = 0.0,
        channels: Sequence[int] | None = None,
        lead_i: int | None = None,
        lead_ii: int | None = None,
    ) -> None:
        pair = tuple(channels) if channels is not None else (0, min(1, n_leads - 1))
        columns = [-1 if lead is None else lead for lead in (lead_i, lead_ii)]
        settings = ffi.new("ol_analysis_settings *")
        self._state = ffi.new("ol_analysis *")
        self.fs_hz, self.n_leads, self.stages = fs_hz, n_leads, stages
        sound = 1 <= n_leads <= 8 and len(pair) == 2 and all(0 <= c < n_leads for c in pair) and all(-1 <= c < n_leads for c in columns)
        if sound:
            settings.fs_hz, settings.n_leads, settings.stages, settings.rail_uv = fs_hz, n_leads, stages, rail_uv
            settings.channels, (settings.lead_i, settings.lead_ii) = pair, columns
        if not sound or lib.ol_analysis_init(self._state, settings) != lib.OL_OK:
            raise ValueError(
                f"{fs_hz} samples/s, {n_leads} leads, P waves in {pair}, I and II in {columns}, rail at {rail_uv} µV: "
                "100 to 2000, 1 to 8, columns of them, and 0 or more are possible"
            )
        self.n_frames = 0
        self._places = Places()

    def push(self, frames_uv: npt.ArrayLike, lead_off: npt.ArrayLike | None = None) -> None:
        """Take frames.

        Args:
            frames_uv: microvolts, shape (frames, leads) or, for one lead, (frames,). What is no number repeats the value
                before it, and its lead counts as off in that second.
            lead_off: one byte a frame, bit k set where an electrode of lead k is off.

        Raises:
            ValueError: wrong shape.
        """
        frames = np.ascontiguousarray(frames_uv, np.float32)
        self._take(frames[:, None] if frames.ndim == 1 else frames, lead_off, "float *", lib.ol_analysis_push)

    def push_counts(self, counts: npt.NDArray[np.int32], scale_uv: npt.ArrayLike, lead_off: npt.ArrayLike | None = None) -> None:
        """Take the integers of a recording: microvolt = count * scale_uv, `scale_uv` one number a lead.

        Raises:
            ValueError: wrong shape.
        """
        scale = np.ascontiguousarray(np.broadcast_to(np.asarray(scale_uv, np.float32), (self.n_leads,)))
        pointer = ffi.cast("float *", scale.ctypes.data)
        frames = np.ascontiguousarray(counts, np.int32)
        self._take(frames, lead_off, "int32_t *", lambda state, *rest: lib.ol_analysis_push_counts(state, rest[0], pointer, *rest[1:]))

    def push_seconds(self, seconds: Seconds) -> None:
        """Take the seconds of an `Ahead` in place of frames; its gaps that end a stretch are told to `gap`."""
        at = 0
        while at < len(seconds):
            self._places.make_room()
            address = ffi.cast("ol_second *", seconds.ctypes.data + at * seconds.strides[0])
            at += lib.ol_analysis_push_seconds(self._state, address, len(seconds) - at, self._places.batch)

    @property
    def n_followed(self) -> int:
        """Seconds whose beats are decided: what is told of them, to another analyzer of the same seconds, is complete."""
        return int(lib.ol_analysis_followed(self._state))

    def tell(self, frame: float) -> bool:
        """Say that a beat is at `frame`: in rising order, five seconds before its frames. False when too many wait.

        Raises:
            ValueError: not after the one before, or the detector is on.
        """
        return self.tell_all(np.array([frame], np.float64)) == 1

    def tell_all(self, frames: npt.NDArray[np.float64]) -> int:
        """Say that beats are at `frames`; see `tell`. Return how many were taken before too many waited.

        Raises:
            ValueError: one is not after the one before, or the detector is on.
        """
        told = np.ascontiguousarray(frames, np.float64)
        status = lib.ol_analysis_tell_all(self._state, ffi.cast("double *", told.ctypes.data), len(told))
        if status < 0:
            raise ValueError(f"beats at frames {told[:3].tolist()} …: one is not after the one before it, or the detector is on")
        return int(status)

    def gap(self, n_missing: int) -> None:
        """Go on `n_missing` frames later; what came before is decided without what follows.

        Raises:
            ValueError: a negative number.
        """
        self._places.make_room()
        if not 0 <= n_missing < 1 << 60 or lib.ol_analysis_gap(self._state, n_missing, self._places.batch) != lib.OL_OK:
            raise ValueError(f"a gap of {n_missing} frames")
        self.n_frames += n_missing

    def finish(self) -> Found:
        """Decide what is left, and return all that was found since the start or the last `finish`."""
        self.gap(0)
        return self.found()

    def found(self) -> Found:
        """Return what was found since the start or the last call."""
        return self._places.take()

    def label(self, records: npt.NDArray[Any]) -> Beats:
        """Give all beats of a recording their classes (second pass), with the templates.

        Args:
            records: all `Found.records` of the recording.
        """
        beats = label(lib.ol_analysis_beats(self._state), self.fs_hz, records)
        return Beats(beats.labels, beats.templates[:, :, : self.n_leads], beats.counts)

    def _take(self, frames: npt.NDArray[Any], lead_off: npt.ArrayLike | None, ctype: str, push: Any) -> None:
        if frames.ndim != 2 or frames.shape[1] != self.n_leads:
            raise ValueError(f"frames of shape {frames.shape}, (frames, {self.n_leads}) is needed")
        off = None if lead_off is None else np.ascontiguousarray(lead_off, np.uint8)
        if off is not None and off.shape != (len(frames),):
            raise ValueError(f"lead_off of shape {off.shape}, ({len(frames)},) is needed")
        at = 0
        while at < len(frames):
            masks = ffi.NULL if off is None else ffi.cast("uint8_t *", off.ctypes.data + at)
            address = ffi.cast(ctype, frames.ctypes.data + at * frames.strides[0])
            self._places.make_room()
            at += push(self._state, address, masks, len(frames) - at, self._places.batch)
        self.n_frames += len(frames)


def detect_beats(frames_uv: npt.ArrayLike, fs_hz: float, *, lead_off: npt.ArrayLike | None = None, rail_uv: float = 0.0) -> Found:
    """Find the beats of a whole signal of one to eight leads.

    Args:
        frames_uv: microvolts, shape (frames, leads) or (frames,).
        fs_hz: 100 to 2000.
        lead_off: one byte a frame, bit k set where an electrode of lead k is off.
        rail_uv: amplitude at which the front end saturates; 0 if unknown.

    Raises:
        ValueError: wrong shape, rate or number of leads, or a value that is no number.
    """
    frames = numbers(frames_uv)
    analyzer = Analyzer(fs_hz, frames.shape[1], stages=DETECT, rail_uv=rail_uv)
    analyzer.push(frames, lead_off)
    return analyzer.finish()


def classify(frames_uv: npt.ArrayLike, fs_hz: float, beat_frames: npt.ArrayLike, channels: Sequence[int] | None = None) -> Beats:
    """Label the beats at `beat_frames` of a whole signal, shape (frames, leads), in microvolt; see `Analyzer`."""
    analyzer = _told(frames_uv, fs_hz, beat_frames, stages=CLASSIFY, channels=channels)
    return analyzer.label(analyzer.finish().records)


def delineate(
    frames_uv: npt.ArrayLike, fs_hz: float, beats: npt.ArrayLike, *, lead_i: int | None = None, lead_ii: int | None = None
) -> npt.NDArray[Any]:
    """Return the waves (`WAVE_DTYPE`) of the beats at frames `beats` of a whole signal; see `Analyzer`.

    >>> t = np.arange(5000) % 500
    >>> pulse = 1000 * np.exp(-(((t - 250) / 8) ** 2)) + 120 * np.exp(-(((t - 170) / 22) ** 2)) + 250 * np.exp(-(((t - 390) / 40) ** 2))
    >>> waves = delineate(pulse[:, None], 500, np.arange(250, 5000, 500))
    >>> bool(abs(waves["pr_ms"][4] - 230) < 40)
    True
    """
    return _told(frames_uv, fs_hz, beats, stages=DELINEATE, lead_i=lead_i, lead_ii=lead_ii).finish().waves


def _told(frames_uv: npt.ArrayLike, fs_hz: float, beats: npt.ArrayLike, **settings: Any) -> Analyzer:
    """Run a whole signal whose beats are known."""
    frames = numbers(frames_uv, allow_nan=True)
    places = np.atleast_1d(np.asarray(beats, np.int64))
    if len(places) and (np.any(np.diff(places) <= 0) or places[0] < 0 or places[-1] >= len(frames)):
        raise ValueError(f"{len(places)} beats: rising, 0 to {len(frames) - 1}")
    analyzer, told, step = Analyzer(fs_hz, frames.shape[1], **settings), 0, max(1, int(fs_hz))
    for at in range(0, len(frames), step):
        while told < len(places) and analyzer.tell(int(places[told])):
            told += 1
        analyzer.push(frames[at : at + step])
    return analyzer


def numbers(frames_uv: npt.ArrayLike, *, allow_nan: bool = False) -> npt.NDArray[np.float32]:
    """Return microvolts as float32 of shape (frames, leads).

    Raises:
        ValueError: another shape, or a value that is no number, by its place.
    """
    frames = np.ascontiguousarray(frames_uv, np.float32)
    frames = frames[:, None] if frames.ndim == 1 else frames
    if frames.ndim != 2 or not 1 <= frames.shape[1] <= 8:
        raise ValueError(f"frames of shape {frames.shape}, (frames, 1 to 8 leads) is needed")
    if not allow_nan and not np.isfinite(frames).all():
        bad = np.argwhere(~np.isfinite(frames))[0]
        raise ValueError(f"frame {bad[0]}, lead {bad[1]}: {frames[tuple(bad)]} is no number")
    return frames
