# SPDX-License-Identifier: Apache-2.0
"""Sines of many frequencies: gain, bandwidth, phase, skew and the rate, through the filters of the viewer."""

from __future__ import annotations

import numpy as np

from ..measure import fit_sine, rate_error
from ..recording import Recording
from ..view.signals import Filters
from .bench import AMBULATORY, AMBULATORY_40, MONITOR, MONITOR_150, RAW, Bench, by_lead
from .stimulus import Floats, Signal
from .tones import Complexes, fit_tones

TONES_HZ = (0.05, 0.5, 0.67, 1.0, 5.0, 10.0, 20.0, 40.0, 100.0, 140.0, 150.0)
TONE_UV = 300.0
SETTLE_S = 20.0  # the monitor's filter forgets with 3.2 s
_DAY_S = 86400
_PATHS = {"raw": RAW, "monitor": MONITOR, "monitor150": MONITOR_150, "ambulatory": AMBULATORY, "ambulatory40": AMBULATORY_40}
_CLOCK_HZ = 40.0
_AFTER_S = 2.0
_DEAD_PERCENT = 10.0

Found = dict[str, dict[float, Complexes]]
"""Path, frequency: complex amplitude of each lead."""


def _tones(tones_hz: tuple[float, ...], seconds: float) -> Signal:
    words = " and ".join(f"{hz:g} Hz" for hz in tones_hz)

    def microvolt(t: Floats) -> Floats:
        return np.asarray(TONE_UV * np.cos(2 * np.pi * np.outer(t, tones_hz)).sum(axis=1))

    return Signal(f"Set the generator to a sine of {words}, {2 * TONE_UV / 1000:g} mV peak to peak", seconds, microvolt)


def _window_s(lowest_hz: float) -> float:
    return max(6.0, 2 / lowest_hz)


async def response(bench: Bench) -> None:
    """Record the tones, together or one after another, and judge what is made of them."""
    tones = tuple(hz for hz in TONES_HZ if hz < 0.45 * bench.rate_hz)
    groups = [tones] if bench.stimulus.plays_all else [(_CLOCK_HZ,), *((hz,) for hz in tones if hz != _CLOCK_HZ)]
    found: Found = {name: {} for name in _PATHS}
    for group in groups:
        recording = await _record(bench, group)
        with recording:
            window_s = _window_s(min(group))
            if _CLOCK_HZ in group:
                _judge_clock(bench, bench.seen(recording, SETTLE_S, SETTLE_S + window_s))
            for name, chosen in _PATHS.items():
                found[name].update(_fit(bench, recording, chosen, group, window_s))
    _judge(bench, recording, found)


async def _record(bench: Bench, group: tuple[float, ...]) -> Recording:
    seconds = SETTLE_S + _window_s(min(group)) + _AFTER_S
    return await bench.record("sines" if len(group) > 1 else f"sine of {group[0]:g} Hz", _tones(group, seconds + _AFTER_S), seconds)


def _judge_clock(bench: Bench, signal: Floats) -> None:
    error = rate_error(fit_sine(signal, bench.rate_hz, near_hz=_CLOCK_HZ), _CLOCK_HZ)
    bench.rate_scale = 1 + error.value * 1e-6
    bench.judge("time", error.value * 1e-6 * _DAY_S, uncertainty=2 * error.u * 1e-6 * _DAY_S)


def _fit(bench: Bench, recording: Recording, chosen: Filters, group: tuple[float, ...], window_s: float) -> dict[float, Complexes]:
    signal = bench.seen(recording, SETTLE_S, SETTLE_S + window_s, chosen)
    return dict(zip(group, fit_tones(signal, bench.rate_hz, bench.seen_hz(group)), strict=True))


def _judge(bench: Bench, recording: Recording, found: Found) -> None:
    raw = found["raw"]
    gain = by_lead(recording, 100 * np.abs(raw[10.0]) / TONE_UV)
    bench.judge("gain", gain)
    bench.judge("gain_ambulatory", gain)
    bench.dead = {lead for lead, value in gain.items() if value < _DEAD_PERCENT}
    bench.judge_live("band", _beside(recording, found["monitor"], raw[10.0]))
    bench.judge_live("band_low_pass", _beside(recording, found["monitor150"], raw[10.0]))
    ambulatory = [{hz: values for hz, values in found[name].items() if 0.67 <= hz <= 40} for name in ("ambulatory", "ambulatory40")]
    bench.judge_live("band_ambulatory", _beside(recording, ambulatory[0], raw[5.0]))
    bench.judge_live("band_ambulatory_low_pass", _beside(recording, ambulatory[1], raw[5.0]))
    bench.judge_live("zero_phase", by_lead(recording, np.degrees(np.angle(found["ambulatory"][1.0] / raw[1.0]))))
    late_ms = np.angle(raw[5.0] / np.exp(1j * np.median(np.angle(raw[5.0])))) / (2 * np.pi * 5) * 1000
    bench.judge_live("skew", by_lead(recording, np.abs(late_ms)))
    bench.judge_live("skew_simultaneous", by_lead(recording, np.abs(late_ms)))
    bench.judge("sample_rate", recording.fs_hz)
    bench.judge("resolution", recording.step_uv * _as_by_default(recording))


def _as_by_default(recording: Recording) -> float:
    """Validation rounds less than a recorder does by default (shift 6)."""
    return float(2 ** (6 - recording.shift))


def _beside(recording: Recording, found: dict[float, Complexes], reference: Complexes) -> dict[str, float]:
    """Amplitudes in per cent of the reference, by lead and frequency."""
    ratios = {hz: by_lead(recording, 100 * np.abs(values) / np.abs(reference)) for hz, values in found.items()}
    return {f"{lead} at {hz:g} Hz": value for hz, leads in ratios.items() for lead, value in leads.items()}
