# SPDX-License-Identifier: Apache-2.0
"""Noise of each lead, referred to the input, and the largest line in its spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .estimate import Estimates, Floats, Signal, checked, of_repeats, split

WINDOW_S = 10.0
"""The limits of the standards are for ten seconds (peak to valley)."""
_LEAST_LINE_HZ = 0.5


@dataclass(frozen=True)
class Noise:
    """Of a signal without anything applied.

    Attributes:
        offset: µV, mean.
        rms: µV about the mean of each window.
        peak_to_peak: µV, mean over the windows.
        worst_uv: µV peak to peak of the worst window, per lead.
        line_hz, line_uv: frequency and amplitude of the largest line at 0.5 Hz and above, per lead.
    """

    offset: Estimates
    rms: Estimates
    peak_to_peak: Estimates
    worst_uv: Floats
    line_hz: Floats
    line_uv: Floats


def measure_noise(microvolt: Signal, rate_hz: float, *, window_s: float = WINDOW_S) -> Noise:
    """Measure noise.

    Args:
        microvolt: µV (frames, leads), inputs shorted or at rest; a window at least.
        rate_hz: samples per second.
        window_s: length of a window; windows are the repeats.

    Raises:
        MeasureError: too short, or frames missing.
    """
    signal = checked(microvolt, rate_hz, window_s)
    windows = split(signal, int(len(signal) / rate_hz / window_s))
    spans = np.ptp(windows, axis=1)
    line_hz, line_uv = _largest_lines(windows, rate_hz)
    return Noise(
        of_repeats(windows.mean(axis=1), "µV"),
        of_repeats(windows.std(axis=1, ddof=1), "µV"),
        of_repeats(spans, "µV"),
        spans.max(axis=0),
        line_hz,
        line_uv,
    )


def _largest_lines(windows: Floats, rate_hz: float) -> tuple[Floats, Floats]:
    """Of the spectra's mean power over the windows, seen through a Hann window: (Hz, µV amplitude), per lead."""
    length = windows.shape[1]
    shape = np.hanning(length)[None, :, None]
    centred = windows - windows.mean(axis=1, keepdims=True)
    power = (np.abs(np.fft.rfft(centred * shape, axis=1)) ** 2).mean(axis=0)
    lines_hz = np.arange(len(power)) * rate_hz / length
    power[lines_hz < _LEAST_LINE_HZ] = 0
    k = power.argmax(axis=0)
    amplitude = 2 * np.sqrt(power[k, np.arange(len(k))]) / float(shape.sum())
    return lines_hz[k], amplitude
