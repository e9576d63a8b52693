# SPDX-License-Identifier: Apache-2.0
"""What goes ahead of the analysis: frames in, whole seconds out. It needs nothing of the analysis, and runs in another thread."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .core import ffi, lib

_SECOND_BYTES: Final = int(ffi.sizeof("ol_second"))
_ROOM: Final = 64
_GAP_ROOM: Final = int(lib.OL_AHEAD_ROOM)

Seconds = npt.NDArray[np.uint8]
"""Seconds of the core, opaque: shape (seconds, bytes)."""


class Ahead:
    """Fed with frames as they come, it makes the seconds that `Analyzer.push_seconds` takes.

    Args:
        fs_hz: samples per second, 100 to 2000.
        n_leads: 1 to 8.
        rail_uv: amplitude at which the front end saturates; 0 if unknown.
    """

    def __init__(self, fs_hz: float, n_leads: int, rail_uv: float = 0.0) -> None:
        self.n_leads = n_leads
        self._state = ffi.new("ol_ahead *")
        if lib.ol_ahead_init(self._state, fs_hz, n_leads, rail_uv) != lib.OL_OK:
            raise ValueError(f"{fs_hz} samples/s, {n_leads} leads, rail at {rail_uv} µV: 100 to 2000, 1 to 8, and 0 or more are possible")
        self._out = ffi.new("ol_seconds *")
        self._full: list[Seconds] = []
        self._renew()

    @property
    def n_frames(self) -> int:
        """Frames taken, gaps counted."""
        return int(lib.ol_ahead_end_frame(self._state))

    def push(self, frames_uv: npt.NDArray[np.float32], lead_off: npt.NDArray[np.uint8] | None = None) -> None:
        """Take microvolts, as `Analyzer.push`."""
        self._take(np.ascontiguousarray(frames_uv, np.float32), lead_off, "float *", lib.ol_ahead_push)

    def push_counts(self, counts: npt.NDArray[np.int32], scale_uv: npt.ArrayLike, lead_off: npt.NDArray[np.uint8] | None = None) -> None:
        """Take the integers of a recording, as `Analyzer.push_counts`."""
        scale = np.ascontiguousarray(np.broadcast_to(np.asarray(scale_uv, np.float32), (self.n_leads,)))
        pointer = ffi.cast("float *", scale.ctypes.data)
        frames = np.ascontiguousarray(counts, np.int32)
        self._take(frames, lead_off, "int32_t *", lambda state, at, *rest: lib.ol_ahead_push_counts(state, at, pointer, *rest))

    def gap(self, n_missing: int) -> bool:
        """Go on `n_missing` frames later. True where that ends a stretch: `Analyzer.gap` must be told after the seconds made.

        Raises:
            ValueError: a negative number.
        """
        if self._out.room - self._out.n < _GAP_ROOM:
            self._renew()
        status = lib.ol_ahead_gap(self._state, n_missing, self._out) if 0 <= n_missing < 1 << 60 else lib.OL_E_ARGUMENT
        if status < 0:
            raise ValueError(f"a gap of {n_missing} frames")
        return bool(status == 1)

    def made(self) -> list[Seconds]:
        """Return the seconds made since the start or the last call."""
        self._renew()
        made, self._full = self._full, []
        return made

    def _take(self, frames: npt.NDArray[Any], lead_off: npt.NDArray[np.uint8] | None, ctype: str, push: Any) -> None:
        if frames.ndim != 2 or frames.shape[1] != self.n_leads or (lead_off is not None and lead_off.shape != (len(frames),)):
            raise ValueError(f"frames of shape {frames.shape}: (frames, {self.n_leads}) and one byte of lead_off a frame are needed")
        off = None if lead_off is None else np.ascontiguousarray(lead_off)
        at = 0
        while at < len(frames):
            masks = ffi.NULL if off is None else ffi.cast("uint8_t *", off.ctypes.data + at)
            address = ffi.cast(ctype, frames.ctypes.data + at * frames.strides[0])
            at += push(self._state, address, masks, len(frames) - at, self._out)
            if self._out.n == self._out.room:
                self._renew()

    def _renew(self) -> None:
        if self._out.n:
            self._full.append(self._array[: self._out.n])
        self._array: Seconds = np.empty((_ROOM, _SECOND_BYTES), np.uint8)
        self._out.second, self._out.room, self._out.n = ffi.cast("ol_second *", self._array.ctypes.data), _ROOM, 0
