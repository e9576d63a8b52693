# SPDX-License-Identifier: Apache-2.0
"""Stored values to microvolts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from .buffers import INT32, Frames, int32_pointer, per_lead
from .core import ffi, lib


def to_microvolt(
    raw: Frames,
    step_nv_num: int | Sequence[int],
    step_nv_den: int | Sequence[int],
    zero: Sequence[int] | npt.NDArray[np.int32] | None = None,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return (raw - zero) * step_nv_num / step_nv_den / 1000, float32, shape of `raw`.

    Args:
        raw: stored values, int32, shape (frames, leads).
        step_nv_num: numerator of the step, one for all leads or one a lead.
        step_nv_den: its denominator, likewise.
        zero: stored value that is 0 µV, lead by lead; 0 if not given.
        out: where to put it: float32, C-contiguous, of the same shape.

    >>> to_microvolt(np.array([[2, 2]], np.int32), 5000, (1, 2), zero=(0, 1))
    array([[10. ,  2.5]], dtype=float32)
    """
    values = np.asarray(raw)
    if values.ndim != 2 or values.dtype != INT32 or not 1 <= values.shape[1] <= c.MAX_LEADS:
        raise ValueError(f"raw is {values.dtype} of shape {values.shape}, int32 of shape (frames, 1 to 8 leads) is needed")
    values = np.ascontiguousarray(values)
    n_frames, n_leads = values.shape
    num, den = per_lead(step_nv_num, n_leads), per_lead(step_nv_den, n_leads)
    if 0 in den:
        raise ValueError("step_nv_den must not be 0")
    step_uv = [n / (1000 * d) for n, d in zip(num, den, strict=True)]
    zeros = np.zeros(n_leads, INT32) if zero is None else np.ascontiguousarray(zero, INT32)
    if zeros.shape != (n_leads,):
        raise ValueError(f"zero has shape {zeros.shape}, ({n_leads},) is needed")
    if out is None:
        out = np.empty(values.shape, np.float32)
    elif out.shape != values.shape or out.dtype != np.float32 or not out.flags.carray:
        raise ValueError(f"out must be float32, C-contiguous, of shape {values.shape}")
    lib.ol_to_microvolt(int32_pointer(values), n_frames, n_leads, int32_pointer(zeros), step_uv, ffi.cast("float *", out.ctypes.data))
    return out
