# SPDX-License-Identifier: Apache-2.0
"""What is refused at the bench, and in which words, on signals made here."""

import numpy as np
import pytest

from octolead.calibrate import evaluate
from octolead.calibrate.bench import ALONE, CHEST, LIMB, TOGETHER, Reference, Stimulus
from octolead.calibrate.checks import Judge, fitted
from octolead.calibrate.evaluate import Component, quantity
from octolead.calibrate.take import Taken
from octolead.calibration import LEADS
from octolead.errors import CalibrationError

FS = 500.0
SINE = Stimulus("sine", 1.0, 500.0)
SQUARE = Stimulus("square", 1.0, 500.0)
RNG = np.random.default_rng(12)


def taken(wiring=CHEST, *, amplitude=500.0, hz=1.0, weights=None, noise_uv=1.0, gains=1.0, shape=np.sin, saturated=()):
    t = np.arange(round(10 * FS)) / FS
    weights = np.array(wiring.weights if weights is None else weights)
    signal = amplitude * shape(2 * np.pi * hz * t)[:, None] * weights * gains
    return Taken(signal + RNG.normal(0, noise_uv, signal.shape), FS, tuple(saturated), 0.048, None)


def square(angle):
    return np.where(angle % (2 * np.pi) < np.pi, 1.0, -1.0)


def test_electrodes_are_connected_so_that_each_lead_sees_the_reference():
    assert CHEST.driven == (2, 3, 4, 5, 6, 7) and CHEST.weights[:2] == (0, 0)
    assert LIMB.driven == (0, 1) and LIMB.weights[2:] == pytest.approx([-2 / 3] * 6)
    assert TOGETHER.weights == pytest.approx([1, 1] + [1 / 3] * 6)
    assert [wiring.driven for wiring in ALONE] == [(k,) for k in range(8)]
    assert ALONE[0].plus == ("LA",) and ALONE[0].weights[1:3] == pytest.approx([0, -1 / 3])
    assert ALONE[4].plus == ("V3",) and sum(ALONE[4].weights) == 1


def test_what_is_right_is_taken_also_with_mains_and_a_square_wave():
    for wiring in (CHEST, LIMB, TOGETHER, *ALONE):
        found = fitted(taken(wiring, noise_uv=3.0), wiring, SINE)
        assert np.abs(found.amplitude.values) == pytest.approx(500 * np.abs(wiring.weights), abs=1)
    found = fitted(taken(shape=square), CHEST, SQUARE)
    assert found.frequency.value == pytest.approx(1, rel=1e-3)


ONE_DEAD = np.where(np.arange(8) == 4, 0, CHEST.weights)
SWAPPED = (0.0, 1.0, *[1.0] * 6)


@pytest.mark.parametrize(
    ("kind", "signal", "stimulus", "words"),
    [
        ("not_connected", lambda: taken(amplitude=0.0), SINE, "no reference is seen"),
        ("not_connected", lambda: taken(amplitude=0.0), SQUARE, "no reference is seen.*square, 1 mV peak to peak, 1 Hz"),
        ("not_connected", lambda: taken(weights=SWAPPED), SINE, "II: the reference is seen where ground is due.*RL to its ground"),
        ("saturated", lambda: taken(saturated=["V1"]), SINE, "V1 at the converter's limit"),
        ("frequency", lambda: taken(hz=10.0), SINE, "gives 10 Hz, 1 Hz are due: set it to sine, 1 mV"),
        ("amplitude", lambda: taken(amplitude=1000.0), SINE, "see 2 mV peak to peak, 1 mV are due"),
        ("dead_lead", lambda: taken(weights=ONE_DEAD), SINE, "V3 sees nothing of the reference: check the electrode's wire"),
        ("shape", lambda: taken(noise_uv=60.0), SINE, "rms beside the sine: interference"),
        ("shape", lambda: taken(shape=square), SINE, "rms beside the sine.*another shape"),
    ],
)  # fmt: skip
def test_what_is_wrong_at_the_bench_is_said_in_words(kind, signal, stimulus, words):
    with pytest.raises(CalibrationError, match=words) as caught:
        fitted(signal(), CHEST, stimulus)
    assert caught.value.kind == kind


def leads(value, bad=None, u=1e-6):
    values = dict.fromkeys(LEADS, value) | ({"V2": bad} if bad is not None else {})
    return {name: quantity(v, "1", [Component("repeats", u, "A", "t", 7)]) for name, v in values.items()}


@pytest.mark.parametrize(
    ("key", "scale", "good", "bad", "words"),
    [
        ("gain", 100, 0.04, -0.06, "Gain over nominal.*V2: -6 %, allowed -5 to 5 %.*to be mended"),
        ("gain_offset", 100, 0.04, 0.06, "300 mV"),
        ("offset", 1, 1500, 2500, "Offset"),
        ("noise", 1, 20, 31, "Noise"),
        ("crosstalk", 100, 0.01, -0.021, "Crosstalk"),
        ("skew", 1, 150, -250, "Skew"),
        ("bandwidth", 100, 0.95, 0.85, "40 Hz and below"),
        ("test_signal", 100, 0.06, 0.08, "test signal"),
    ],
)
def test_a_lead_outside_a_limit_is_named_with_both_numbers(key, scale, good, bad, words):
    judge = Judge({})
    judge.look(key, leads(good), scale=scale)
    with pytest.raises(CalibrationError, match=words) as caught:
        judge.look(key, leads(good, bad), scale=scale)
    assert caught.value.kind == "limits" and len(judge.trial.lines) == 2


def test_what_does_not_repeat_is_refused():
    judge = Judge({})
    judge.repeats("gain_u", leads(0.0, u=1e-4), scale=100)
    with pytest.raises(CalibrationError, match=r"allowed ≤ 0\.03 %.*loose contact") as caught:
        judge.repeats("gain_u", leads(0.0, u=5e-4), scale=100)
    assert caught.value.kind == "repeatability"


@pytest.mark.parametrize(
    "wrong", [{"shape": "dc"}, {"frequency_hz": 100.0}, {"amplitude_uv": 0.0}, {"shape": "square", "frequency_hz": 10.0}]
)
def test_a_reference_that_cannot_be_used_is_a_mistake_of_the_caller(wrong):
    with pytest.raises(ValueError, match="reference"):
        Reference("x", **wrong)


def test_what_came_over_from_other_leads_is_taken_out_or_makes_the_gain_less_certain():
    gains = {"V1": leads(0.01)["V1"], "I": leads(0.02)["I"]}
    over = {
        "V2": {"V1": quantity(0.002, "1", [Component("repeats", 3e-5, "A", "t", 7)]), "I": leads(0.003)["V1"]},
        "V1": {"V2": leads(0.5)["V2"]},
    }
    taken_out = evaluate.without_crosstalk(gains, over, {"V1": CHEST.weights, "I": LIMB.weights})
    assert taken_out["V1"].value == pytest.approx(0.008) and taken_out["V1"].u == pytest.approx(3e-5, rel=0.01)
    assert taken_out["I"].value == pytest.approx(0.02 + 2 / 3 * 0.003)
    unknown = evaluate.with_crosstalk(gains, evaluate.NOMINAL)["V1"]
    assert unknown.value == 0.01 and unknown.expanded == pytest.approx(0.95 * evaluate.NOMINAL.crosstalk, rel=0.02)
