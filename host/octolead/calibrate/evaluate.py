# SPDX-License-Identifier: Apache-2.0
"""From signals to quantities with their budgets; pure, so the same lines serve a recorder and a model of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .. import measure
from ..calibration import LEADS
from ..measure import Estimate, Estimates
from ..measure.estimate import Floats
from .bench import Reference
from .uncertainty import Component, Quantity, from_repeats, quantity, within


@dataclass(frozen=True)
class Conditions:
    """What is known of the surroundings, for components of type B.

    Attributes:
        temperature_c: of the room or the recorder; None: not known.
        spread_c: ± by which it moves while it is measured.
        gain_ppm_per_c: of gain and reference voltage together (data sheet, from memory: 5 and 45).
        offset_nv_per_c: (data sheet, from memory: 2 µV).
        rate_ppm_per_c: of the converter's own oscillator (from memory: 2.5 % over 125 °C at most).
        crosstalk: ± part of a gain that may have come over from other leads, where crosstalk is not measured.
    """

    temperature_c: float | None = None
    spread_c: float = 0.5
    gain_ppm_per_c: float = 50.0
    offset_nv_per_c: float = 2000.0
    rate_ppm_per_c: float = 200.0
    crosstalk: float = 0.0005


NOMINAL = Conditions()
Leads = dict[str, Quantity]
"""One quantity a lead."""


def _of_leads(found: Estimates, leads: Sequence[int], unit: str, others: Sequence[Component]) -> Leads:
    """Type A of each lead and the components that all share."""
    return {LEADS[k]: quantity(found.values[k], unit, [from_repeats(found.u[k], found.n), *others]) for k in leads}


def shorted(microvolt: Floats, rate_hz: float, step_uv: float, conditions: Conditions) -> tuple[Leads, Leads, Leads]:
    """(offset, noise rms, noise peak to peak in 10 s) in µV, of shorted inputs."""
    windows = measure.measure_noise(microvolt, rate_hz, window_s=1.0)
    long = measure.measure_noise(microvolt, rate_hz)
    everyone = range(len(LEADS))
    others = [
        within("quantisation", step_uv / 2),
        within("temperature", conditions.offset_nv_per_c * conditions.spread_c / 1000, common=False),
    ]
    offset = _of_leads(_whitened(microvolt, windows.offset, rate_hz), everyone, "µV", others)
    rms = _of_leads(windows.rms, everyone, "µV", [])
    peaks = {LEADS[k]: quantity(long.worst_uv[k], "µV", [from_repeats(long.peak_to_peak.u[k], long.peak_to_peak.n)]) for k in everyone}
    return offset, rms, peaks


def _whitened(microvolt: Floats, found: Estimates, rate_hz: float) -> Estimates:
    """The offset with the uncertainty that noise rising towards 0 Hz leaves: neighbouring seconds are alike then.

    Their correlation r makes a mean less certain by the square root of (1 + r) / (1 - r); less than none is taken for none.
    """
    seconds = measure.estimate.split(microvolt, found.n).mean(axis=1)
    away = seconds - seconds.mean(axis=0)
    r = np.clip((away[1:] * away[:-1]).sum(axis=0) / (away**2).sum(axis=0) + 1 / found.n, 0, 0.9)
    return Estimates(found.values, found.u * np.sqrt((1 + r) / (1 - r)), found.n, found.unit)


@dataclass(frozen=True)
class Driven:
    """What a reference at some leads showed.

    Attributes:
        amplitude: µV, half of peak to peak.
        frequency: Hz.
        skew: µs sampled later.
        rest_uv: rms of what is no sine (0 for a square wave).
    """

    amplitude: Estimates
    frequency: Estimate
    skew: Estimates
    rest_uv: Floats


def driven(microvolt: Floats, rate_hz: float, shape: str, near_hz: float | None = None) -> Driven:
    """Fit the reference's shape.

    Raises:
        MeasureError: it is not there.
    """
    if shape == "sine":
        fit = measure.fit_sine(microvolt, rate_hz, near_hz=near_hz)
        return Driven(fit.amplitude, fit.frequency, fit.skew(), fit.residual_uv)
    square = measure.fit_square(microvolt, rate_hz)
    period = square.period
    hertz = Estimate(1 / period.value, period.u / period.value**2, period.n, "Hz")
    return Driven(square.amplitude, hertz, square.sampled_later(), np.zeros(microvolt.shape[1]))


def gain(found: Driven, leads: Sequence[int], reference: Reference, step_uv: float, conditions: Conditions) -> Leads:
    """Gain over nominal, less 1, of the leads that see all of the reference."""
    others = [
        within("reference", reference.amplitude_tolerance, common=True),
        within("quantisation", step_uv / 2 / reference.amplitude_uv),
        within("temperature", conditions.gain_ppm_per_c * conditions.spread_c * 1e-6, common=True),
    ]
    errors = Estimates(
        np.abs(found.amplitude.values) / reference.amplitude_uv - 1, found.amplitude.u / reference.amplitude_uv, found.amplitude.n, "1"
    )
    return _of_leads(errors, leads, "1", others)


def gain_change(found: Driven, before: Driven, leads: Sequence[int]) -> Leads:
    """Part by which the gain differs from that measured before with the same reference."""
    values = np.abs(found.amplitude.values / before.amplitude.values) - 1
    repeats = found.amplitude.u / np.abs(before.amplitude.values), before.amplitude.u / np.abs(before.amplitude.values)
    ns = found.amplitude.n, before.amplitude.n
    return {
        LEADS[k]: quantity(values[k], "1", [from_repeats(float(u[k]), n) for u, n in zip(repeats, ns, strict=True)]) for k in leads
    }  # fmt: skip


def rate(found: Driven, reference: Reference, conditions: Conditions) -> Quantity:
    """Ppm by which it samples faster than it says."""
    seen = found.frequency
    error = (reference.frequency_hz / seen.value - 1) * 1e6
    others = [
        within("reference", reference.frequency_tolerance_ppm, common=True),
        within("temperature", conditions.rate_ppm_per_c * conditions.spread_c, common=True),
    ]
    return quantity(error, "ppm", [from_repeats(seen.u / seen.value * 1e6, seen.n), *others])


def response(found: Driven, at: Driven, leads: Sequence[int], reference: Reference) -> Leads:
    """Amplitude over that at the reference's frequency."""
    relative = gain_change(found, at, leads)
    flat = within("flatness of the reference", reference.flatness, common=True)
    return {name: quantity(1 + part.value, "1", [*part.components, flat]) for name, part in relative.items()}


def skew(found: Driven, leads: Sequence[int]) -> Leads:
    """µs sampled later than the mean of the leads."""
    return _of_leads(found.skew, leads, "µs", [])


def crosstalk(microvolt: Floats, rate_hz: float, frequency_hz: float, source: int, into: Sequence[int]) -> Leads:
    """Part of one lead's signal that is seen in others."""
    found = measure.crosstalk(microvolt, rate_hz, frequency_hz, [source])
    return _of_leads(found, into, "1", [])


def without_crosstalk(gains: Leads, crosstalk: dict[str, Leads], weights: Mapping[str, Sequence[float]]) -> Leads:
    """Gains less what came over from other leads while they were measured.

    Args:
        gains: as measured.
        crosstalk: {source: {into: part}}, taken to be the same at all frequencies.
        weights: {lead: what each lead saw of the reference when this one's gain was measured}.
    """
    return {name: _alone(name, found, crosstalk, weights[name]) for name, found in gains.items()}


def _alone(name: str, found: Quantity, crosstalk: dict[str, Leads], weights: Sequence[float]) -> Quantity:
    seen = [(w, crosstalk[source][name]) for source, w in zip(LEADS, weights, strict=True) if w and name in crosstalk.get(source, {})]
    over = sum(weight * part.value for weight, part in seen)
    u = float(np.sqrt(sum((weight * part.u) ** 2 for weight, part in seen)))
    return quantity(found.value - over, "1", [*found.components, Component("crosstalk", u, "A", "normal")])


def with_crosstalk(gains: Leads, conditions: Conditions) -> Leads:
    """Gains where crosstalk was not measured: what may have come over makes them less certain."""
    other = within("crosstalk, not measured", conditions.crosstalk)
    return {name: quantity(found.value, found.unit, [*found.components, other]) for name, found in gains.items()}
