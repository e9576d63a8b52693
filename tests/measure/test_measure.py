# SPDX-License-Identifier: Apache-2.0
"""Estimators against signals whose truth is known, and their uncertainties against how far they really are off."""

import numpy as np
import pytest

from octolead import measure
from octolead.measure import MeasureError

FS = 500.0
LEADS = 8
RNG = np.random.default_rng(20)
AMPLITUDES = 500.0 * (1 + np.arange(-4, 4) / 1000)
OFFSETS = np.linspace(-80, 90, LEADS)


def times(seconds, fs=FS):
    return np.arange(round(seconds * fs)) / fs


def sine(seconds=20.0, hz=10.0, amplitude=AMPLITUDES, skew_us=0.0, noise_uv=0.0, drift=0.0, rng=RNG):
    t = times(seconds)[:, None] + np.broadcast_to(skew_us, LEADS) * 1e-6
    clean = OFFSETS + amplitude * np.sin(2 * np.pi * hz * t + 0.3) + drift * t
    return clean + rng.normal(0, noise_uv, clean.shape) if noise_uv else clean


def square(seconds=20.0, period_s=1.024, amplitude=AMPLITUDES, late_frames=0.0, noise_uv=0.0, drift=0.0, rng=RNG):
    """Each frame is the mean over its time, so edges that fall within a frame are seen there."""
    at = np.arange(round(seconds * FS))[:, None] - np.broadcast_to(late_frames, LEADS) + 40.3
    phase = lambda x: np.abs((x / FS / period_s + 0.25) % 1 - 0.5) * period_s * FS  # noqa: E731 - its slope is the square wave
    clean = OFFSETS + amplitude * (phase(at) - phase(at + 1)) + drift * times(seconds)[:, None]
    return clean + rng.normal(0, noise_uv, clean.shape) if noise_uv else clean


def test_a_clean_sine_is_found_exactly_with_drift_and_offset():
    fit = measure.fit_sine(sine(hz=9.8765, drift=7.0), FS)
    assert fit.frequency.value == pytest.approx(9.8765, rel=1e-9)
    assert fit.amplitude.values == pytest.approx(AMPLITUDES, rel=1e-7)
    assert fit.offset.values == pytest.approx(OFFSETS + 7.0 * (20 - 1 / FS) / 2, abs=1e-4)
    assert fit.residual_uv.max() < 1e-5


def test_a_lead_that_is_dead_has_no_amplitude_and_spoils_no_other():
    fit = measure.fit_sine(sine(amplitude=np.where(np.arange(8) == 5, 0, AMPLITUDES), noise_uv=1.0), FS)
    assert abs(fit.amplitude.values[5]) < 0.1
    assert np.delete(fit.amplitude.values, 5) == pytest.approx(np.delete(AMPLITUDES, 5), abs=0.1)
    assert np.isnan(fit.skew().values[5]) and not np.isnan(np.delete(fit.skew().values, 5)).any()


def test_skew_of_sine_and_square_has_one_sign_and_does_not_mind_inverted_leads():
    skew_us = np.array([0, 0, 100, -50, 0, 0, 0, -50.0])
    signs = np.array([1, -1, 1, -1, 1, 1, 1, 1.0])
    fit = measure.fit_sine(sine(hz=40, amplitude=signs * AMPLITUDES, skew_us=skew_us), FS)
    assert fit.skew().values == pytest.approx(skew_us, abs=0.01)
    edges = measure.fit_square(square(late_frames=-skew_us * 1e-6 * FS), FS)
    assert edges.sampled_later().values == pytest.approx(skew_us, abs=1)


def test_a_clean_square_wave_is_found_exactly_with_a_drift_of_second_order():
    t = times(20)[:, None]
    fit = measure.fit_square(square(drift=5.0) + 0.7 * t**2, FS)
    assert fit.amplitude.values == pytest.approx(AMPLITUDES, abs=0.01)
    assert fit.period.value == pytest.approx(1.024, rel=5e-6)
    inverted = measure.fit_square(square(amplitude=np.where(np.arange(8) == 2, -200, AMPLITUDES)), FS)
    assert inverted.amplitude.values[2] == pytest.approx(-200, abs=0.01)
    assert measure.fit_square(square(), FS).offset.values == pytest.approx(OFFSETS, abs=0.01)


@pytest.mark.parametrize("kind", ["sine", "square", "noise"])
def test_the_uncertainty_is_what_the_values_scatter_by(kind):
    """Mean of (value - truth)² / u² over 60 records of 8 leads; Student's t with few repeats has (n - 1) / (n - 3) there."""
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(60):
        if kind == "sine":
            found, truth = measure.fit_sine(sine(8, noise_uv=2.0, rng=rng), FS, repeats=16).amplitude, AMPLITUDES
        elif kind == "square":
            found, truth = measure.fit_square(square(34, noise_uv=2.0, rng=rng), FS).amplitude, AMPLITUDES
        else:
            found, truth = measure.measure_noise(OFFSETS + rng.normal(0, 2.0, (8000, 8)), FS, window_s=1.0).offset, OFFSETS
        ratios.append(((found.values - truth) / found.u) ** 2)
    n = found.n
    assert np.mean(ratios) == pytest.approx((n - 1) / (n - 3), rel=0.25)


def test_the_frequency_is_known_as_well_as_it_says():
    rng = np.random.default_rng(4)
    fits = [measure.fit_sine(sine(8, noise_uv=5.0, rng=rng), FS, repeats=16).frequency for _ in range(60)]
    z = [(f.value - 10.0) / f.u for f in fits]
    assert 0.7 < np.std(z) < 1.4
    assert max(abs(f.value - 10) for f in fits) < 1e-4


def test_noise_of_a_known_level_and_its_line():
    t = times(30)[:, None]
    noise = measure.measure_noise(OFFSETS + RNG.normal(0, 1.5, (15000, 8)) + 3.0 * np.sin(2 * np.pi * 50 * t), FS)
    assert noise.rms.values == pytest.approx(np.hypot(1.5, 3 / np.sqrt(2)), rel=0.02)
    assert noise.line_hz == pytest.approx(50, abs=0.1) and noise.line_uv == pytest.approx(3.0, rel=0.1)
    assert (noise.worst_uv >= noise.peak_to_peak.values).all() and (noise.peak_to_peak.values > 8).all()
    assert noise.offset.values == pytest.approx(OFFSETS, abs=0.1)


def test_bandwidth_finds_where_a_first_order_filter_falls():
    points = []
    for hz in (1.0, 10.0, 40.0, 100.0, 150.0, 200.0):
        response = 1 / np.sqrt(1 + (hz / 150) ** 2)
        points.append((hz, measure.amplitude_at(sine(10, hz, AMPLITUDES * response), FS, hz)))
    found = measure.bandwidth(points, 10.0)
    truth = np.sqrt((1 + (10 / 150) ** 2) / 2)
    assert found.ratio[4] == pytest.approx(truth, rel=1e-6)
    assert found.edge_hz(truth) == pytest.approx(150.0, rel=1e-3)
    assert np.isnan(found.edge_hz(upper=False)).all()
    with pytest.raises(MeasureError, match="5 Hz, which was not measured"):
        measure.bandwidth(points, 5.0)


def test_crosstalk_is_signed_and_told_for_leads_that_are_not_driven():
    amplitude = np.zeros(8)
    amplitude[3], amplitude[4], amplitude[0] = 500, 1.0, -2.0
    found = measure.crosstalk(sine(amplitude=amplitude, noise_uv=1.0), FS, 10.0, [3])
    assert np.isnan(found.values[3])
    assert found.values[[4, 0, 1]] == pytest.approx([0.002, -0.004, 0.0], abs=5 * found.u[4])
    assert found.u[4] < 1e-4


def test_a_recorder_that_is_too_fast_has_a_positive_error():
    t = times(20) / (1 + 80e-6)
    fit = measure.fit_sine(np.sin(2 * np.pi * 10 * t)[:, None] * 500, FS)
    assert measure.rate_error(fit, 10.0).value == pytest.approx(80, abs=0.01)
    seconds = np.arange(0, 60, 5.0)
    clock = measure.rate_error_of_clock(seconds * FS * (1 + 80e-6), seconds, FS)
    assert clock.value == pytest.approx(80, abs=0.01)


def test_the_answer_to_a_pulse_of_3_mv_for_100_ms():
    """Through a high-pass of first order at 0.05 Hz, whose undershoot and slope are known."""
    t = times(2.0)
    tau = 1 / (2 * np.pi * 0.05)
    raised = np.where(t >= 0.5, np.exp(-(t - 0.5) / tau), 0) - np.where(t >= 0.6, np.exp(-(t - 0.6) / tau), 0)
    found = measure.measure_pulse(3000 * raised[:, None] * np.ones(8) + OFFSETS, FS)
    under = 3000 * (1 - np.exp(-0.1 / tau))
    assert found.width_s == pytest.approx(0.1) and found.start_frame == 250
    assert found.height_uv == pytest.approx(3000, rel=0.01)
    assert found.undershoot_uv == pytest.approx(under, rel=0.02) and under < 100
    assert found.slope_uv_per_s == pytest.approx(under / tau, rel=0.02)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (lambda: measure.fit_sine(sine(0.05), FS, near_hz=10), "this measurement needs 0.6 s"),
        (lambda: measure.fit_sine(np.zeros((5000, 8)), FS), "is the reference connected"),
        (lambda: measure.fit_sine(np.where(np.arange(5000)[:, None] == 7, np.nan, sine(10)), FS), "1 of 5000 frames are missing"),
        (lambda: measure.fit_square(np.zeros((5000, 8)), FS), "0 edges"),
        (lambda: measure.fit_square(sine(10), FS), "the signal has no two levels"),
        (lambda: measure.fit_square(RNG.normal(0, 5, (5000, 8)), FS), "no square wave"),
        (lambda: measure.measure_noise(np.zeros((100, 8)), FS), "needs 10 s"),
        (lambda: measure.measure_pulse(np.zeros((1000, 8)), FS), "no pulse"),
    ],
)
def test_what_is_not_there_is_refused_in_words(measured, words):
    with pytest.raises(MeasureError, match=words):
        measured()


def test_another_shape_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="shape"):
        measure.fit_sine(np.zeros(100), FS)
