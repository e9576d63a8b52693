# SPDX-License-Identifier: Apache-2.0
"""The simulator's front end and generator: each error is found where it was put, by the estimators of octolead.measure."""

import hashlib

import numpy as np
import pytest
from conftest import needs_micropython, run_simulator

import octolead
from octolead import measure
from octolead.simulator import write_input

pytestmark = needs_micropython

FS = 500.0
IDEAL = {"gain_ppm": 0, "offset_nv": 0, "noise_nv": 0}
SINE = {"shape": "sine", "amplitude_nv": 500_000, "frequency_hz": 10.0}


def recorded(folder, seconds=9, **config):
    """µV of a run."""
    run = run_simulator(folder, frames=round(seconds * FS), shift=0, codec=None, **config)
    assert run.code == 0, run.lines
    with octolead.open(folder / "card.img") as recording:
        return recording.signal_uv(0, recording.n_frames).astype(np.float64)


def sine_file(path, hz=40.0):
    n = 2000
    wave = 500e3 * np.sin(2 * np.pi * hz * np.arange(n) / FS)
    write_input(path, np.repeat(np.round(wave)[:, None], 8, axis=1).astype(np.int32), FS)
    return str(path)


@pytest.mark.parametrize("source", ["electrodes", "test", "shorted"])
def test_a_front_end_without_errors_is_bit_for_bit_none(tmp_path, input_500, source):
    digests = []
    for name, front_end in (("none", None), ("ideal", IDEAL)):
        folder = tmp_path / name
        folder.mkdir()
        tap = folder / "tap"
        run_simulator(folder, frames=1500, source=source, input=input_500, tap=str(tap), front_end=front_end)
        digests.append(hashlib.sha256(tap.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_gain_offset_and_noise_of_each_lead_are_those_that_were_set(tmp_path):
    gain_ppm = [-20000, -5000, 0, 1, 250, 4000, 15000, 30000]
    offset_nv = [-200_000, -1000, 0, 5, 1000, 30_000, 60_000, 200_000]
    noise_nv = [0, 300, 600, 900, 1200, 1500, 3000, 30_000]
    front_end = {"gain_ppm": gain_ppm, "offset_nv": offset_nv, "noise_nv": noise_nv, "seed": 7}
    test = measure.fit_square(recorded(tmp_path, 13, source="test", front_end=front_end), FS)
    assert test.amplitude.values == pytest.approx(1000 * (1 + np.array(gain_ppm) / 1e6), abs=0.05 + 5 * np.nanmax(test.amplitude.u))
    (tmp_path / "card.img").unlink()
    noise = measure.measure_noise(recorded(tmp_path, 12, source="shorted", front_end=front_end), FS, window_s=1)
    assert (np.abs(noise.offset.values - np.array(offset_nv) / 1000) < 0.05 + 5 * noise.offset.u).all()
    assert noise.rms.values[1:] == pytest.approx(np.array(noise_nv[1:]) / 1000, rel=0.05) and noise.rms.values[0] < 0.03


def test_noise_is_the_same_for_the_same_seed_and_alike_in_nothing_else(tmp_path):
    runs = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / name).mkdir()
        runs.append(recorded(tmp_path / name, 4, source="shorted", front_end={"noise_nv": 2000, "seed": seed}))
    assert (runs[0] == runs[1]).all()
    assert np.abs(np.corrcoef(np.hstack([runs[0], runs[2]]).T) - np.eye(16)).max() < 0.12
    spectrum = np.abs(np.fft.rfft(runs[0], axis=0)) ** 2
    assert np.median(spectrum[:100]) == pytest.approx(np.median(spectrum[-100:]), rel=0.25)


SKEW = [0, 120, -80, 3000, 0, -2500, 0, 0]


@pytest.mark.parametrize("played", ["file", "generator", "test signal"])
def test_leads_are_sampled_later_by_their_skew(tmp_path, played):
    front_end = {"skew_us": SKEW}
    if played == "file":
        fit = measure.fit_sine(recorded(tmp_path, input=sine_file(tmp_path / "in.olnv"), front_end=front_end), FS)
        assert fit.amplitude.values == pytest.approx(500, abs=0.05)
        found = fit.skew()
    elif played == "generator":
        found = measure.fit_sine(recorded(tmp_path, generator=SINE, front_end=front_end), FS).skew()
    else:
        found = measure.fit_square(recorded(tmp_path, source="test", front_end=front_end), FS).sampled_later()
    assert found.values == pytest.approx(np.array(SKEW) - np.mean(SKEW), abs=2)


@pytest.mark.parametrize("played", ["file", "generator"])
def test_a_clock_that_is_off_shows_in_the_reference_and_not_in_the_test_signal(tmp_path, played):
    front_end = {"rate_ppm": 150}
    source = {"input": sine_file(tmp_path / "in.olnv", 10.0)} if played == "file" else {"generator": SINE}
    fit = measure.fit_sine(recorded(tmp_path, front_end=front_end, **source), FS)
    assert measure.rate_error(fit, 10.0).value == pytest.approx(150, abs=0.5)
    assert fit.amplitude.values == pytest.approx(500, abs=0.05)
    (tmp_path / "card.img").unlink()
    test = measure.fit_square(recorded(tmp_path, source="test", front_end=front_end), FS)
    assert test.period.value == pytest.approx(1.024, rel=1e-9)


def test_frames_come_as_fast_as_the_clock_says(tmp_path):
    """Twice as fast, so that it shows: the recorder's own watch over the rate sees it."""
    for ppm in (200, 1_000_000):
        run = run_simulator(tmp_path, frames=12000, codec=None, format=True, front_end={"rate_ppm": ppm})
        assert run.code == 0 and ("REGISTER" in str(run.status).upper()) == (ppm > 200), run.status


def test_crosstalk_and_dead_leads(tmp_path):
    only_v1 = {**SINE, "weights": [0, 0, 1, 0, 0, 0, 0, 0]}
    front_end = {"crosstalk": [[2, 3, 4000], [2, 0, -700]], "dead": [7], "noise_nv": 500}
    found = measure.crosstalk(recorded(tmp_path, generator=only_v1, front_end=front_end), FS, 10.0, [2])
    assert found.values[[0, 1, 3, 4]] == pytest.approx([-0.0007, 0, 0.004, 0], abs=1e-4)
    (tmp_path / "card.img").unlink()
    fit = measure.fit_square(recorded(tmp_path, source="test", front_end=front_end), FS)
    assert abs(fit.amplitude.values[7]) < 1 and fit.amplitude.values[[1, 2, 3]] == pytest.approx([1000, 1000, 1004], abs=0.2)


def test_the_generator_plays_square_waves_and_levels(tmp_path):
    wave = {"shape": "square", "amplitude_nv": 500_000, "frequency_hz": 0.987, "offset_nv": 300_000_000}
    fit = measure.fit_square(recorded(tmp_path, generator=wave), FS)
    assert fit.amplitude.values == pytest.approx(500, abs=0.05) and fit.offset.values == pytest.approx(300_000, abs=0.05)
    assert fit.period.value == pytest.approx(1 / 0.987, rel=1e-6)
    (tmp_path / "card.img").unlink()
    level = recorded(tmp_path, 2, generator={"shape": "dc", "amplitude_nv": 0, "offset_nv": -300_000_000})
    assert np.ptp(level) == 0 and level.mean() == pytest.approx(-300_000, abs=0.05)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"front_end": {"gain": 1}}, "unknown keys: gain"),
        ({"front_end": {"gain_ppm": [1, 2]}}, "one for each of 8 leads, got 2"),
        ({"front_end": {"skew_us": [0, 0, 0, 0, 0, 0, 0, 1e6]}}, "more than 102 frames apart"),
        ({"generator": {"shape": "sinus"}}, "one of sine, square, dc"),
        ({"generator": {"shape": "sine"}}, "frequency above 0"),
    ],
)
def test_what_the_bench_does_not_have_is_refused_in_words(tmp_path, config, words):
    run = run_simulator(tmp_path, frames=10, **config)
    assert run.code == 1 and words in run.last["message"], run.lines
