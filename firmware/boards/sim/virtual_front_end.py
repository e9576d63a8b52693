# SPDX-License-Identifier: Apache-2.0
"""What a real front end does to the signal before it is converted: configuration `front_end`, for electrodes and test signal alike.

{"seed": 1,           of the noise; a run with the same seed has the same noise, which goes on from session to session
 "gain_ppm": 0,       error of each lead's gain: a number for all, or eight
 "offset_nv": 0,      likewise, added at the input
 "noise_nv": 0,       likewise, rms of white noise at the input
 "skew_us": 0,        likewise: how much later the lead is sampled
 "crosstalk": [],     [[from lead, to lead, ppm], ...], leads 0 to 7
 "rate_ppm": 0,       the converter's clock is faster; the test signal is made of the same clock
 "dead": []}          leads whose input is cut: only offset and noise are left

An electrode's signal is read between its frames by 24 weights (sinc under a Kaiser window): right to 0.01 % up to a third of the rate.
"""

import math
from array import array

import micropython
from recorder.errors import SettingError

LEADS = 8
TAPS = 24
PHASES = 1024
_BEFORE = TAPS // 2 - 1
_UNIT = 30  # bits of a frame's fraction
_WEIGHT = 22  # bits of a weight
_FRAMES = 128  # read in one go
DEFAULTS = {
    "seed": 1,
    "gain_ppm": 0,
    "offset_nv": 0,
    "noise_nv": 0,
    "skew_us": 0,
    "crosstalk": (),
    "rate_ppm": 0,
    "dead": (),
}


@micropython.viper
def _clear(nv_: object, n: int, lead: int):
    nv = ptr32(nv_)
    at = lead
    for _ in range(n):
        nv[at] = 0
        at += 8


@micropython.viper
def _cross(nv_: object, clean_: object, n: int, source: int, to: int, ppb: int):
    nv = ptr32(nv_)
    clean = ptr32(clean_)
    at = 0
    for _ in range(n):
        value = clean[at + source]
        if value > 0x7FFFFFFF:
            value -= 0x100000000
        nv[at + to] = nv[at + to] + (value * ppb + 500000000) // 1000000000
        at += 8


@micropython.viper
def _spoil(nv_: object, n: int, gain_: object, offset_: object, noise_: object, state_: object):
    # noise: the sum of four uniform 16-bit numbers of a 32-bit xorshift; mean 131070, standard deviation 37837
    nv = ptr32(nv_)
    gain = ptr32(gain_)
    offset = ptr32(offset_)
    noise = ptr32(noise_)
    state = ptr32(state_)
    x = state[0] & 0xFFFFFFFF
    at = 0
    for _ in range(n):
        for lead in range(8):
            value = nv[at]
            if value > 0x7FFFFFFF:
                value -= 0x100000000
            error = gain[lead]
            if error > 0x7FFFFFFF:
                error -= 0x100000000
            total = 0
            for _ in range(2):
                x ^= x << 13 & 0xFFFFFFFF
                x ^= x >> 17
                x ^= x << 5 & 0xFFFFFFFF
                total += (x & 0xFFFF) + (x >> 16)
            value += (value * error + 500000000) // 1000000000 + offset[lead]
            nv[at] = value + (noise[lead] * (total - 131070) + 18918) // 37837
            at += 1
    state[0] = x


@micropython.viper
def _between(nv_: object, n: int, source_: object, start: int, step: int, shifts_: object, weights_: object):
    # frame i of a lead lies at start + i step + shift of `source`, in 2^-30 frames
    nv = ptr32(nv_)
    source = ptr32(source_)
    shifts = ptr32(shifts_)
    weights = ptr32(weights_)
    at = 0
    for i in range(n):
        for lead in range(8):
            place = start + i * step + (shifts[lead] << 20) + (1 << 19)
            tap = ((place >> 20) & 1023) * 24
            from_ = (place >> 30) * 8 + lead
            total = 0
            for _ in range(24):
                value = source[from_]
                if value > 0x7FFFFFFF:
                    value -= 0x100000000
                weight = weights[tap]
                if weight > 0x7FFFFFFF:
                    weight -= 0x100000000
                total += value * weight
                from_ += 8
                tap += 1
            nv[at] = (total + (1 << 21)) >> 22
            at += 1


def _bessel(x):
    """The modified Bessel function I0, by its series."""
    total = term = 1.0
    for k in range(1, 40):
        term *= (x / (2 * k)) ** 2
        total += term
    return total


def _weights():
    """TAPS weights for each of PHASES places between two frames; each set sums to 2^22."""
    table = array("i", bytes(4 * PHASES * TAPS))
    beta = 8.0
    for phase in range(PHASES):
        row = []
        for tap in range(TAPS):
            x = tap - _BEFORE - phase / PHASES
            inside = 1 - (2 * x / TAPS) ** 2
            window = _bessel(beta * math.sqrt(inside)) if inside > 0 else 0.0
            row.append(window * (math.sin(math.pi * x) / (math.pi * x) if x else 1.0))
        scale = (1 << _WEIGHT) / sum(row)
        for tap in range(TAPS):
            table[phase * TAPS + tap] = round(row[tap] * scale)
        table[phase * TAPS + _BEFORE] += (1 << _WEIGHT) - sum(table[phase * TAPS : phase * TAPS + TAPS])
    return table


def _eight(config, name, scale):
    """The value of each lead as whole numbers of 1/scale."""
    value = config[name]
    values = list(value) if isinstance(value, (list, tuple)) else [value] * LEADS
    if len(values) != LEADS:
        raise SettingError("front_end %s: a number, or one for each of %d leads, got %d" % (name, LEADS, len(values)))
    return array("i", [round(v * scale) for v in values])


class FrontEnd:
    """The errors of one recorder's front end."""

    def __init__(self, config):
        unknown = [key for key in config if key not in DEFAULTS]
        if unknown:
            raise SettingError("front_end: unknown keys: %s" % ", ".join(sorted(unknown)))
        whole = dict(DEFAULTS)
        whole.update(config)
        self.rate_ppb = round(whole["rate_ppm"] * 1000)
        self.skew_us = [v / 1000 for v in _eight(whole, "skew_us", 1000)]
        self._gain_ppb = _eight(whole, "gain_ppm", 1000)
        self._offset_nv = _eight(whole, "offset_nv", 1)
        self._noise_nv = _eight(whole, "noise_nv", 1)
        self._crosstalk = [(source, to, round(ppm * 1000)) for source, to, ppm in whole["crosstalk"]]
        self._dead = list(whole["dead"])
        self._state = array("I", [(whole["seed"] * 2654435761 & 0xFFFFFFFF) or 1])
        self._clean = array("i", bytes(4 * LEADS * _FRAMES))
        self._moves = bool(self.rate_ppb or any(self.skew_us))
        self._weights = _weights() if self._moves else None
        self._shifts = array("i", bytes(4 * LEADS))  # of the skew, in 1/1024 frames, all at least 0
        self._before = 0  # whole frames by which the shifts were raised for that
        self._near = array("i", bytes(4 * LEADS * 2 * _FRAMES))

    def prepare(self, rate_hz):
        """Conversions begin at this rate."""
        self.rate_hz = rate_hz * (1 + self.rate_ppb * 1e-9)
        frames = [us * 1e-6 * self.rate_hz for us in self.skew_us]
        self._before = -math.floor(min(frames))
        if max(frames) + self._before > _FRAMES - TAPS - 2:
            raise SettingError("front_end skew_us: the leads are more than %d frames apart" % (_FRAMES - TAPS - 2))
        for lead in range(LEADS):
            self._shifts[lead] = round((frames[lead] + self._before) * PHASES)

    def time_s(self, frame, lead):
        """When a lead is sampled for a frame, seconds after the first."""
        return frame / self.rate_hz + self.skew_us[lead] * 1e-6

    def shift(self, lead):
        """How many frames later a lead is sampled."""
        return self.skew_us[lead] * 1e-6 * self.rate_hz

    def read(self, source, frame, view, n):
        """Read up to n frames of the source, each lead when it is sampled; return how many."""
        if not self._moves:
            return source.read(frame, view, n)
        place = (frame << _UNIT) * 1000000000 // (1000000000 + self.rate_ppb)
        first = (place >> _UNIT) - self._before - _BEFORE
        self._fill(source, first, n + TAPS + 2 + (max(self._shifts) >> 10))
        step = (1000000000 << _UNIT) // (1000000000 + self.rate_ppb)
        _between(view, n, self._near, place & (1 << _UNIT) - 1, step, self._shifts, self._weights)
        return n

    def _fill(self, source, first, n):
        view = memoryview(self._near)
        done = 0
        while done < n:
            done += source.read(first + done, view[done * LEADS :], n - done)

    def spoil(self, view, n):
        """Put the errors of gain, offset, noise, crosstalk and dead leads on n frames."""
        for lead in self._dead:
            _clear(view, n, lead)
        if self._crosstalk:
            memoryview(self._clean)[: n * LEADS] = view[: n * LEADS]
            for source, to, ppb in self._crosstalk:
                _cross(view, self._clean, n, source, to, ppb)
        _spoil(view, n, self._gain_ppb, self._offset_nv, self._noise_nv, self._state)
