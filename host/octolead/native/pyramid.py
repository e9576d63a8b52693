# SPDX-License-Identifier: Apache-2.0
"""A signal seen from afar, for Python: buckets of lowest and highest values, folded and packed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .core import ffi, lib

TRACES: Final = int(lib.OL_PYRAMID_TRACES)
"""Places of a bucket: up to eight stored leads, then III, aVR, aVL, aVF from place 8 on."""

FOLD: Final = int(lib.OL_PYRAMID_FOLD)
PARTLY: Final = int(lib.OL_PYRAMID_PARTLY)

BUCKET_DTYPE: Final = np.dtype([("low", "<f4", (TRACES,)), ("high", "<f4", (TRACES,)), ("flags", "<u4")])
"""Microvolts, low > high where nothing is there; flags: bit k where lead k was off, `PARTLY` where frames are missing."""

_ROOM: Final = 4096

Buckets = npt.NDArray[Any]
"""An array of `BUCKET_DTYPE`."""


class Pyramid:
    """Fed with frames as they come, gives buckets of `width` frames; any chunking gives the same.

    Raises:
        ValueError: not 1 to 8 leads, or a width below 1.
    """

    def __init__(self, n_leads: int, width: int, *, lead_i: int | None = None, lead_ii: int | None = None) -> None:
        self._state = ffi.new("ol_pyramid *")
        columns = [-1 if lead is None else lead for lead in (lead_i, lead_ii)]
        if not 0 < n_leads <= 8 or width < 1 or lib.ol_pyramid_init(self._state, n_leads, *columns, width) != lib.OL_OK:
            raise ValueError(
                f"{n_leads} leads in buckets of {width} frames, I and II in columns {columns}: 1 to 8, 1 and more, and of them"
            )
        self.n_leads = n_leads
        self._out = ffi.new("ol_pyramid_out *")
        self._room = np.zeros(_ROOM, BUCKET_DTYPE)
        self._out.buckets, self._out.room = ffi.cast("ol_pyramid_bucket *", self._room.ctypes.data), _ROOM

    def push(self, frames: npt.NDArray[Any], off: npt.NDArray[np.uint8] | None = None, scale_uv: float | None = None) -> Buckets:
        """Take frames of shape (frames, leads): microvolts, or integers of `scale_uv` each; return the buckets that became full.

        Raises:
            ValueError: another shape.
        """
        if frames.ndim != 2 or frames.shape[1] != self.n_leads:
            raise ValueError(f"frames of shape {frames.shape}, (frames, {self.n_leads}) is needed")
        counts = scale_uv is not None
        data = np.ascontiguousarray(frames, np.int32 if counts else np.float32)
        masks = None if off is None else np.ascontiguousarray(off, np.uint8)
        scale = np.full(8, scale_uv or 0, np.float32)

        def take(done: int, n: int) -> int:
            at = data.ctypes.data + done * 4 * self.n_leads
            bits = ffi.NULL if masks is None else ffi.cast("uint8_t *", masks.ctypes.data + done)
            if counts:
                factor = ffi.cast("float *", scale.ctypes.data)
                return int(lib.ol_pyramid_push_counts(self._state, ffi.cast("int32_t *", at), factor, bits, n, self._out))
            return int(lib.ol_pyramid_push(self._state, ffi.cast("float *", at), bits, n, self._out))

        return self._run(len(data), take)

    def gap(self, n_missing: int) -> Buckets:
        """Frames that are missing."""
        return self._run(n_missing, lambda done, n: int(lib.ol_pyramid_gap(self._state, n, self._out)))

    def end(self) -> Buckets:
        """Return the bucket that is not full, if there is one."""
        lib.ol_pyramid_end(self._state, self._out)
        return self._empty()

    def _run(self, n: int, take: Any) -> Buckets:
        parts, done = [], 0
        while done < n:
            done += take(done, n - done)
            parts.append(self._empty())
        return np.concatenate(parts) if parts else np.zeros(0, BUCKET_DTYPE)

    def _empty(self) -> Buckets:
        got = self._room[: self._out.n].copy()
        self._out.n = 0
        return got


def fold(buckets: Buckets) -> Buckets:
    """Four buckets to one."""
    out = np.empty(-(-len(buckets) // FOLD), BUCKET_DTYPE)
    lib.ol_pyramid_fold(_at(np.ascontiguousarray(buckets)), len(buckets), _at(out))
    return out


def pack(buckets: Buckets, trace: int, least_step_uv: float) -> tuple[float, float, npt.NDArray[np.int16]]:
    """Return (zero in µV, step in µV, int16 pairs of shape (buckets, 2)) of one trace."""
    pairs = np.empty((len(buckets), 2), np.int16)
    scale = ffi.new("float[2]")
    lib.ol_pyramid_pack(_at(buckets), len(buckets), trace, least_step_uv, scale, scale + 1, ffi.cast("int16_t *", pairs.ctypes.data))
    return scale[0], scale[1], pairs


def unpack(pairs: npt.NDArray[np.int16], trace: int, zero_uv: float, step_uv: float, out: Buckets) -> None:
    """Set low and high of one trace."""
    data = np.ascontiguousarray(pairs)
    lib.ol_pyramid_unpack(ffi.cast("int16_t *", data.ctypes.data), len(data), trace, zero_uv, step_uv, _at(out))


def _at(array: Buckets) -> Any:
    return ffi.cast("ol_pyramid_bucket *", array.ctypes.data)
