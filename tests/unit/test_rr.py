# SPDX-License-Identifier: Apache-2.0
"""RR intervals: which are normal-to-normal, and why the others are not."""

from __future__ import annotations

import numpy as np
import pytest

from octolead.rr import Reason, rr_series

FS = 500.0


def beats(*intervals_ms, first=0):
    return first + np.concatenate(([0], np.cumsum(np.array(intervals_ms) * FS / 1000))).astype(np.int64)


def reasons(series):
    return [Reason(r).name for r in series.reason]


def test_intervals_are_in_milliseconds_and_end_at_their_second_beat():
    series = rr_series(beats(800, 820), FS)
    assert series.interval_ms.tolist() == [800, 820]
    assert series.stop_s.tolist() == pytest.approx([0.8, 1.62])


def test_both_intervals_of_an_ectopic_beat_are_left_out():
    series = rr_series(beats(800, 800, 500, 1100, 800, 800), FS, "NNNVNNN")
    assert reasons(series) == ["NORMAL", "NORMAL", "CLASS", "CLASS", "NORMAL", "NORMAL"]


def test_no_interval_reaches_over_a_gap():
    series = rr_series(beats(800, 800, 800, 800), FS, gaps=[(900, 950)])
    assert reasons(series) == ["NORMAL", "NORMAL", "GAP", "NORMAL"]


def test_a_gap_within_one_interval_takes_only_that():
    assert reasons(rr_series(beats(800, 800, 800), FS, gaps=[(450, 460)])) == ["NORMAL", "GAP", "NORMAL"]
    assert reasons(rr_series(beats(800, 800, 800), FS, gaps=[(400, 800)])) == ["NORMAL", "GAP", "NORMAL"]


def test_impossible_lengths_are_left_out():
    assert reasons(rr_series(beats(800, 200, 3100, 800), FS)) == ["NORMAL", "LENGTH", "LENGTH", "NORMAL"]


def test_a_single_early_beat_without_class_is_left_out_and_its_neighbours_stay():
    series = rr_series(beats(800, 810, 790, 500, 1100, 800, 805, 795), FS)
    assert reasons(series) == ["NORMAL"] * 3 + ["JUMP"] * 2 + ["NORMAL"] * 3


def test_a_lasting_change_of_rate_is_kept():
    assert set(reasons(rr_series(beats(*[800] * 10, *[600] * 10), FS))) == {"NORMAL"}


def test_the_jump_rule_can_be_left_out():
    assert set(reasons(rr_series(beats(800, 810, 790, 500, 1100, 800), FS, jump=None))) == {"NORMAL"}


def test_pairs_share_a_beat():
    series = rr_series(beats(800, 810, 500, 1100, 820, 830), FS, "NNNVNNN")
    assert series.pairs_ms().tolist() == [[800, 810], [820, 830]]


def test_a_part_holds_the_intervals_that_end_in_it():
    assert rr_series(beats(*[1000] * 10), FS).part(2.0, 5.0).stop_s.tolist() == [2, 3, 4]


@pytest.mark.parametrize("frames", [[], [5]])
def test_less_than_two_beats_are_no_interval(frames):
    series = rr_series(frames, FS)
    assert len(series) == 0
    assert series.pairs_ms().shape == (0, 2)


def test_repeated_or_falling_beats_and_wrong_classes_are_refused():
    with pytest.raises(ValueError, match="rising"):
        rr_series([0, 5, 5], FS)
    with pytest.raises(ValueError, match="2 classes for 3 beats"):
        rr_series([0, 400, 800], FS, "NN")
    with pytest.raises(ValueError, match="fs_hz"):
        rr_series([0, 400], float("nan"))
