# SPDX-License-Identifier: Apache-2.0
"""A signal generator at the virtual electrodes, as a bench has one; it knows the time each lead is sampled at, not the frames.

{"shape": "sine", "square" or "dc",
 "amplitude_nv": half of peak to peak,
 "frequency_hz": of sine and square,
 "offset_nv": 0,
 "weights": what each of the eight leads sees of it}
"""

import math
from array import array

from recorder.errors import SettingError

LEADS = 8
SHAPES = ("sine", "square", "dc")


class Generator:
    """Plays the shape from frame 0 of each session on. `chip` says the rate, and its front end when leads are sampled."""

    rate_mhz = 0

    def __init__(self, settings, chip):
        self._shape = settings.get("shape")
        if self._shape not in SHAPES:
            raise SettingError("generator shape %r: one of %s" % (self._shape, ", ".join(SHAPES)))
        self._amplitude = settings.get("amplitude_nv", 0)
        self._frequency = settings.get("frequency_hz", 0)
        self._offset = settings.get("offset_nv", 0)
        self._weights = settings.get("weights", [1] * LEADS)
        if len(self._weights) != LEADS or (self._shape != "dc" and not self._frequency > 0):
            raise SettingError("generator: %d weights and a frequency above 0 are needed" % LEADS)
        self._chip = chip

    def read(self, frame, view, n):
        """Fill n frames."""
        front = self._chip.front_end
        rate_hz = front.rate_hz if front else self._chip.rate_hz()
        skews = [us * 1e-6 for us in front.skew_us] if front else [0.0] * LEADS
        value = {"sine": self._sine, "square": self._square, "dc": self._level}[self._shape]
        weights = self._weights
        out = array("i", bytes(4 * LEADS * n))
        at = 0
        together = min(skews) == max(skews)
        for i in range(n):
            begins = (frame + i) / rate_hz
            now = value(begins + skews[0], rate_hz)
            for lead in range(LEADS):
                if not together:
                    now = value(begins + skews[lead], rate_hz)
                out[at] = round(now * weights[lead])
                at += 1
        view[: n * LEADS] = out
        return n

    def _level(self, _, __):
        return self._offset + self._amplitude

    def _sine(self, t, _):
        return self._offset + self._amplitude * math.sin(2 * math.pi * self._frequency * t)

    def _square(self, t, rate_hz):
        """The mean over the time of a frame, so that an edge within one is seen there."""
        return self._offset + self._amplitude * (self._slope(t + 1 / rate_hz) - self._slope(t)) * rate_hz

    def _slope(self, t):
        """A triangle whose slope is the square wave: up first."""
        half = 0.5 / self._frequency
        into = t % (2 * half)
        return into if into < half else 2 * half - into
