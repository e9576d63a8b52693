# SPDX-License-Identifier: Apache-2.0
"""Power of heart rate variability in the bands of the ESC/NASPE Task Force 1996.

Stretches of up to 10 minutes: the Lomb-Scargle periodogram of the NN intervals at the times they end (Lomb 1976, doi:10.1007/BF00648343),
which needs no resampling and so leaves holes where beats were left out (Laguna et al. 1998, doi:10.1109/10.678605). A straight line is
taken out first; no taper. Longer ones: VLF, LF and HF are means over their 5-minute windows, as the Task Force has it; ULF is the power
below 0.003 Hz of all NN intervals, linearly interpolated to 1 Hz, straight line removed, by Fourier transform without taper.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from .rr import RRSeries

BANDS_HZ: Final = {"ulf": (0.0, 0.003), "vlf": (0.003, 0.04), "lf": (0.04, 0.15), "hf": (0.15, 0.4)}
WINDOW_S: Final = 300.0
_SHORT_S: Final = 600.0
_LEAST_S: Final = 120.0
_ULF_LEAST_S: Final = 3600.0
_OVERSAMPLING: Final = 4
_PLACES: Final = 20
_MIN_NN: Final = 30
_MIN_COVERAGE: Final = 0.5


@dataclass(frozen=True)
class Spectrum:
    """Power in ms² by band; normalised units are percent of LF + HF. None where the stretch is too short or has too few intervals.

    VLF of a 5-minute stretch is of little worth (Task Force, p. 1048), ULF needs an hour at the least and means what it says over 24 h.
    """

    ulf_ms2: float | None = None
    vlf_ms2: float | None = None
    lf_ms2: float | None = None
    hf_ms2: float | None = None

    @property
    def total_ms2(self) -> float | None:
        """Up to 0.4 Hz; without ULF where that is None."""
        if self.vlf_ms2 is None or self.lf_ms2 is None or self.hf_ms2 is None:
            return None
        return (self.ulf_ms2 or 0.0) + self.vlf_ms2 + self.lf_ms2 + self.hf_ms2

    @property
    def lf_nu(self) -> float | None:
        """100 LF / (LF + HF)."""
        return 100.0 * self.lf_ms2 / (self.lf_ms2 + self.hf_ms2) if self.lf_ms2 is not None and self.hf_ms2 else None

    @property
    def hf_nu(self) -> float | None:
        """100 HF / (LF + HF)."""
        return 100.0 - self.lf_nu if self.lf_nu is not None else None

    @property
    def lf_hf(self) -> float | None:
        """LF / HF."""
        return self.lf_ms2 / self.hf_ms2 if self.lf_ms2 is not None and self.hf_ms2 else None


def spectrum(series: RRSeries) -> Spectrum:
    """Power of the NN intervals of a series."""
    nn, time_s = series.nn_ms, series.stop_s[series.is_nn]
    if len(nn) < _MIN_NN or time_s[-1] - time_s[0] < _LEAST_S:
        return Spectrum()
    length_s = float(time_s[-1] - time_s[0])
    if length_s <= _SHORT_S:
        return Spectrum(None, *_short(time_s, nn))
    edges = np.arange(time_s[0], time_s[-1], WINDOW_S)
    cuts = np.append(np.searchsorted(time_s, edges), len(nn))
    parts = [(time_s[a:b], nn[a:b]) for a, b in pairwise(cuts.tolist())]
    powers = [_short(t, x) for t, x in parts if len(x) >= _MIN_NN and x.sum() >= _MIN_COVERAGE * 1000.0 * WINDOW_S]
    ulf = _ulf(time_s, nn) if length_s >= _ULF_LEAST_S else None
    return Spectrum(ulf, *(float(p) for p in np.mean(powers, axis=0))) if powers else Spectrum(ulf)


def lomb_scargle(
    time_s: npt.NDArray[np.float64], values: npt.NDArray[np.float64], highest_hz: float, oversampling: int = _OVERSAMPLING
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """One-sided power density, unit² / Hz: an even series gives its periodogram, a sine of amplitude A has the power A² / 2.

    The formula is Scargle's (1982, doi:10.1086/160554, eq. 10) times twice the mean distance of the samples; its sums over the samples
    are those of a Fourier transform after each was spread over the four nearest places of a fine grid (Press and Rybicki 1989,
    doi:10.1086/167197), 20 places to a period of twice `highest_hz`, so that they are right to 0.0003 of their size.

    Returns:
        Frequencies from 1 / (oversampling * length) on in steps of that, below `highest_hz`; and the density there.
    """
    x, length_s = values - values.mean(), float(time_s[-1] - time_s[0])
    step_hz = 1.0 / (length_s * oversampling)
    n = int(np.ceil(highest_hz / step_hz)) - 1
    grid = 1 << int(np.ceil(np.log2(2 * _PLACES * (n + 1))))
    place = (time_s - time_s[0]) * (step_hz * grid)
    sums = np.conj(np.fft.rfft(_spread(place, x, grid)))[1 : n + 1]
    double = np.conj(np.fft.rfft(_spread(place, np.ones(len(x)), grid)))[2 : 2 * n + 1 : 2]
    turned = sums * np.exp(-0.5j * np.angle(double))  # by tau: the cosine and sine part are independent there
    cosine, sine = 0.5 * (len(x) + np.abs(double)), 0.5 * (len(x) - np.abs(double))
    power = 0.5 * (turned.real**2 / cosine + turned.imag**2 / np.maximum(sine, 1e-12))
    return np.asarray(step_hz * np.arange(1, n + 1), np.float64), np.asarray(2.0 * length_s / (len(time_s) - 1) * power)


def _spread(place: npt.NDArray[np.float64], values: npt.NDArray[np.float64], grid: int) -> npt.NDArray[np.float64]:
    """Lagrange's cubic through four places, the other way round: sum(values * f(place)) = sum(result * f) for a smooth f."""
    whole = np.floor(place)
    u, first = place - whole, whole.astype(np.int64) - 1
    weights = (-u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2, -u * (u + 1) * (u - 2) / 2, u * (u + 1) * (u - 1) / 6)
    out = np.zeros(grid)
    for k, weight in enumerate(weights):
        out += np.bincount((first + k) % grid, values * weight, grid)
    return out


def _short(time_s: npt.NDArray[np.float64], nn: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    frequency, density = lomb_scargle(time_s, _straightened(time_s, nn), BANDS_HZ["hf"][1])
    powers = (float(density[(frequency >= low) & (frequency < high)].sum() * frequency[0]) for low, high in list(BANDS_HZ.values())[1:])
    vlf, lf, hf = powers
    return vlf, lf, hf


def _ulf(time_s: npt.NDArray[np.float64], nn: npt.NDArray[np.float64]) -> float:
    grid = np.arange(time_s[0], time_s[-1])
    x = _straightened(grid, np.interp(grid, time_s, nn))
    power = np.abs(np.fft.rfft(x)) ** 2 * 2.0 / len(x) ** 2
    frequency = np.fft.rfftfreq(len(x), 1.0)
    return float(power[(frequency > 0) & (frequency <= BANDS_HZ["ulf"][1])].sum())


def _straightened(time_s: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The series less its straight line of least squares."""
    t = time_s - time_s.mean()
    x = values - values.mean()
    slope = float(t @ x) / max(float(t @ t), 1e-12)
    return np.asarray(x - slope * t)
