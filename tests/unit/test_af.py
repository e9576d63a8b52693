# SPDX-License-Identifier: Apache-2.0
"""AF from RR intervals: synthetic rhythms, gaps, classes and the walk between the two states."""

from __future__ import annotations

import time

import numpy as np
import pytest

from octolead import af
from octolead.af import detect_af, smooth
from octolead.af_features import N_FEATURES, N_TERMS, features, terms

FS = 250.0


def beats(intervals_s, first=0):
    return first + np.concatenate(([0], np.cumsum(np.rint(np.asarray(intervals_s) * FS)))).astype(np.int64)


def fibrillating(n, seed=0):
    """Independent intervals, 0.35 s and more, as the AV node lets them through."""
    return 0.35 + np.random.default_rng(seed).gamma(4.0, 0.08, n)


def sinus(n, seed=0):
    rng = np.random.default_rng(seed)
    return 0.85 + 0.04 * np.sin(np.arange(n) / 3.5) + rng.normal(0, 0.008, n)


def test_fibrillation_is_found_and_sinus_rhythm_is_not():
    assert detect_af(beats(fibrillating(600)), FS).burden_percent == pytest.approx(100)
    assert detect_af(beats(sinus(600)), FS).episodes == ()


def test_an_episode_has_its_limits_to_about_ten_beats():
    found = detect_af(beats(np.concatenate((sinus(400), fibrillating(300), sinus(400, 1)))), FS)
    frames = beats(np.concatenate((sinus(400), fibrillating(300), sinus(400, 1))))
    assert len(found.episodes) == 1
    assert abs(np.searchsorted(frames, found.episodes[0].start_frame) - 400) <= 12
    assert abs(np.searchsorted(frames, found.episodes[0].stop_frame) - 700) <= 12


def test_bigeminy_without_classes_is_no_fibrillation():
    assert detect_af(beats(np.tile([0.55, 1.05], 300) + sinus(600) - 0.85), FS).burden_percent == 0


def test_scattered_ventricular_beats_with_classes_are_no_fibrillation():
    rng = np.random.default_rng(2)
    intervals, classes = sinus(800), np.full(801, "N")
    for k in np.flatnonzero(rng.random(799) < 0.12).tolist():
        intervals[k], intervals[k + 1], classes[k + 1] = 0.5, 1.15, "V"
    assert detect_af(beats(intervals), FS, classes).burden_percent == 0


def test_no_episode_reaches_over_a_gap():
    frames = np.concatenate((beats(fibrillating(300)), beats(fibrillating(300, 1), first=100_000)))
    last = int(frames[300])
    found = detect_af(frames, FS)
    assert found.episodes[0].stop_frame == last
    assert found.episodes[1].start_frame == 100_000
    assert found.analysed_s == pytest.approx((last + frames[-1] - 100_000) / FS)


def test_a_stated_gap_parts_an_episode():
    frames = beats(fibrillating(400))
    gap = (int(frames[200]) + 5, int(frames[200]) + 20)
    found = detect_af(frames, FS, gaps=[gap])
    assert [(e.start_frame, e.stop_frame) for e in found.episodes] == [(0, frames[200]), (frames[201], frames[-1])]


def test_short_episodes_can_be_dropped():
    frames = beats(np.concatenate((sinus(400), fibrillating(100), sinus(400, 1))))
    assert len(detect_af(frames, FS).episodes) == 1
    assert detect_af(frames, FS, min_episode_s=300).episodes == ()
    assert detect_af(frames, FS, min_episode_s=300).af_s == 0


def test_the_walk_is_the_likeliest_sequence():
    """Against all 2^12 sequences: their sum of odds less the cost of each change, with a free start."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        odds = rng.normal(0, 2, 12)
        states = (np.arange(4096)[:, None] >> np.arange(12)) & 1
        worth = states @ odds - 3.0 * np.count_nonzero(np.diff(states, axis=1), axis=1)
        assert smooth(odds, cost=3.0).astype(int).tolist() == states[np.argmax(worth)].tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 11, 12, 13, 40])
def test_few_beats_give_an_answer(n):
    found = detect_af(beats(sinus(n))[:n], FS)
    assert len(found.is_af) == max(0, n - 1)
    assert found.episodes == ()
    if n <= af.MIN_BEATS:
        assert found.analysed_s == 0
        assert found.burden_percent is None


def test_all_beats_ventricular_says_nothing():
    assert detect_af(beats(sinus(100)), FS, ["V"] * 101).burden_percent is None


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="rising"):
        detect_af([5, 4], FS)
    with pytest.raises(ValueError, match="2 classes for 3 beats"):
        detect_af([0, 200, 400], FS, ["N", "N"])


def test_features_do_not_depend_on_the_rate_but_for_the_mean():
    x = np.rint(sinus(300) * 128) / 128
    one, other = features(x, np.arange(300)), features(2 * x, np.arange(300))
    mean = [16, 34]  # place 16 of each window's 18
    np.testing.assert_allclose(np.delete(one, mean, 1), np.delete(other, mean, 1), atol=1e-9)
    np.testing.assert_allclose(other[:, mean] - one[:, mean], np.log(2))


def test_the_model_has_a_weight_for_each_term():
    model = af._model()
    assert len(model.mean) == len(model.spread) == N_FEATURES
    assert len(model.weights) == N_TERMS
    assert terms(np.zeros((3, N_FEATURES)), model.mean, model.spread).shape == (3, N_TERMS)


def test_a_day_takes_less_than_it_lasts_by_far():
    """24 h are some 0.2 s; 5 s would be a loop over windows."""
    frames = beats(np.concatenate((sinus(50_000), fibrillating(50_000))))
    began = time.perf_counter()
    detect_af(frames, FS)
    assert time.perf_counter() - began < 5
