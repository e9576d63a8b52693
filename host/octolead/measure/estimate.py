# SPDX-License-Identifier: Apache-2.0
"""A value and how far it is known: the mean of repeats and its standard uncertainty of type A (JCGM 100:2008, 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import MeasureError

Signal = npt.NDArray[np.floating]
"""µV, shape (frames, leads)."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """One quantity.

    Attributes:
        value: mean of the repeats.
        u: its standard uncertainty from their scatter alone; NaN where there was one only.
        n: repeats.
        unit: of value and u.
    """

    value: float
    u: float
    n: int
    unit: str


@dataclass(frozen=True)
class Estimates:
    """The same quantity of each lead: float64 arrays of shape (leads,)."""

    values: Floats
    u: Floats
    n: int
    unit: str

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, lead: int) -> Estimate:
        return Estimate(float(self.values[lead]), float(self.u[lead]), self.n, self.unit)

    def __iter__(self) -> Iterator[Estimate]:
        return (self[lead] for lead in range(len(self)))

    def scaled(self, factor: float, unit: str) -> Estimates:
        """The same in another unit."""
        return Estimates(self.values * factor, self.u * abs(factor), self.n, unit)


def of_repeats(repeats: npt.ArrayLike, unit: str) -> Estimates:
    """Mean and standard uncertainty of repeats, shape (n, leads).

    The repeats are taken to be independent: noise whose power rises towards 0 Hz makes neighbours alike, and u too small, when the
    whole of them lasts shorter than that noise does.

    >>> found = of_repeats([[1.0], [2.0], [3.0]], "mV")[0]
    >>> found.value, round(found.u, 4), found.n
    (2.0, 0.5774, 3)
    """
    table = np.atleast_2d(np.asarray(repeats, np.float64))
    n = len(table)
    u = table.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(table.shape[1], np.nan)
    return Estimates(table.mean(axis=0), u, n, unit)


def of_line(x: Floats, y: Floats, unit: str) -> tuple[Estimate, Floats]:
    """Slope of a straight line through points, with the uncertainty that their distance from it gives; and those distances."""
    if len(x) < 2:
        raise MeasureError(f"a slope needs two points at least, there are {len(x)}")
    dx = x - x.mean()
    sxx = float((dx**2).sum())
    slope = float((dx * (y - y.mean())).sum() / sxx)
    rest = y - y.mean() - slope * dx
    n = len(x)
    u = float(np.sqrt((rest**2).sum() / (n - 2) / sxx)) if n > 2 else float("nan")
    return Estimate(slope, u, n, unit), rest


def checked(microvolt: Signal, rate_hz: float, least_s: float) -> Floats:
    """The signal as float64, shape (frames, leads).

    Raises:
        ValueError: another shape.
        MeasureError: shorter than `least_s`, or frames are missing (NaN).
    """
    signal = np.asarray(microvolt, np.float64)
    if signal.ndim != 2:
        raise ValueError(f"a signal has the shape (frames, leads), this one {signal.shape}")
    if len(signal) < least_s * rate_hz:
        raise MeasureError(f"{len(signal) / rate_hz:.3g} s were recorded, this measurement needs {least_s:.3g} s")
    n_missing = int(np.isnan(signal).any(axis=1).sum())
    if n_missing:
        raise MeasureError(f"{n_missing} of {len(signal)} frames are missing: measure again")
    return signal


def split(signal: Floats, n: int) -> Floats:
    """`n` pieces of equal length, shape (n, frames, leads); what is left over stands at the end and is dropped."""
    length = len(signal) // n
    return signal[: n * length].reshape(n, length, signal.shape[1])
