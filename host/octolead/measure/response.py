# SPDX-License-Identifier: Apache-2.0
"""What is made of several measurements: bandwidth, crosstalk, the error of the sampling rate, and the answer to a pulse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import MeasureError
from .estimate import Estimate, Estimates, Floats, Signal, checked, of_line
from .sine import SineFit, amplitude_at

HALF_POWER = float(np.sqrt(0.5))


@dataclass(frozen=True)
class Bandwidth:
    """Amplitude over that at the reference frequency.

    Attributes:
        frequencies_hz: (points,), rising.
        ratio, u: (points, leads).
        at_hz: the reference frequency.
    """

    frequencies_hz: Floats
    ratio: Floats
    u: Floats
    at_hz: float

    def edge_hz(self, ratio: float = HALF_POWER, *, upper: bool = True) -> Floats:
        """Where each lead falls below a ratio, interpolated over the logarithm of the frequency; NaN where no point is below it."""
        order = np.argsort(self.frequencies_hz) if upper else np.argsort(-self.frequencies_hz)
        return np.array([self._crossing(order, lead, ratio) for lead in range(self.ratio.shape[1])])

    def _crossing(self, order: np.ndarray, lead: int, ratio: float) -> float:
        values, logs = self.ratio[order, lead], np.log(self.frequencies_hz[order])
        below = np.flatnonzero(values < ratio)
        if not len(below) or not below[0]:
            return float("nan")
        i = int(below[0])
        part = (values[i - 1] - ratio) / (values[i - 1] - values[i])
        return float(np.exp(logs[i - 1] + part * (logs[i] - logs[i - 1])))


def bandwidth(points: Sequence[tuple[float, Estimates]], at_hz: float) -> Bandwidth:
    """Bandwidth from (frequency in Hz, amplitudes for the same input), one of them at `at_hz`.

    Raises:
        MeasureError: that one is missing, or a lead has no signal there.
    """
    points = sorted(points, key=lambda point: point[0])
    here = next((found for hz, found in points if hz == at_hz), None)
    if here is None:
        raise MeasureError(f"bandwidth is told beside {at_hz:g} Hz, which was not measured")
    if not np.all(np.abs(here.values) > 0):
        raise MeasureError(f"a lead has no signal at {at_hz:g} Hz")
    ratio = np.array([np.abs(found.values / here.values) for _, found in points])
    relative = [np.hypot(found.u / found.values, here.u / here.values) for _, found in points]
    u = ratio * np.array(relative)
    return Bandwidth(np.array([hz for hz, _ in points]), ratio, u, at_hz)


def crosstalk(microvolt: Signal, rate_hz: float, frequency_hz: float, driven: Sequence[int]) -> Estimates:
    """Part of a sine in the driven leads (their mean) that is seen in each other lead, signed; NaN for the driven ones.

    Raises:
        MeasureError: too short, frames missing, or nothing in the driven leads.
    """
    found = amplitude_at(microvolt, rate_hz, frequency_hz)
    source = float(np.mean(found.values[list(driven)]))
    if not source:
        raise MeasureError("the driven leads have no signal: is the reference connected?")
    values, u = found.values / source, found.u / abs(source)
    values[list(driven)] = np.nan
    u[list(driven)] = np.nan
    return Estimates(values, u, found.n, "1")


def rate_error(fit: SineFit, true_hz: float) -> Estimate:
    """How much faster than it says the recorder samples, in ppm, from a sine whose frequency is known.

    A recorder that is too fast takes more frames of each period, so the frequency looks too low.
    """
    seen = fit.frequency
    return Estimate((true_hz / seen.value - 1) * 1e6, seen.u / seen.value * 1e6, seen.n, "ppm")


def rate_error_of_clock(frames: Floats, seconds: Floats, rate_hz: float) -> Estimate:
    """The same from counts of frames, looked at when another clock had these seconds."""
    slope, _ = of_line(np.asarray(seconds, np.float64), np.asarray(frames, np.float64), "1/s")
    return Estimate((slope.value / rate_hz - 1) * 1e6, slope.u / rate_hz * 1e6, slope.n, "ppm")


@dataclass(frozen=True)
class Pulse:
    """The answer to one rectangular pulse, per lead.

    Attributes:
        start_frame: where it begins.
        width_s: how long it lasts, at half its height.
        height_uv: of its first half, over what was before it, signed.
        undershoot_uv: how far the signal goes beyond where it was, on the other side, within the window behind the pulse.
        slope_uv_per_s: steepest slope there, of a straight line through 50 ms, without its sign.
    """

    start_frame: int
    width_s: float
    height_uv: Floats
    undershoot_uv: Floats
    slope_uv_per_s: Floats


_SLOPE_S = 0.05
_SETTLE_S = 0.02  # behind the pulse's end: the edge itself is no slope


def measure_pulse(microvolt: Signal, rate_hz: float, *, window_s: float = 0.3) -> Pulse:
    """Measure the answer to a pulse, such as 3 mV for 100 ms (EC11, the impulse of IEC 60601-2-25).

    Args:
        microvolt: µV (frames, leads), with one pulse, 0.1 s before it and `window_s` behind it.
        rate_hz: samples per second.
        window_s: how far behind the pulse is looked.

    Raises:
        MeasureError: too short, frames missing, or no pulse.
    """
    signal = checked(microvolt, rate_hz, window_s)
    strongest = int(np.argmax(np.abs(signal - np.median(signal, axis=0)).max(axis=0)))
    lead = signal[:, strongest] - np.median(signal[:, strongest])
    inside = np.flatnonzero(np.abs(lead) >= np.abs(lead).max() / 2)
    start, stop = int(inside[0]), int(inside[-1]) + 1
    behind = stop + round(_SETTLE_S * rate_hz)
    last = behind + round(window_s * rate_hz)
    if not np.abs(lead).max() or start < 0.1 * rate_hz or last > len(signal):
        raise MeasureError(f"no pulse with 0.1 s before and {window_s:g} s behind it is in the {len(signal) / rate_hz:.3g} s recorded")
    rest = signal[start - round(0.1 * rate_hz) : start - 2].mean(axis=0)
    height = signal[start + 2 : max(start + 3, (start + stop) // 2)].mean(axis=0) - rest
    after = signal[behind:last] - rest
    undershoot = np.maximum(0, (-after * np.sign(height)).max(axis=0))
    return Pulse(start, (stop - start) / rate_hz, height, undershoot, _steepest(after, rate_hz))


def _steepest(after: Floats, rate_hz: float) -> Floats:
    n = max(3, round(_SLOPE_S * rate_hz))
    weights = np.arange(n) - (n - 1) / 2
    weights /= float((weights**2).sum())
    slopes = [np.correlate(after[:, lead], weights, "valid") for lead in range(after.shape[1])]
    return np.array([np.abs(found).max() * rate_hz for found in slopes])
