# SPDX-License-Identifier: Apache-2.0
"""QRS detection and signal quality, for Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .._native import ffi, lib

BEAT_DTYPE: Final = np.dtype([("frame", "<i8"), ("score", "<f4"), ("size_uv", "<f4")])
"""Frame of the main deflection, log odds of being a beat (its rhythm left aside), height of the QRS band's envelope."""

SPAN_DTYPE: Final = np.dtype([("first_frame", "<i8"), ("end_frame", "<i8"), ("kind", "<i4"), ("reserved", "<i4")])
"""Frames first_frame to end_frame - 1, and a key of `SPAN_KINDS`."""

SECOND_DTYPE: Final = np.dtype(
    [("first_frame", "<i8"), ("n_frames", "<i4"), ("mains_hz", "<f4"), ("score", "<f4", (8,)), ("flags", "u1", (8,))]
)
"""One second of quality: per lead a score of 0 (unusable) to 1 (clean) and flags of `QUALITY_FLAGS`; mains 50, 60 or 0 Hz."""

SPAN_KINDS: Final = {
    lib.OL_SPAN_VF: "vf",
    lib.OL_SPAN_ASYSTOLE: "asystole",
    lib.OL_SPAN_UNUSABLE: "unusable",
    lib.OL_SPAN_GAP: "gap",
}

QUALITY_FLAGS: Final = {
    lib.OL_QUALITY_LEAD_OFF: "lead off",
    lib.OL_QUALITY_SATURATED: "saturated",
    lib.OL_QUALITY_FLAT: "flat",
    lib.OL_QUALITY_NOISE: "noise",
    lib.OL_QUALITY_MAINS: "mains",
    lib.OL_QUALITY_UNUSABLE: "unusable",
}

_ROOM: Final = 128


@dataclass(frozen=True, slots=True)
class Detection:
    """What was decided: arrays of `BEAT_DTYPE`, `SPAN_DTYPE` and `SECOND_DTYPE`, each in order of its end."""

    beats: npt.NDArray[Any]
    spans: npt.NDArray[Any]
    seconds: npt.NDArray[Any]


class BeatDetector:
    """A detector that is fed as the signal comes; a beat is given about nine seconds later. Any chunking gives the same."""

    def __init__(self, fs_hz: float, n_leads: int, *, rail_uv: float = 0.0) -> None:
        self._state = ffi.new("ol_qrs *")
        self.n_leads = n_leads
        if not 1 <= n_leads <= 8 or lib.ol_qrs_init(self._state, fs_hz, n_leads, rail_uv) != lib.OL_OK:
            raise ValueError(f"{fs_hz} samples/s and {n_leads} leads: 100 to 2000 and 1 to 8 are possible; rail_uv {rail_uv} is 0 or more")

    def push(self, frames_uv: npt.ArrayLike, lead_off: npt.ArrayLike | None = None) -> Detection:
        """Take frames and return what is newly decided.

        Args:
            frames_uv: microvolts, shape (frames, leads) or, for one lead, (frames,).
            lead_off: one byte a frame, bit k set where an electrode of lead k is off.

        Raises:
            ValueError: wrong shape, or a value that is no number.
        """
        frames = _frames(frames_uv, self.n_leads)
        off = None if lead_off is None else np.ascontiguousarray(lead_off, np.uint8)
        if off is not None and off.shape != (len(frames),):
            raise ValueError(f"lead_off of shape {off.shape}, ({len(frames)},) is needed")
        found, at = _Found(), 0
        while at < len(frames):
            masks = ffi.NULL if off is None else ffi.cast("uint8_t *", off.ctypes.data + at)
            address = frames.ctypes.data + at * frames.strides[0]
            at += lib.ol_qrs_push(self._state, ffi.cast("float *", address), masks, len(frames) - at)
            found.drain(self._state)
        return found.all()

    def gap(self, n_missing: int) -> Detection:
        """Go on `n_missing` frames later; what came before is decided without what follows."""
        if not 0 <= n_missing < 1 << 62 or lib.ol_qrs_gap(self._state, n_missing) != lib.OL_OK:
            raise ValueError(f"a gap of {n_missing} frames")
        return self._drained()

    def finish(self) -> Detection:
        """Decide all that is left."""
        lib.ol_qrs_finish(self._state)
        return self._drained()

    def _drained(self) -> Detection:
        found = _Found()
        found.drain(self._state)
        return found.all()


def detect_beats(frames_uv: npt.ArrayLike, fs_hz: float, *, lead_off: npt.ArrayLike | None = None, rail_uv: float = 0.0) -> Detection:
    """Find the beats of a whole recording of one to eight leads.

    Args:
        frames_uv: microvolts, shape (frames, leads) or (frames,).
        fs_hz: 100 to 2000.
        lead_off: one byte a frame, bit k set where an electrode of lead k is off.
        rail_uv: amplitude at which the front end saturates; 0 if unknown.
    """
    frames = np.asarray(frames_uv)
    detector = BeatDetector(fs_hz, 1 if frames.ndim == 1 else frames.shape[-1], rail_uv=rail_uv)
    first, last = detector.push(frames, lead_off), detector.finish()
    return Detection(*(np.concatenate([getattr(part, name) for part in (first, last)]) for name in ("beats", "spans", "seconds")))


class _Found:
    """Collects what the detector's queues hold."""

    _queues = (("beats", BEAT_DTYPE, "ol_beat *"), ("spans", SPAN_DTYPE, "ol_span *"), ("seconds", SECOND_DTYPE, "ol_quality_second *"))

    def __init__(self) -> None:
        self._parts: list[list[npt.NDArray[Any]]] = [[], [], []]

    def drain(self, state: Any) -> None:
        for parts, (name, dtype, ctype) in zip(self._parts, self._queues, strict=True):
            rows = np.empty(_ROOM, dtype)
            n = getattr(lib, f"ol_qrs_{name}")(state, ffi.cast(ctype, rows.ctypes.data), _ROOM)
            if n:
                parts.append(rows[:n])

    def all(self) -> Detection:
        arrays = (np.concatenate([*parts, np.empty(0, dtype)]) for parts, (_, dtype, _) in zip(self._parts, self._queues, strict=True))
        return Detection(*arrays)


def _frames(frames_uv: npt.ArrayLike, n_leads: int) -> npt.NDArray[np.float32]:
    frames = np.ascontiguousarray(frames_uv, np.float32)
    frames = frames[:, None] if frames.ndim == 1 else frames
    if frames.ndim != 2 or frames.shape[1] != n_leads:
        raise ValueError(f"frames of shape {frames.shape}, (frames, {n_leads}) is needed")
    bad = np.argwhere(~np.isfinite(frames))
    if len(bad):
        raise ValueError(f"frame {bad[0][0]}, lead {bad[0][1]}: {frames[tuple(bad[0])]} is no number")
    return frames
