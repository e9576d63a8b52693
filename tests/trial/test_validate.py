# SPDX-License-Identifier: Apache-2.0
"""A sound recorder keeps all limits; one that is spoiled in one way breaks the lines of that way and no others."""

import asyncio

import numpy as np
import pytest

from octolead.limits import Verdict, load
from octolead.limits.trial import Trial
from octolead.validate import STEPS, GuidedStimulus, SimulatedStimulus, validate
from octolead.validate.bench import Bench
from octolead.validate.day import KEYS as DAY_KEYS
from octolead.validate.stimulus import AGAINST_RA, Signal
from octolead.validate.tones import fit_tones

from .conftest import needs_micropython

SPEED = 40.0
NOISE_NV = 600


def of(trial, verdict):
    return {line.limit.key for line in trial.of(verdict)}


def run(on_bench, tmp_path, steps=(*STEPS, "day"), hours=0.03, **front_end):
    front_end = {"noise_nv": NOISE_NV, **front_end}

    async def work(recorder, hands):
        stimulus = SimulatedStimulus(tmp_path / "hand", tmp_path)
        simulated = {"front_end": front_end}
        return await validate(recorder, stimulus, speed=SPEED, hours=hours, simulated=simulated, steps=steps)

    return on_bench(work, speed=SPEED, card_mib=128, ring_frames=131072, front_end=front_end)


def test_every_limit_has_one_step_or_needs_a_bench():
    judged = [key for _, keys in STEPS.values() for key in keys] + [*DAY_KEYS, "frames_lost"]
    assert sorted(judged) == sorted(limit.key for limit in load("validate") if not limit.needs)


@needs_micropython
def test_a_sound_recorder_keeps_every_limit_that_can_be_run(on_bench, tmp_path):
    trial = run(on_bench, tmp_path)
    assert not of(trial, Verdict.FAIL) and not of(trial, Verdict.WARN), [line.as_dict() for line in trial.of(Verdict.FAIL)]
    assert of(trial, Verdict.NOT_RUN) == {"cmrr", "input_impedance", "input_current", "overload", "pacer"}
    assert len(trial.lines) == len(load("validate")) and all("bench" in line.words for line in trial.of(Verdict.NOT_RUN))
    assert trial.line("noise").value == pytest.approx(3.3, abs=1.5)  # 0.6 µV rms: 5 to 8 times that, less what is above 150 Hz
    assert trial.line("band").value == pytest.approx(70.7, abs=0.2) and trial.line("band_low_pass").value == pytest.approx(70.7, abs=0.5)


@needs_micropython
@pytest.mark.parametrize(
    ("front_end", "steps", "keys", "where", "value"),
    [
        ({"gain_ppm": [0, 0, 0, -80000, 0, 0, 0, 0]}, ["response", "dynamic", "crosstalk"], {"gain"}, "V2", 92),
        ({"noise_nv": 7000}, ["pulse", "quiet", "crosstalk"], {"noise"}, "", 38),
        ({"crosstalk": [[2, 5, 30000]]}, ["response", "dynamic", "crosstalk"], {"crosstalk"}, "V1 in V4", 3),
        ({"skew_us": [0, 0, 30000, 0, 0, 0, 0, 0]}, ["response", "pulse"], {"skew", "skew_simultaneous"}, "V1", 30),
        ({"rate_ppm": 500}, ["response", "day"], {"time"}, "", 43.2),
        ({"offset_nv": 120000000}, ["dynamic"], {"dynamic"}, "", 100),
    ],
    ids=["gain", "noise", "crosstalk", "skew", "rate", "range"],
)
def test_what_is_spoiled_breaks_its_own_lines(on_bench, tmp_path, front_end, steps, keys, where, value):
    trial = run(on_bench, tmp_path, steps, **front_end)
    assert of(trial, Verdict.FAIL) == keys, [line.as_dict() for line in trial.of(Verdict.FAIL)]
    line = trial.of(Verdict.FAIL)[0]
    assert line.value == pytest.approx(value, rel=0.12 if "noise" in keys else 0.01) and where in line.where


@needs_micropython
def test_a_dead_lead_breaks_what_needs_its_signal_and_is_left_out_of_ratios(on_bench, tmp_path):
    trial = run(on_bench, tmp_path, ["response", "crosstalk"], dead=[6])
    assert of(trial, Verdict.FAIL) == {"gain", "gain_ambulatory"} and trial.line("gain").where == "V5"
    assert "without V5" in trial.line("crosstalk").words and not any(name.startswith("V5") for name in trial.line("band").values)


def test_a_person_is_told_what_to_set_and_what_only_the_simulator_has_is_not_asked_for(tmp_path):
    asked = []
    stimulus = GuidedStimulus(lambda words: asked.append(words) or "s")
    from octolead.selftest.hands import Declined
    from octolead.validate.run import _rest, _step

    trial = Trial("Validation")
    bench = Bench(None, stimulus, load("validate"), trial, tmp_path, 1.0, 500, print)
    for name in STEPS:
        asyncio.run(_step(bench, name))
    _rest(bench, whole=True)
    assert asked[0].startswith("Set the generator to a sine of 40 Hz, 0.6 mV") and any(
        "50 µV" in words or "10 mV" in words for words in asked
    )
    assert of(trial, Verdict.NOT_RUN) == {limit.key for limit in load("validate")} - {*DAY_KEYS, "frames_lost"} and not trial.ok
    assert "each lead by itself" in trial.line("crosstalk").words and "left out" in trial.line("gain").words
    with pytest.raises(Declined):
        asyncio.run(stimulus.play(Signal("", 1.0, np.zeros_like, needs_shape=True), 500))


class Told(GuidedStimulus):
    """A person who sets what is asked for, at a simulated recorder whose leads see what those of a real one would."""

    def __init__(self, hand, folder):
        super().__init__(lambda words: "")
        self.simulated = SimulatedStimulus(hand, folder)

    async def play(self, signal, rate_hz):
        await super().play(signal, rate_hz)
        weighted = Signal(signal.words, signal.seconds, lambda t: np.outer(signal.microvolt(t), AGAINST_RA))
        await self.simulated.play(weighted, rate_hz)


@needs_micropython
def test_sines_one_after_another_between_ra_and_the_others_give_the_same(on_bench, tmp_path, monkeypatch):
    from octolead.validate import response

    monkeypatch.setattr(response, "TONES_HZ", (1.0, 5.0, 10.0, 40.0))
    monkeypatch.setattr(response, "SETTLE_S", 4.0)

    async def work(recorder, hands):
        return await validate(recorder, Told(tmp_path / "hand", tmp_path), speed=SPEED, steps=["response", "dynamic"])

    trial = on_bench(
        work, speed=SPEED, card_mib=128, ring_frames=131072, front_end={"gain_ppm": [0, 0, 0, 0, 0, 0, 0, 60000], "noise_nv": NOISE_NV}
    )
    assert of(trial, Verdict.FAIL) == {"gain"}
    assert trial.line("gain").where == "V6" and trial.line("gain").value == pytest.approx(106, abs=0.2)
    assert trial.line("gain").values["I"] == pytest.approx(100, abs=0.1) and trial.line("smallest").verdict != Verdict.FAIL


def test_tones_that_lie_close_are_told_apart_and_short_stretches_refused():
    t = np.arange(3000) / 500
    rng = np.random.default_rng(4)
    true = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    tones = [5.0, 5.4, 40.0, 150.0]
    signal = sum(np.real(np.exp(2j * np.pi * hz * t)[:, None] * true[k]) for k, hz in enumerate(tones)) + 3e5
    assert np.allclose(fit_tones(signal, 500, tones), true, atol=1e-6)
    with pytest.raises(Exception, match=r"0\.05 Hz needs 20 s"):
        fit_tones(signal, 500, [0.05])
    signal[7, 1] = np.nan
    with pytest.raises(Exception, match="1 frames are missing"):
        fit_tones(signal, 500, tones)
