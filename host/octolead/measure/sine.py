# SPDX-License-Identifier: Apache-2.0
"""Amplitude, frequency, phase and offset of a sine, all leads at once.

The four-parameter least-squares fit of IEEE Std 1241-2010, annex B, with these departures:
- one frequency for all leads: they are sampled by one clock and driven by one source; so a lead without signal has an amplitude of
  about 0 instead of a fit that runs away;
- a fifth parameter takes a straight drift out (electrodes and generators wander);
- the starting frequency is the largest line of the spectrum, interpolated over its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import MeasureError
from .estimate import Estimate, Estimates, Floats, Signal, checked, of_line, of_repeats, split

_ROUNDS = 30
_CONVERGED = 1e-12
_LEAST_CYCLES = 3


@dataclass(frozen=True)
class SineFit:
    """A sine in each lead: `offset + amplitude · cos(2π · frequency · t + phase)`, t from the middle of the stretch.

    Attributes:
        frequency: Hz.
        amplitude: µV, half of peak to peak.
        phase: rad.
        offset: µV.
        residual_uv: rms of what is no sine, per lead.
    """

    frequency: Estimate
    amplitude: Estimates
    phase: Estimates
    offset: Estimates
    residual_uv: Floats

    @property
    def strongest(self) -> int:
        """The lead with the largest amplitude."""
        return int(np.argmax(self.amplitude.values))

    def skew(self) -> Estimates:
        """µs that each lead is sampled later than their mean; NaN for leads whose amplitude is below a tenth of the strongest.

        A lead of opposite sign counts as half a turn away.
        """
        phases = self.phase.values - self.phase.values[self.strongest]
        turned = np.arctan(np.tan(phases))  # within a quarter of a turn: signs do not matter
        turned[self.amplitude.values < 0.1 * self.amplitude.values.max()] = np.nan
        scale = 1e6 / (2 * np.pi * self.frequency.value)
        late = (turned - np.nanmean(turned)) * scale
        return Estimates(late, np.where(np.isnan(late), np.nan, self.phase.u * scale), self.phase.n, "µs")


def fit_sine(microvolt: Signal, rate_hz: float, *, near_hz: float | None = None, repeats: int = 8) -> SineFit:
    """Fit a sine.

    Args:
        microvolt: µV (frames, leads).
        rate_hz: samples per second.
        near_hz: the frequency it is looked for at, within a fifth; default: the largest line of the spectrum.
        repeats: pieces it is fitted in, at most; each has three cycles at least.

    Raises:
        MeasureError: too short, frames missing, or no sine is there.
    """
    signal = checked(microvolt, rate_hz, 2 * _LEAST_CYCLES / near_hz if near_hz else 32 / rate_hz)
    times = _times(len(signal), rate_hz)
    frequency_hz = _refined(signal, times, _largest_line(signal, rate_hz, near_hz), rate_hz)
    n = max(2, min(repeats, int(len(signal) / rate_hz * frequency_hz / _LEAST_CYCLES)))
    pieces, middle = split(signal, n), split(times[:, None], n)[:, :, 0]
    fitted = [_fit_at(piece, t, frequency_hz) for piece, t in zip(pieces, middle, strict=True)]
    vectors = np.array([part[:2] for part in fitted])  # (n, 2, leads)
    whole = _fit_at(signal, times, frequency_hz)
    amplitude, phase = np.hypot(whole[0], whole[1]), np.arctan2(-whole[1], whole[0])
    along, across = _turned(vectors, phase)
    return SineFit(
        _frequency(along, across, middle.mean(axis=1), frequency_hz),
        Estimates(amplitude, of_repeats(along, "µV").u, n, "µV"),
        Estimates(phase, of_repeats(across / np.maximum(amplitude, 1e-12), "rad").u, n, "rad"),
        Estimates(whole[2], of_repeats([part[2] for part in fitted], "µV").u, n, "µV"),
        _residual(signal, times, frequency_hz, whole),
    )


def amplitude_at(microvolt: Signal, rate_hz: float, frequency_hz: float, *, repeats: int = 8) -> Estimates:
    """µV of a sine of a known frequency in each lead, in phase with the strongest lead and signed so.

    Raises:
        MeasureError: too short, or frames missing.
    """
    signal = checked(microvolt, rate_hz, 2 * _LEAST_CYCLES / frequency_hz)
    times = _times(len(signal), rate_hz)
    whole = _fit_at(signal, times, frequency_hz)
    strongest = int(np.argmax(np.hypot(whole[0], whole[1])))
    phase = np.full(signal.shape[1], np.arctan2(-whole[1], whole[0])[strongest])
    n = max(2, min(repeats, int(len(signal) / rate_hz * frequency_hz / _LEAST_CYCLES)))
    parts = zip(split(signal, n), split(times[:, None], n)[:, :, 0], strict=True)
    along, _ = _turned(np.array([_fit_at(piece, t, frequency_hz)[:2] for piece, t in parts]), phase)
    return Estimates(_turned(whole[None, :2], phase)[0][0], of_repeats(along, "µV").u, n, "µV")


def _times(n: int, rate_hz: float) -> Floats:
    """Seconds from the middle of n frames."""
    return np.asarray((np.arange(n) - (n - 1) / 2) / rate_hz, np.float64)


def _largest_line(signal: Floats, rate_hz: float, near_hz: float | None) -> float:
    """Frequency of the largest line, by a parabola through its logarithm and its neighbours'."""
    window = np.hanning(len(signal))[:, None]
    spectrum = (np.abs(np.fft.rfft((signal - signal.mean(axis=0)) * window, axis=0)) ** 2).sum(axis=1)
    lines = np.arange(len(spectrum)) * rate_hz / len(signal)
    spectrum[lines < _LEAST_CYCLES * rate_hz / len(signal)] = 0
    if near_hz:
        spectrum[(lines < 0.8 * near_hz) | (lines > 1.25 * near_hz)] = 0
    k = int(np.argmax(spectrum))
    if not spectrum[k] or k + 1 >= len(spectrum):
        where = f" near {near_hz:g} Hz" if near_hz else ""
        raise MeasureError(f"no sine{where} is in the signal: is the reference connected and switched on?")
    left, top, right = np.log(np.maximum(spectrum[k - 1 : k + 2], 1e-30))
    curve = left - 2 * top + right
    return float((k + (0.5 * (left - right) / curve if curve else 0.0)) * rate_hz / len(signal))


def _columns(times: Floats, frequency_hz: float) -> Floats:
    angle = 2 * np.pi * frequency_hz * times
    centred = times - times.mean()
    return np.stack([np.cos(angle), np.sin(angle), np.ones_like(times), centred / np.abs(centred).max()], axis=1)


def _solved(columns: Floats, signal: Floats) -> Floats:
    """Least squares by the normal equations: the columns are nearly orthogonal over three cycles and more, and of one size."""
    return np.asarray(np.linalg.solve(columns.T @ columns, columns.T @ signal))


def _fit_at(signal: Floats, times: Floats, frequency_hz: float) -> Floats:
    """Cosine, sine, offset and drift of each lead at a known frequency, shape (4, leads); drift counts from the piece's middle."""
    return _solved(_columns(times, frequency_hz), signal)


def _refined(signal: Floats, times: Floats, frequency_hz: float, rate_hz: float) -> float:
    """The frequency of least squares over all leads: Gauss-Newton, the linear parameters solved in each round."""
    for _ in range(_ROUNDS):
        columns = _columns(times, frequency_hz)
        linear = _solved(columns, signal)
        rest = signal - columns @ linear
        slope = times[:, None] * (columns[:, 1:2] * -linear[0] + columns[:, :1] * linear[1])
        slope -= columns @ _solved(columns, slope)
        energy = float((slope**2).sum())
        step = float((slope * rest).sum()) / energy / (2 * np.pi) if energy else 0.0
        frequency_hz += step
        if not 0 < frequency_hz < rate_hz / 2:
            raise MeasureError("the sine fit does not settle: the signal is no sine, or changes while it is measured")
        if abs(step) <= _CONVERGED * frequency_hz:
            break
    return frequency_hz


def _turned(vectors: Floats, phase: Floats) -> tuple[Floats, Floats]:
    """Parts along and across the phase of each lead, shape (n, leads) each."""
    along = vectors[:, 0] * np.cos(phase) - vectors[:, 1] * np.sin(phase)
    across = -vectors[:, 0] * np.sin(phase) - vectors[:, 1] * np.cos(phase)
    return along, across


def _frequency(along: Floats, across: Floats, times: Floats, frequency_hz: float) -> Estimate:
    """How well the frequency is known: from the phases of the pieces, which lie on a straight line."""
    strength = along.mean(axis=0)
    phases = (across @ strength) / float((strength**2).sum())
    slope, _ = of_line(times, phases, "rad/s")
    return Estimate(frequency_hz, slope.u / (2 * np.pi), len(times), "Hz")


def _residual(signal: Floats, times: Floats, frequency_hz: float, fitted: Floats) -> Floats:
    columns = _columns(times, frequency_hz)
    return np.asarray(np.sqrt(((signal - columns @ fitted) ** 2).sum(axis=0) / max(1, len(signal) - 5)))
