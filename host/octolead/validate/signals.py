# SPDX-License-Identifier: Apache-2.0
"""Dynamic range, the smallest signal, crosstalk, the answer to an impulse and to a step, and what is there without a signal."""

from __future__ import annotations

import numpy as np

from ..measure import measure_noise, measure_pulse
from ..recording import Recording
from ..selftest.hands import Declined
from .bench import ANALYSIS, MONITOR, MONITOR_150, Bench, by_lead
from .stimulus import Floats, Signal
from .tones import fit_tones

SECTION_S = 3.0
_LARGE_HZ, _LARGE_UV = 4.0, 5000.0  # 10 mV p-p; 2π · 4 Hz · 5 mV is 126 mV/s
_SMALL_HZ, _SMALL_UV = 10.0, 25.0
_SECTIONS = (("0 mV", 0.0), ("+300 mV", 3e5), ("-300 mV", -3e5))
CROSS_HZ = (7.0, 9.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0)
_CROSS_UV = 1000.0
PULSES_AT_S, PULSE_S, PULSE_UV = (22.0, 27.0, 32.0, 37.0), 0.1, 3000.0
_BEFORE_S, _BEHIND_S, _SMOOTH_S = 1.0, 3.5, 0.03
STEP_AT_S, STEP_UV = 44.0, 3e5
_BACK_UV = 1000.0
_QUIET = "Switch the generator off; leave its leads where they are"


# Large and small signals


def _large(offset_uv: float, name: str) -> Signal:
    words = f"Set the generator to a sine of {_LARGE_HZ:g} Hz, 10 mV peak to peak, on a level of {name}"
    return Signal(words, SECTION_S, lambda t: np.asarray(offset_uv + _LARGE_UV * np.sin(2 * np.pi * _LARGE_HZ * t)))


def _small() -> Signal:
    words = f"Set the generator to a sine of {_SMALL_HZ:g} Hz, 50 µV peak to peak, without a level"
    return Signal(words, SECTION_S, lambda t: np.asarray(_SMALL_UV * np.sin(2 * np.pi * _SMALL_HZ * t)))


def _one_after_another(signals: list[Signal]) -> Signal:
    def microvolt(t: Floats) -> Floats:
        section = np.minimum((t / SECTION_S).astype(int), len(signals) - 1)
        return np.asarray(np.choose(section, [signal.microvolt(t) for signal in signals]), np.float64)

    return Signal("", SECTION_S * len(signals), microvolt)


async def dynamic(bench: Bench) -> None:
    """10 mV p-p on three levels, and 50 µV p-p."""
    signals = [*(_large(offset, name) for name, offset in _SECTIONS), _small()]
    if bench.stimulus.plays_all:
        with await bench.record("large and small sines", _one_after_another(signals), SECTION_S * len(signals)) as recording:
            parts = [bench.seen(recording, SECTION_S * k + 0.5, SECTION_S * (k + 1) - 0.25) for k in range(len(signals))]
    else:
        parts = []
        for signal in signals:
            with await bench.record("a sine", signal, SECTION_S) as recording:
                parts.append(bench.seen(recording, 0.5, SECTION_S - 0.25))
    errors: dict[str, float] = {}
    for (name, _), part in zip(_SECTIONS, parts, strict=False):
        amplitude = np.abs(fit_tones(part, bench.rate_hz, bench.seen_hz((_LARGE_HZ,)))[0])
        errors |= {f"{lead} at {name}": value for lead, value in by_lead(recording, np.abs(100 * (amplitude / _LARGE_UV - 1))).items()}
    bench.judge("dynamic", errors)
    small = 2 * np.abs(fit_tones(parts[-1], bench.rate_hz, bench.seen_hz((_SMALL_HZ,)))[0])
    bench.judge("smallest", by_lead(recording, small))


# Crosstalk


async def crosstalk(bench: Bench) -> None:
    """Each lead has a frequency of its own: what of it is in the others?"""

    def microvolt(t: Floats) -> Floats:
        return np.asarray(_CROSS_UV * np.cos(2 * np.pi * np.outer(t, CROSS_HZ)))

    with await bench.record("a sine of its own in each lead", Signal("", 8.0, microvolt, needs_leads=True), 7.0) as recording:
        found = np.abs(fit_tones(bench.seen(recording, 0.5, 6.5), bench.rate_hz, bench.seen_hz(CROSS_HZ)))
        leads = recording.stored_leads
    own = np.diag(found)
    values = {
        f"{leads[source]} in {leads[to]}": 100 * float(found[source, to] / own[source]) if own[source] else float("nan")
        for source in range(len(leads))
        for to in range(len(leads))
        if source != to
    }
    bench.judge_live("crosstalk", values)
    bench.judge_live("crosstalk_ambulatory", values)


# Impulse and step


def _pulses_and_step(t: Floats) -> Floats:
    inside = np.any([(t >= at) & (t < at + PULSE_S) for at in PULSES_AT_S], axis=0)
    return np.asarray(PULSE_UV * inside + STEP_UV * (t >= STEP_AT_S), np.float64)


async def pulse(bench: Bench) -> None:
    """3 mV for 100 ms through the monitor's filter; a step of 300 mV through the analysis' one."""
    signal = Signal("pulses of 3 mV, 100 ms, then a step of 300 mV", STEP_AT_S + 14, _pulses_and_step, needs_shape=True)
    with await bench.record("impulses and a step", signal, STEP_AT_S + 12) as recording:
        shown = _mean_pulse(bench, recording)
        live = [(k, lead) for k, lead in enumerate(recording.stored_leads) if lead not in bench.dead]
        found = {lead: measure_pulse(shown[:, k : k + 1], bench.rate_hz, window_s=2.0) for k, lead in live}
        bench.judge_live("impulse_slope", {lead: float(each.slope_uv_per_s[0]) for lead, each in found.items()})
        bench.judge_live("impulse_undershoot", by_lead(recording, _displacement(shown, bench.rate_hz)))
        bench.judge_live("baseline_step", by_lead(recording, _back_s(bench, recording)))


def _mean_pulse(bench: Bench, recording: Recording) -> Floats:
    """The mean of the answers, for noise is no slope and no displacement."""
    parts = [bench.seen(recording, at - _BEFORE_S, at + _BEHIND_S, MONITOR) for at in PULSES_AT_S]
    return np.asarray(np.mean(parts, axis=0), np.float64)


def _displacement(shown: Floats, rate_hz: float) -> Floats:
    """How far each lead goes below where it was, behind the pulse, in means over 30 ms."""
    rest = shown[round((_BEFORE_S - 0.5) * rate_hz) : round((_BEFORE_S - 0.05) * rate_hz)].mean(axis=0)
    behind = shown[round((_BEFORE_S + PULSE_S + 0.02) * rate_hz) :]
    n = round(_SMOOTH_S * rate_hz)
    smooth = [np.convolve(behind[:, k], np.full(n, 1 / n), "valid") for k in range(behind.shape[1])]
    return np.asarray(np.maximum(0, rest - np.min(smooth, axis=1)), np.float64)


def _back_s(bench: Bench, recording: Recording) -> Floats:
    """Seconds after the step until each lead stays within _BACK_UV."""
    shown = bench.seen(recording, STEP_AT_S, STEP_AT_S + 8, ANALYSIS)
    beyond = np.abs(shown) > _BACK_UV
    last = np.where(beyond.any(axis=0), len(shown) - np.argmax(beyond[::-1], axis=0), 0)
    return np.asarray(last / bench.rate_hz, np.float64)


# Nothing


async def quiet(bench: Bench) -> None:
    """Noise and drift without a signal; a mark from a distance amid them."""
    told: list[int] = []

    async def mark() -> None:
        told.append(await bench.recorder.mark("validation"))

    signal = Signal(_QUIET, 1.0, np.zeros_like)
    try:
        recording = await bench.record("no signal", signal, 42.0, mark)
    except Declined as declined:
        bench.leave(str(declined), "noise", "noise_ambulatory", "baseline_drift", "baseline_drift_long", "event_remote")
        return
    with recording:
        noise = by_lead(recording, measure_noise(bench.seen(recording, 20.0, 41.0, MONITOR_150), bench.rate_hz).worst_uv)
        bench.judge("noise", noise)
        bench.judge("noise_ambulatory", noise)
        raw = bench.seen(recording, 1.0, 41.0)
        slope = np.polyfit(np.arange(len(raw)) / bench.rate_hz, raw, 1)[0]
        bench.judge("baseline_drift", by_lead(recording, slope))
        bench.judge("baseline_drift_long", by_lead(recording, 120 * slope))
        marks = [each.frame for each in recording.marks if each.text == "validation"]
        bench.judge("event_remote", min((abs(frame - told[0]) for frame in marks), default=float("inf")))
