# SPDX-License-Identifier: Apache-2.0
"""Heart rate variability after the Task Force of the ESC and NASPE, Circulation 1996;93:1043-1065 (doi:10.1161/01.CIR.93.5.1043).

Standard deviations divide by n - 1. A number that is not defined (too few intervals, too short a stretch) is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .hrv_spectrum import Spectrum, spectrum
from .rr import RRSeries

WINDOW_S: Final = 300.0
MIN_COVERAGE: Final = 0.5
BIN_MS: Final = 1000.0 / 128.0
"""Width of the bins of the histogram, as the Task Force gives it for the triangular index."""
_MIN_BEATS_TRIANGLE: Final = 20


@dataclass(frozen=True)
class TimeDomain:
    """Time domain measures.

    Attributes:
        n_nn: NN intervals.
        mean_nn_ms, rate_bpm: their mean, and 60,000 over it.
        sdnn_ms: their standard deviation.
        sdann_ms: standard deviation of the means of 5-minute stretches.
        sdnn_index_ms: mean of the standard deviations of 5-minute stretches.
        rmssd_ms: root mean square of the differences of successive NN intervals.
        sdsd_ms: standard deviation of these differences.
        nn50, pnn50_percent: differences over 50 ms, and their share.
        triangular_index: NN intervals over the height of their histogram in bins of 1/128 s.
        tinn_ms: base of the triangle that fits that histogram best.
    """

    n_nn: int
    mean_nn_ms: float | None
    rate_bpm: float | None
    sdnn_ms: float | None
    sdann_ms: float | None
    sdnn_index_ms: float | None
    rmssd_ms: float | None
    sdsd_ms: float | None
    nn50: int
    pnn50_percent: float | None
    triangular_index: float | None
    tinn_ms: float | None


@dataclass(frozen=True)
class Poincare:
    """Spread of (NN, next NN) across and along the line of identity (Brennan et al. 2001, doi:10.1109/10.959330)."""

    sd1_ms: float | None
    sd2_ms: float | None

    @property
    def ratio(self) -> float | None:
        """SD1 / SD2."""
        return self.sd1_ms / self.sd2_ms if self.sd1_ms is not None and self.sd2_ms else None


@dataclass(frozen=True)
class Hrv:
    """All measures of one stretch; `coverage_percent` is the share of its time that is NN intervals."""

    start_s: float
    stop_s: float
    coverage_percent: float
    time: TimeDomain
    spectrum: Spectrum
    poincare: Poincare


def hrv(series: RRSeries, start_s: float | None = None, stop_s: float | None = None) -> Hrv:
    """Measure a stretch; default: from the first beat to the last one."""
    start = start_s if start_s is not None else (float(series.start_frame[0] / series.fs_hz) if len(series) else 0.0)
    stop = stop_s if stop_s is not None else (float(series.stop_s[-1]) if len(series) else 0.0)
    part = series.part(start, np.nextafter(stop, np.inf) if stop_s is None else stop)
    covered = float(part.nn_ms.sum()) / 1000.0
    coverage = min(100.0, 100.0 * covered / (stop - start)) if stop > start else 0.0
    return Hrv(start, stop, coverage, time_domain(part), spectrum(part), poincare(part))


def hrv_windows(series: RRSeries, window_s: float = WINDOW_S) -> list[Hrv]:
    """Measure one window after the other, from time 0 to the last beat; the last one only if it is whole."""
    if not window_s > 0:
        raise ValueError(f"window_s is {window_s}, over 0 is needed")
    stop = float(series.stop_s[-1]) if len(series) else 0.0
    return [hrv(series, k * window_s, (k + 1) * window_s) for k in range(int(stop // window_s))]


def time_domain(series: RRSeries) -> TimeDomain:
    """Time domain measures of the NN intervals of a series."""
    nn = series.nn_ms
    pairs = series.pairs_ms()
    change = pairs[:, 1] - pairs[:, 0]
    nn50 = int(np.count_nonzero(np.abs(change) > 50.0))
    means, spreads = _stretches(series)
    mean = float(nn.mean()) if len(nn) else None
    index, tinn = _triangle(nn)
    return TimeDomain(
        n_nn=len(nn),
        mean_nn_ms=mean,
        rate_bpm=60_000.0 / mean if mean else None,
        sdnn_ms=_sd(nn),
        sdann_ms=_sd(means),
        sdnn_index_ms=float(spreads.mean()) if len(spreads) else None,
        rmssd_ms=float(np.sqrt(np.mean(change**2))) if len(change) else None,
        sdsd_ms=_sd(change),
        nn50=nn50,
        pnn50_percent=100.0 * nn50 / len(change) if len(change) else None,
        triangular_index=index,
        tinn_ms=tinn,
    )


def poincare(series: RRSeries) -> Poincare:
    """SD1 and SD2 of the pairs of NN intervals that share a beat."""
    pairs = series.pairs_ms()
    return Poincare(_sd((pairs[:, 1] - pairs[:, 0]) / np.sqrt(2)), _sd((pairs[:, 1] + pairs[:, 0]) / np.sqrt(2)))


def _sd(values: npt.NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _stretches(series: RRSeries) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Means and standard deviations of the 5-minute stretches from the first beat on that are at least half NN intervals."""
    nn = series.nn_ms
    if not len(nn):
        return np.zeros(0), np.zeros(0)
    begin = float(series.start_frame[0] / series.fs_hz)
    number = ((series.stop_s[series.is_nn] - begin) // WINDOW_S).astype(np.int64)
    count = np.bincount(number)
    total = np.bincount(number, nn)
    good = (total >= MIN_COVERAGE * 1000.0 * WINDOW_S) & (count > 1)
    mean = total[good] / count[good]
    centred = nn - (total / np.maximum(count, 1))[number]
    square = np.bincount(number, centred**2)[good]
    return mean, np.sqrt(square / (count[good] - 1))


def _triangle(nn: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Triangular index and TINN.

    TINN is M - N of the triangle (N, 0), (mode, height), (M, 0) with the least square distance from the histogram, N and M at the edges
    of bins; the two sides are sought one by one, for the distance is the sum over both.
    """
    if len(nn) < _MIN_BEATS_TRIANGLE:
        return None, None
    bins = np.floor(nn / BIN_MS).astype(np.int64)
    first = int(bins.min()) - 1
    counts = np.bincount(bins - first, minlength=int(bins.max()) - first + 2).astype(np.float64)
    mode, height = int(np.argmax(counts)), float(counts.max())
    left = _side(counts[mode::-1], height)
    right = _side(counts[mode:], height)
    return len(nn) / height, (left + right) * BIN_MS


def _side(counts: npt.NDArray[np.float64], height: float) -> int:
    """How many bins from the mode a straight line from `height` should reach 0, for the least square error."""
    place = np.arange(len(counts))
    reach = np.arange(1, len(counts) + 1)
    line = np.maximum(0.0, height * (1.0 - place[None, :] / reach[:, None]))
    return int(reach[np.argmin(((counts[None, :] - line) ** 2).sum(axis=1))])
