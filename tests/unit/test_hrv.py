# SPDX-License-Identifier: Apache-2.0
"""HRV against numbers worked out by hand and signals whose power is known."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from octolead.hrv import BIN_MS, hrv, hrv_windows, poincare, time_domain
from octolead.hrv_spectrum import lomb_scargle, spectrum
from octolead.rr import rr_series

FS = 1000.0


def series(intervals_ms, classes=None):
    return rr_series(np.concatenate(([0], np.cumsum(np.rint(intervals_ms)))).astype(np.int64), FS, classes)


def modulated(minutes, *tones, mean_ms=800.0):
    """Beats whose intervals swing: (amplitude in ms, frequency in Hz)."""
    t, beats = 0.0, [0.0]
    while t < 60 * minutes:
        t += (mean_ms + sum(a * np.sin(2 * np.pi * f * t) for a, f in tones)) / 1000
        beats.append(t)
    return rr_series(np.rint(np.array(beats) * 1e6).astype(np.int64), 1e6)


def test_time_domain_by_hand():
    """800 850 790 860: mean 825; deviations -25 25 -35 35, sum of squares 3700; differences 50 -60 70."""
    found = time_domain(series([800, 850, 790, 860]))
    assert found.mean_nn_ms == 825
    assert found.sdnn_ms == pytest.approx((3700 / 3) ** 0.5)
    assert found.rmssd_ms == pytest.approx(((2500 + 3600 + 4900) / 3) ** 0.5)
    assert (found.nn50, found.pnn50_percent) == (2, pytest.approx(200 / 3))
    assert found.rate_bpm == pytest.approx(60_000 / 825)


def test_a_difference_of_50_ms_is_not_over_50():
    assert time_domain(series([800, 850, 801])).nn50 == 0


def test_no_difference_over_an_ectopic_beat():
    found = time_domain(series([800, 810, 500, 1100, 900, 905], "NNNVNNN"))
    assert found.n_nn == 4
    assert found.rmssd_ms == pytest.approx(((100 + 25) / 2) ** 0.5)


def test_sdann_and_sdnn_index_by_hand():
    """Three times 5 minutes of 1000 ms ± 0, of 900 ± 100 in turn, of 1000 ± 0."""
    found = time_domain(series([1000] * 300 + [800, 1000] * 166 + [1000] * 301))
    assert found.sdnn_index_ms == pytest.approx(100 / 3, rel=0.02)
    assert found.sdann_ms == pytest.approx((((1000 - 900) ** 2) / 3) ** 0.5, rel=0.02)


def test_triangular_index_and_tinn_of_a_triangle():
    """Counts 1 2 3 4 3 2 1 in bins of 1/128 s: 16 intervals over 4; the sides reach 0 four bins away."""
    bins = np.repeat(np.arange(100, 107), [1, 2, 3, 4, 3, 2, 1])
    nn = np.tile((bins + 0.5) * BIN_MS, 5)
    found = time_domain(rr_series(np.rint(np.concatenate(([0], np.cumsum(nn))) * 1000).astype(np.int64), 1e6, jump=None))
    assert found.triangular_index == pytest.approx(16 / 4)
    assert found.tinn_ms == pytest.approx(8 * BIN_MS)


def test_poincare_follows_from_the_differences():
    part = series(800 + 40 * np.sin(np.arange(200)))
    found, time = poincare(part), time_domain(part)
    assert found.sd1_ms == pytest.approx(time.sdsd_ms / 2**0.5)
    assert found.sd2_ms**2 + found.sd1_ms**2 == pytest.approx(2 * time.sdnn_ms**2, rel=0.02)


def test_a_tone_gives_its_power_to_its_band():
    """A sine of amplitude A has the power A² / 2."""
    found = spectrum(modulated(5, (20, 0.1), (10, 0.25)))
    assert found.lf_ms2 == pytest.approx(200, rel=0.06)
    assert found.hf_ms2 == pytest.approx(50, rel=0.06)
    assert found.lf_hf == pytest.approx(4, rel=0.1)
    assert found.lf_nu == pytest.approx(80, rel=0.03)
    assert found.ulf_ms2 is None


def test_total_power_is_the_variance():
    part = modulated(5, (20, 0.1), (10, 0.25), (15, 0.02))
    assert spectrum(part).total_ms2 == pytest.approx(time_domain(part).sdnn_ms ** 2, rel=0.06)


def test_power_survives_holes():
    whole = modulated(5, (20, 0.1), (10, 0.25))
    rng = np.random.default_rng(3)
    classes = np.where(rng.random(len(whole) + 1) < 0.08, "V", "N")
    holed = rr_series(np.append(whole.start_frame, whole.stop_frame[-1]), 1e6, classes)
    assert spectrum(holed).lf_ms2 == pytest.approx(200, rel=0.12)


def test_long_stretches_are_means_over_five_minutes_and_have_ulf():
    found = spectrum(modulated(120, (20, 0.1), (10, 0.25), (30, 0.001)))
    assert found.lf_ms2 == pytest.approx(200, rel=0.06)
    assert found.hf_ms2 == pytest.approx(50, rel=0.06)
    assert found.ulf_ms2 == pytest.approx(450, rel=0.06)


def scargle(time_s, values, frequency_hz):
    """Scargle's formula as it stands (1982, eq. 10), times twice the mean distance."""
    x = values - values.mean()
    angle = 2 * np.pi * np.outer(frequency_hz, time_s - time_s[0])
    angle -= (0.5 * np.arctan2(np.sin(2 * angle).sum(axis=1), np.cos(2 * angle).sum(axis=1)))[:, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    power = 0.5 * ((cosine @ x) ** 2 / (cosine**2).sum(axis=1) + (sine @ x) ** 2 / (sine**2).sum(axis=1))
    return 2.0 * (time_s[-1] - time_s[0]) / (len(time_s) - 1) * power


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_periodogram_is_that_of_the_formula(seed):
    random = np.random.default_rng(seed)
    time_s = np.cumsum(random.uniform(0.4, 1.4, 330))
    values = random.normal(900, 50, 330) + 40 * np.sin(2 * np.pi * 0.25 * time_s)
    frequency, density = lomb_scargle(time_s, values, 0.4)
    expected = scargle(time_s, values, frequency)
    assert frequency[-1] < 0.4 <= frequency[-1] + frequency[0]
    np.testing.assert_allclose(density, expected, atol=5e-4 * expected.max())


def test_windows_follow_one_another_and_tell_their_coverage():
    found = hrv_windows(series([800] * 750 + [800] * 375))
    assert [(h.start_s, h.stop_s) for h in found] == [(0, 300), (300, 600), (600, 900)]
    assert all(h.coverage_percent == pytest.approx(100, abs=0.5) for h in found)


@pytest.mark.parametrize("intervals", [[], [800], [800, 810]])
def test_too_little_is_none_and_never_fails(intervals):
    found = hrv(series(intervals))
    assert found.time.n_nn == len(intervals)
    assert found.spectrum.lf_ms2 is None
    assert found.time.triangular_index is None
    assert json.dumps(found.time.mean_nn_ms) in ("null", "800.0", "805.0")


def test_one_measure_of_all_is_that_of_its_windows():
    whole = hrv(series([800, 900] * 600))
    assert whole.time.n_nn == 1200
    assert whole.coverage_percent == pytest.approx(100)


def test_agrees_with_neurokit2_where_both_define_alike():
    nk = pytest.importorskip("neurokit2", reason="octolead[peers] is not installed")
    rng = np.random.default_rng(5)
    nn = 800 + 50 * np.sin(np.arange(2000) / 12) + rng.normal(0, 15, 2000)
    part = series(nn)
    peaks = np.append(part.start_frame, part.stop_frame[-1])
    theirs = nk.hrv_time(peaks, sampling_rate=1000).iloc[0]
    ours = time_domain(part)
    pairs = ((ours.mean_nn_ms, "HRV_MeanNN"), (ours.sdnn_ms, "HRV_SDNN"), (ours.rmssd_ms, "HRV_RMSSD"), (ours.sdsd_ms, "HRV_SDSD"))
    for value, name in pairs:
        assert value == pytest.approx(theirs[name], rel=1e-6), name
    assert all(a < b for a, b in pairwise(peaks))
