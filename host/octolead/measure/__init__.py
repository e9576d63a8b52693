# SPDX-License-Identifier: Apache-2.0
"""What frames say of the recorder that took them: pure functions of µV (frames, leads) and a rate, without recorder, file or link.

>>> import numpy as np
>>> t = np.arange(5000) / 500
>>> fit = fit_sine(500 * np.cos(2 * np.pi * 10 * t)[:, None] + 3, 500)
>>> round(fit.frequency.value, 6), round(fit.amplitude[0].value, 6), round(fit.offset[0].value, 6)
(10.0, 500.0, 3.0)
"""

from ..errors import MeasureError
from .estimate import Estimate, Estimates, of_repeats
from .noise import Noise, measure_noise
from .response import Bandwidth, Pulse, bandwidth, crosstalk, measure_pulse, rate_error, rate_error_of_clock
from .sine import SineFit, amplitude_at, fit_sine
from .square import TEST_SIGNAL_HZ, TEST_SIGNAL_UV, SquareFit, fit_square

__all__ = [
    "TEST_SIGNAL_HZ",
    "TEST_SIGNAL_UV",
    "Bandwidth",
    "Estimate",
    "Estimates",
    "MeasureError",
    "Noise",
    "Pulse",
    "SineFit",
    "SquareFit",
    "amplitude_at",
    "bandwidth",
    "crosstalk",
    "fit_sine",
    "fit_square",
    "measure_noise",
    "measure_pulse",
    "of_repeats",
    "rate_error",
    "rate_error_of_clock",
]
