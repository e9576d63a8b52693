# SPDX-License-Identifier: Apache-2.0
"""Baseline, mains and low-pass filters over whole recordings, their delays taken off."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .core import ffi, lib

Microvolts = npt.NDArray[np.float32]


def monitor_baseline(frames_uv: npt.ArrayLike, fs_hz: float) -> Microvolts:
    """Return the frames less what lies below 0.05 Hz; causal, as a monitor shows it."""
    frames, n_leads = _frames(frames_uv)
    return _run("highpass", frames, n_leads, fs_hz)


def remove_baseline(frames_uv: npt.ArrayLike, fs_hz: float, cutoff_hz: float = 0.5) -> Microvolts:
    """Return the frames less what lies below `cutoff_hz` (0.5 or 0.67 for analysis), with zero phase."""
    frames, n_leads = _frames(frames_uv)
    return _run("baseline", frames, n_leads, fs_hz, cutoff_hz)


def remove_mains(frames_uv: npt.ArrayLike, fs_hz: float, mains_hz: float) -> Microvolts:
    """Return the frames less the mains, which is tracked between QRS complexes and held still through them."""
    frames, n_leads = _frames(frames_uv)
    return _run("mains", frames, n_leads, fs_hz, mains_hz)


def low_pass(frames_uv: npt.ArrayLike, fs_hz: float, cutoff_hz: float) -> Microvolts:
    """Return the frames less what lies above `cutoff_hz` (40, 100 or 150), with zero phase."""
    frames, n_leads = _frames(frames_uv)
    return _run("lowpass", frames, n_leads, fs_hz, cutoff_hz)


def _frames(frames_uv: npt.ArrayLike) -> tuple[Microvolts, int]:
    frames = np.ascontiguousarray(frames_uv, np.float32)
    if frames.ndim not in (1, 2) or (frames.ndim == 2 and not 1 <= frames.shape[1] <= 8):
        raise ValueError(f"frames of shape {frames.shape}: (frames,) or (frames, leads) with 1 to 8 leads is needed")
    return frames, 1 if frames.ndim == 1 else frames.shape[1]


def _run(name: str, frames: Microvolts, n_leads: int, fs_hz: float, *cutoff_hz: float) -> Microvolts:
    state = ffi.new(f"ol_{name} *")
    if getattr(lib, f"ol_{name}_init")(state, fs_hz, n_leads, *cutoff_hz) != lib.OL_OK:
        raise ValueError(f"{name} filter at {fs_hz} samples/s{f' and {cutoff_hz[0]} Hz' if cutoff_hz else ''}: not possible")
    delay = getattr(lib, f"ol_{name}_delay")(state) if name in ("baseline", "lowpass") else 0
    padded = np.concatenate([frames, np.repeat(frames[-1:], delay, axis=0)]) if len(frames) else frames
    out = np.empty_like(padded)
    getattr(lib, f"ol_{name}_run")(state, _pointer(padded), _pointer(out), len(padded))
    return out[delay:] if len(frames) else out


def _pointer(array: Microvolts) -> Any:
    return ffi.cast("float *", array.ctypes.data)
