# SPDX-License-Identifier: Apache-2.0
"""Several sines in one signal, fitted together: none leaks into another, whatever stretch of them there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import MeasureError
from .stimulus import Floats

Complexes = npt.NDArray[np.complex128]


def fit_tones(signal: Floats, rate_hz: float, tones_hz: Sequence[float]) -> Complexes:
    """Complex amplitude of each tone in each lead, shape (tones, leads): µV, phase from the first frame (cosine is 0).

    Least squares over all tones and a level. Frequencies are taken for known: scale them by the recorder's rate first.

    Raises:
        MeasureError: frames are missing, or fewer than one period of the lowest tone.

    >>> t = np.arange(2000) / 500
    >>> x = (3 * np.cos(2 * np.pi * 10 * t) + 2 * np.sin(2 * np.pi * 11 * t))[:, None]
    >>> np.round(np.abs(fit_tones(x, 500, [10, 11]))[:, 0], 6).tolist()
    [3.0, 2.0]
    """
    if np.isnan(signal).any():
        raise MeasureError(f"{int(np.isnan(signal).any(axis=1).sum())} frames are missing: measure again")
    if len(signal) < rate_hz / min(tones_hz):
        raise MeasureError(f"{len(signal) / rate_hz:.3g} s were recorded, {min(tones_hz):g} Hz needs {1 / min(tones_hz):.3g} s")
    angle = 2 * np.pi * np.outer(np.arange(len(signal)) / rate_hz, tones_hz)
    columns = np.hstack([np.cos(angle), np.sin(angle), np.ones((len(signal), 1))])
    found = np.linalg.solve(columns.T @ columns, columns.T @ signal)
    n = len(tones_hz)
    return np.asarray(found[:n] - 1j * found[n : 2 * n])
