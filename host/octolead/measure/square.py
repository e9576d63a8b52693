# SPDX-License-Identifier: Apache-2.0
"""Amplitude, offset, period and skew of a square wave, such as the ADS1298's internal test signal.

The converter makes the internal signal of its own reference and clock (SBAS459K, "Test Signals": ±VREF/2400 or twice that, at
f_CLK/2^21 or f_CLK/2^20). So it shows the gains of the leads beside each other, dead leads and skew, but neither an error of the
reference nor one of the clock: both cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import MeasureError
from .estimate import Estimate, Estimates, Floats, Signal, checked, of_line, of_repeats

TEST_SIGNAL_UV = 1000.0
"""Half of peak to peak of the internal test signal, at a reference of 2.4 V."""
TEST_SIGNAL_HZ = 2048000 / 2**21
"""Its frequency at the clock's nominal value."""
_GUARD_S = 0.012  # the converter's third-order sinc filter settles within three frames
_LEAST_HALVES = 8
_FLAT = 0.1  # of the height: a sine has 0.24
_IN_GROUP = np.array([-1.0, 3.0, -3.0, 1.0]) / 8
_LEVEL = np.array([1.0, 3.0, 3.0, 1.0]) / 8


@dataclass(frozen=True)
class SquareFit:
    """A square wave in each lead.

    Attributes:
        amplitude: µV, half of peak to peak; below 0 where a lead goes down when the strongest goes up.
        offset: µV, the middle between both levels.
        period: s.
        skew: µs that each lead's edges come later than their mean over the leads; NaN below a tenth of the strongest amplitude.
            The edges of a lead that is sampled later come earlier, see `sampled_later`.
        edges: frame (with fraction) of each edge, mean over the leads.
    """

    amplitude: Estimates
    offset: Estimates
    period: Estimate
    skew: Estimates
    edges: Floats

    def sampled_later(self) -> Estimates:
        """µs that each lead is sampled later than their mean, as `SineFit.skew` says it."""
        return self.skew.scaled(-1.0, "µs")


def fit_square(microvolt: Signal, rate_hz: float) -> SquareFit:
    """Fit a square wave of at least four periods.

    Amplitude and offset are means over groups of two periods, weighted so that a drift up to the second order cancels; the groups are
    the repeats. Edges are placed by the area under them, which is right for any filter that settles within 12 ms.

    Args:
        microvolt: µV (frames, leads).
        rate_hz: samples per second.

    Raises:
        MeasureError: too short, frames missing, or no square wave is there.
    """
    signal = checked(microvolt, rate_hz, 1.0)
    guard = max(3, int(np.ceil(_GUARD_S * rate_hz)))
    edges = _edges(signal, guard)
    plateaus = np.array([signal[a + guard : b - guard].mean(axis=0) for a, b in pairwise(edges)])
    _check_levels(signal, edges, plateaus, guard)
    groups = plateaus[: len(plateaus) // 4 * 4].reshape(-1, 4, signal.shape[1])
    up = 1.0 if _goes_up(signal, edges[0], guard) else -1.0
    amplitude = of_repeats(up * np.einsum("gil,i->gl", groups, -_IN_GROUP), "µV")
    strong = np.abs(amplitude.values) >= 0.1 * np.abs(amplitude.values).max()
    places = _places(signal, edges[1:-1], plateaus, guard)
    places[:, ~strong] = np.nan
    middle = np.nanmean(places, axis=1)
    return SquareFit(
        amplitude,
        of_repeats(np.einsum("gil,i->gl", groups, _LEVEL), "µV"),
        _period(middle, rate_hz),
        of_repeats((places - middle[:, None]) / rate_hz * 1e6, "µs"),
        middle,
    )


def _edges(signal: Floats, guard: int) -> list[int]:
    """The first frame behind each edge of the strongest lead.

    It must stay beyond three quarters of a level to count as there, so noise makes no edges.
    """
    spans = np.ptp(signal, axis=0)
    lead = signal[:, int(np.argmax(_steps(signal)))]
    low, high = _levels(lead)
    state = np.where(lead > high - (high - low) / 4, 1, np.where(lead < low + (high - low) / 4, -1, 0))
    known = np.flatnonzero(state)
    changes = known[np.flatnonzero(np.diff(state[known]))] + 1
    edges = [int(c) for c in changes]
    least = min(np.diff(edges), default=0)
    if len(edges) < _LEAST_HALVES + 1 or least <= 4 * guard:
        raise MeasureError(
            f"no square wave of four periods and more is in the signal ({len(edges)} edges, {spans.max():.4g} µV peak to peak): "
            "is the reference connected, and set to a square wave of 4 Hz at most?"
        )
    return edges


def _check_levels(signal: Floats, edges: list[int], plateaus: Floats, guard: int) -> None:
    """Refuse what goes up and down without two levels."""
    lead = int(np.argmax(_steps(signal)))
    beside = [signal[a + guard : b - guard, lead] - level[lead] for (a, b), level in zip(pairwise(edges), plateaus, strict=True)]
    rest, height = float(np.concatenate(beside).std()), float(np.abs(np.diff(plateaus[:, lead])).mean())
    if rest > _FLAT * height:
        raise MeasureError(
            f"the signal has no two levels: {rest:.4g} µV rms about them, {height:.4g} µV apart; is the reference set to a square wave?"
        )


def _steps(signal: Floats) -> Floats:
    """How far apart the two levels of each lead are."""
    return np.array([high - low for low, high in (_levels(signal[:, k]) for k in range(signal.shape[1]))])


def _levels(lead: Floats) -> tuple[float, float]:
    middle = (lead.max() + lead.min()) / 2
    above = lead > middle
    return float(np.median(lead[~above])), float(np.median(lead[above])) if above.any() else float(middle)


def _goes_up(signal: Floats, edge: int, guard: int) -> bool:
    """Whether the strongest lead rises at its first edge."""
    lead = signal[:, int(np.argmax(_steps(signal)))]
    return bool(lead[edge + guard] > lead[max(0, edge - guard)])


def _places(signal: Floats, edges: list[int], plateaus: Floats, guard: int) -> Floats:
    """Where each lead has each edge, in frames, by the area under it; shape (edges, leads)."""
    places = []
    for k, edge in enumerate(edges):
        before, after = plateaus[k], plateaus[k + 1]
        height = np.where(after == before, np.nan, after - before)
        area = ((signal[edge - guard : edge + guard] - before) / height).sum(axis=0)
        places.append(edge + guard - area)
    return np.array(places)


def _period(edges: Floats, rate_hz: float) -> Estimate:
    """From rising and falling edges each by itself: both halves need not be alike."""
    halves = [of_line(np.arange(len(part), dtype=np.float64), part, "frames")[0] for part in (edges[::2], edges[1::2])]
    u = float(np.hypot(halves[0].u, halves[1].u) / 2)
    return Estimate((halves[0].value + halves[1].value) / 2 / rate_hz, u / rate_hz, len(edges), "s")
