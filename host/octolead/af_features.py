# SPDX-License-Identifier: Apache-2.0
"""How irregular RR intervals are, in numbers that tell atrial fibrillation from ectopy, bigeminy and sinus arrhythmia.

In AF each interval is nearly independent of the others: the share of pairs of intervals that are alike is small, and the same at every
distance; ectopic beats leave most pairs alike, bigeminy those at even distances, sinus arrhythmia the near ones. So, in centred windows:

- share of pairs at 1, 2, 3 and 4-8 intervals' distance that are alike within 2.5 % and 7 % (logits), and how often a pair alike is
  followed by another one: the sample entropy of Lake & Moorman 2011 (doi:10.1152/ajpheart.00561.2010), taken apart by distance;
- mean absolute change from interval to interval, capped at 2, 6 and 20 % so that ectopic beats weigh little (cf. the median filter of
  Petrenas et al. 2015, doi:10.1016/j.compbiomed.2015.01.019), share of changes over 20 %;
- how many intervals of the window were kept at all: with bigeminy few are, and neighbours in the series are none in time;
- share of turning points (Dash et al. 2009, doi:10.1007/s10439-009-9740-z), correlation of one change with the next, mean interval.

All of the logarithm of the interval, so that the rate drops out. Intervals are first rounded to 1/128 s, the clock of the database that
the coefficients come from, so that a finer clock does not look like a steadier heart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CLOCK_HZ: Final = 128.0
STRIDE: Final = 4
SHORT, LONG = 32, 128
ALIKE: Final = (0.025, 0.07)
CAPS: Final = (0.02, 0.06, 0.2)
_LAGS: Final = 8
_PER_WINDOW: Final = 18
_PRODUCTS: Final = tuple(_PER_WINDOW + k for k in (3, 8, 10, 13, 14, 15, 17))
N_FEATURES: Final = 2 * _PER_WINDOW
N_TERMS: Final = N_FEATURES + len(_PRODUCTS) * (len(_PRODUCTS) + 1) // 2
_EDGE: Final = 3.0


def features(intervals_s: Floats, places: npt.NDArray[np.intp]) -> Floats:
    """Features of windows centred at every `STRIDE`-th interval, float64 (ceil(n / STRIDE), N_FEATURES).

    Args:
        intervals_s: RR intervals that follow one another, in s, without those beside ventricular beats.
        places: the number of each in the series before any was left out.
    """
    x = np.log(np.maximum(np.rint(intervals_s * CLOCK_HZ), 1.0) / CLOCK_HZ)
    centres = np.arange(0, len(x), STRIDE)
    series = _Series(x)
    windows = [_Window(centres, width, len(x)) for width in (SHORT, LONG)]
    return np.column_stack([column for window in windows for column in (*window.columns(series), window.density(places))])


def terms(values: Floats, mean: Floats, spread: Floats) -> Floats:
    """Features in units of their spread, cut off at ±3, and the products of those that matter most."""
    z = np.clip((values - mean) / spread, -_EDGE, _EDGE)
    pairs = [(a, b) for i, a in enumerate(_PRODUCTS) for b in _PRODUCTS[i:]]
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    return np.hstack((z, z[:, first] * z[:, second]))


class _Series:
    """Running sums of everything that windows add up; entry i of a sum of lag k belongs to intervals i to i + k."""

    def __init__(self, x: Floats) -> None:
        alike = [_alike(x, tolerance) for tolerance in ALIKE]
        self.alike = [[_running(a) for a in of_one] for of_one in alike]
        self.followed = [[_running(a[:-1] & a[1:]) for a in of_one] for of_one in alike]
        change = np.diff(x)
        size = np.abs(change)
        capped = np.clip(change, -CAPS[-1], CAPS[-1])
        self.changes = [_running(np.minimum(size, cap)) for cap in CAPS]
        self.turning = _running(change[1:] * change[:-1] < 0)
        self.products = _running(capped[1:] * capped[:-1])
        self.squares = _running(capped * capped)
        self.large = _running(size > CAPS[-1])
        self.level = _running(x)


def _alike(x: Floats, tolerance: float) -> list[npt.NDArray[np.bool_]]:
    return [np.abs(x[k:] - x[:-k]) < tolerance for k in range(1, _LAGS + 1)]


def _running(values: npt.NDArray[np.bool_] | Floats) -> npt.NDArray[np.generic]:
    total = np.zeros(len(values) + 1, np.int32 if values.dtype == np.bool_ else np.float64)
    np.cumsum(values, out=total[1:])
    return total


class _Window:
    """Windows of a width around centres, cut off at the ends."""

    def __init__(self, centres: npt.NDArray[np.intp], width: int, n: int) -> None:
        self._first = np.maximum(centres - width // 2, 0)
        self._stop = np.minimum(centres + width // 2, n)

    def _sum(self, running: npt.NDArray[np.generic], lag: int) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Sums over those entries that lie wholly within the window, and their number."""
        stop = np.maximum(self._stop - lag, self._first)
        first, stop = np.minimum(self._first, len(running) - 1), np.minimum(stop, len(running) - 1)
        return (running[stop] - running[first]).astype(np.float64), stop - first

    def _mean(self, running: npt.NDArray[np.generic], lag: int) -> Floats:
        total, count = self._sum(running, lag)
        return np.asarray(total / np.maximum(count, 1))

    def density(self, places: npt.NDArray[np.intp]) -> Floats:
        """Kept intervals over all that the window spans."""
        if not len(places):
            return np.zeros(0)
        last = np.maximum(self._stop - 1, self._first)
        return np.asarray((last - self._first + 1) / (places[last] - places[self._first] + 1))

    def columns(self, series: _Series) -> list[Floats]:
        """The features, in the order of the module's text."""
        result: list[Floats] = []
        for alike, followed in zip(series.alike, series.followed, strict=True):
            shares = [self._mean(total, k + 1) for k, total in enumerate(alike)]
            pairs = sum(self._sum(total, k + 2)[0] for k, total in enumerate(alike))
            both = sum(self._sum(total, k + 2)[0] for k, total in enumerate(followed))
            again = (both + 0.5) / (pairs + 1.0)
            result += [_logit(p) for p in (*shares[:3], np.mean(shares[3:], axis=0), again)]
        result += [np.log(1e-3 + self._mean(total, 1)) for total in series.changes]
        result.append(self._mean(series.turning, 2))
        result.append(self._sum(series.products, 2)[0] / np.maximum(self._sum(series.squares, 1)[0], 1e-5))
        result.append(self._mean(series.large, 1))
        result.append(self._mean(series.level, 0))
        return result


def _logit(share: Floats) -> Floats:
    clipped = np.clip(share, 0.0, 1.0)
    return np.asarray(np.log((clipped + 0.01) / (1.01 - clipped)))
