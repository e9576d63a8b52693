# SPDX-License-Identifier: Apache-2.0
"""tools.bench.calibration in small: its model and its verdict; the figures of 1,000 recorders stand in docs/CALIBRATION.md."""

from dataclasses import replace

import numpy as np

from octolead.calibrate import evaluate
from tools.bench import calibration


def test_intervals_hold_the_truth_and_are_not_wide(monkeypatch):
    found = calibration.measure(10, seed=3)
    assert all(found[name]["held_percent"] >= 80 for name in ("gain", "offset", "skew", "rate"))
    assert found["gain"]["error_most"] < 0.001 and found["offset"]["error_most"] < 2.0
    assert found["gain"]["expanded_mean"] < 0.00053 and found["offset"]["expanded_mean"] < 1.2
    text = "\n".join(calibration.lines(found))
    assert "10 modelled recorders" in text and "93 to 97 %" in text


def test_a_budget_that_leaves_the_reference_out_is_found_out(monkeypatch):
    told = evaluate.gain
    careless = replace(calibration.REFERENCE, amplitude_tolerance=0.0)
    monkeypatch.setattr(evaluate, "gain", lambda found, leads, _, *rest: told(found, leads, careless, *rest))
    assert calibration.measure(10, seed=3)["gain"]["held_percent"] < 60


def test_noise_of_the_model_rises_below_its_corner():
    device = calibration.Device(np.random.default_rng(1))
    power = np.abs(np.fft.rfft(device.noise(32000)[:, :], axis=0)) ** 2
    low, high = power[1:8].mean(axis=0), power[8000:].mean(axis=0)
    assert (low > 1.5 * high).all() and np.allclose(np.sqrt(high / 32000), device.noise_uv, rtol=0.1)
