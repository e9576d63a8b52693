# SPDX-License-Identifier: Apache-2.0
"""Waves and what is measured on them, for Python."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .._native import ffi, lib

ABSENT: Final = int(lib.OL_WAVE_ABSENT)
"""Offset of a wave, or of a boundary, that is not there or cannot be told."""

MARK_DTYPE: Final = np.dtype([("on", "<i4"), ("peak", "<i4"), ("off", "<i4"), ("confidence", "<f4")])
"""A wave: frames from the beat's frame, and the probability that it is there."""

SET_DTYPE: Final = np.dtype([("p", MARK_DTYPE), ("qrs", MARK_DTYPE), ("t", MARK_DTYPE)])

WAVE_DTYPE: Final = np.dtype(
    [
        ("frame", "<u8"), ("beat_class", "<u4"), ("good_leads", "<u4"), ("all_leads", SET_DTYPE), ("lead", SET_DTYPE, (8,)),
        ("n_extra_p", "<u4"), ("extra_p", "<i4", (4,)), ("rr_ms", "<f4"), ("pr_ms", "<f4"), ("qrs_ms", "<f4"), ("qt_ms", "<f4"),
        ("qtc_bazett_ms", "<f4"), ("qtc_fridericia_ms", "<f4"), ("qtc_framingham_ms", "<f4"), ("qtc_hodges_ms", "<f4"),
        ("axis_deg", "<f4"), ("baseline_uv", "<f4", (8,)), ("st_j60_uv", "<f4", (8,)), ("st_j80_uv", "<f4", (8,)),
        ("st_slope_uv_per_s", "<f4", (8,)),
    ],
    align=True,
)  # fmt: skip
"""A beat with its waves: of all leads together, of each lead, P waves that no QRS followed, intervals, axis and ST."""

Beats = npt.NDArray[Any]
"""An array of `WAVE_DTYPE`."""

_ROOM: Final = 64


class WaveDelineator:
    """Fed with beats and frames as they come; a beat is measured three seconds after it. Any chunking gives the same.

    Args:
        fs_hz: samples per second, 100 to 2000.
        n_leads: 1 to 8.
        lead_i: column of lead I, if there is one; with lead II it gives the axis.
        lead_ii: column of lead II.
    """

    def __init__(self, fs_hz: float, n_leads: int, *, lead_i: int | None = None, lead_ii: int | None = None) -> None:
        self._state = ffi.new("ol_waves *")
        self.n_leads = n_leads
        columns = [-1 if lead is None else lead for lead in (lead_i, lead_ii)]
        if not 1 <= n_leads <= 8 or lib.ol_waves_init(self._state, fs_hz, n_leads, *columns) != lib.OL_OK:
            raise ValueError(
                f"{fs_hz} samples/s, {n_leads} leads, I and II in {columns}: 100 to 2000, 1 to 8 and columns of them are possible"
            )

    def push(self, frames_uv: npt.ArrayLike, beats: npt.ArrayLike = (), classes: npt.ArrayLike | None = None, good: int = 0xFF) -> Beats:
        """Take beats that are now known, then frames; return the beats that are now measured.

        Args:
            frames_uv: microvolts, shape (frames, leads).
            beats: frame numbers, rising, none earlier than three seconds before the end of what was pushed.
            classes: a number a beat that is handed through.
            good: bit k set where lead k may be used.

        Raises:
            ValueError: wrong shape, beats out of order, or more than 64 of them waiting.
        """
        frames = np.ascontiguousarray(frames_uv, np.float32)
        if frames.ndim != 2 or frames.shape[1] != self.n_leads:
            raise ValueError(f"frames of shape {frames.shape}, (n, {self.n_leads}) is needed")
        numbers = np.atleast_1d(np.asarray(beats, np.uint64))
        kinds = np.zeros(len(numbers), np.uint32) if classes is None else np.asarray(classes, np.uint32)
        for beat, kind in zip(numbers.tolist(), kinds.tolist(), strict=True):
            if lib.ol_waves_add_beat(self._state, beat, kind) != lib.OL_OK:
                raise ValueError(f"beat at frame {beat}: not after the one before it, or 64 wait already")
        found, at = [self._drain()], 0
        while at < len(frames):
            address = ffi.cast("float *", frames.ctypes.data + at * frames.strides[0])
            at += lib.ol_waves_push(self._state, address, len(frames) - at, good)
            found.append(self._drain())
        return np.concatenate(found)

    def finish(self) -> Beats:
        """Return the beats that were still waiting: the signal ends here."""
        lib.ol_waves_flush(self._state)
        return self._drain()

    def _drain(self) -> Beats:
        found = np.zeros(_ROOM, WAVE_DTYPE)
        n = 0
        while n < _ROOM and lib.ol_waves_next(self._state, ffi.cast("ol_wave_beat *", found.ctypes.data + n * WAVE_DTYPE.itemsize)):
            n += 1
        return found[:n]


def delineate(
    frames_uv: npt.ArrayLike,
    fs_hz: float,
    beats: npt.ArrayLike,
    *,
    classes: npt.ArrayLike | None = None,
    good: int = 0xFF,
    lead_i: int | None = None,
    lead_ii: int | None = None,
) -> Beats:
    """Return the waves of all beats of a signal; see `WaveDelineator`.

    >>> t = np.arange(5000) % 500
    >>> pulse = 1000 * np.exp(-(((t - 250) / 8) ** 2)) + 120 * np.exp(-(((t - 170) / 22) ** 2)) + 250 * np.exp(-(((t - 390) / 40) ** 2))
    >>> waves = delineate(pulse[:, None], 500, np.arange(250, 5000, 500))
    >>> bool(abs(waves["pr_ms"][4] - 230) < 40)
    True
    """
    frames = np.ascontiguousarray(frames_uv, np.float32)
    if frames.ndim != 2 or not 1 <= frames.shape[1] <= 8:
        raise ValueError(f"frames of shape {frames.shape}, (n, 1 to 8) is needed")
    delineator = WaveDelineator(fs_hz, frames.shape[1], lead_i=lead_i, lead_ii=lead_ii)
    numbers = np.ascontiguousarray(beats, np.uint64)
    kinds = np.zeros(len(numbers), np.uint32) if classes is None else np.ascontiguousarray(classes, np.uint32)
    if len(kinds) != len(numbers) or (len(numbers) and (np.any(np.diff(numbers.astype(np.int64)) <= 0) or numbers[-1] >= len(frames))):
        raise ValueError(f"{len(numbers)} beats and {len(kinds)} classes: one of each, rising, below {len(frames)}")
    found = np.zeros(len(numbers), WAVE_DTYPE)
    n = lib.ol_waves_run(
        delineator._state, ffi.cast("float *", frames.ctypes.data), len(frames), good, ffi.cast("uint64_t *", numbers.ctypes.data),
        ffi.cast("uint32_t *", kinds.ctypes.data), len(numbers), ffi.cast("ol_wave_beat *", found.ctypes.data),
    )  # fmt: skip
    return found[: max(n, 0)]
