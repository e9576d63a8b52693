# SPDX-License-Identifier: Apache-2.0
"""Arrays and buffers as the C core takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from .core import ffi

Data = Any
"""Any object with a contiguous buffer."""

Frames = npt.NDArray[np.int32]
"""Stored values, shape (frames, leads)."""

INT32: Final = np.dtype("<i4")


def bytes_of(data: Data) -> Any:
    """Return the data as a C array of bytes that keeps it alive."""
    if isinstance(data, memoryview) and data.nbytes:
        # cffi's hold on a memoryview crashes the garbage collector when both are in a cycle; its hold on an array does not.
        data = np.frombuffer(data, np.uint8)
    try:
        return ffi.from_buffer("uint8_t[]", data)
    except (TypeError, BufferError, ValueError) as error:
        raise ValueError(f"{type(data).__name__} has no contiguous buffer: {error}") from error


def int32_pointer(array: npt.NDArray[np.int32]) -> Any:
    """Return the array's memory."""
    return ffi.cast("int32_t *", array.ctypes.data)


def per_lead(value: int | Sequence[int], n_leads: int) -> list[int]:
    """Return one number a lead, from one for all or a list of as many."""
    values = [int(value)] * n_leads if isinstance(value, (int, np.integer)) else [int(v) for v in value]
    if len(values) != n_leads:
        raise ValueError(f"{len(values)} steps for {n_leads} leads")
    return values


def frames_in(frames: npt.ArrayLike, n_leads: int) -> Frames:
    """Return frames as the core takes them."""
    values = np.asarray(frames)
    if values.ndim != 2 or values.shape[1] != n_leads:
        raise ValueError(f"frames have shape {values.shape}, (n, {n_leads}) is needed")
    if values.dtype != INT32:
        if values.dtype.kind not in "iu" or not np.can_cast(values.dtype, np.int64):
            raise ValueError(f"frames are {values.dtype}, integers are needed")
        if values.size and not -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
            raise ValueError(f"values go from {values.min()} to {values.max()}, 32 bits are possible")
    return np.ascontiguousarray(values, INT32)


def frames_out(out: Frames | None, n_frames: int, n_leads: int, *, whole: bool = False) -> Frames:
    """Return where to put frames: `out` where it fits, a new array where it is None."""
    if out is None:
        return np.empty((n_frames, n_leads), INT32)
    sound = out.ndim == 2 and out.dtype == INT32 and out.flags.carray and 1 <= out.shape[1] <= c.MAX_LEADS
    if not sound or out.shape[1] != n_leads or len(out) < n_frames:
        raise ValueError(
            f"out is {out.dtype} of shape {out.shape}; writable C-contiguous int32 of {n_leads} columns (1 to 8) and at "
            f"least {n_frames} rows is needed"
        )
    return out if whole else out[:n_frames]
