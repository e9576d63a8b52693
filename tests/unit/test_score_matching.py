# SPDX-License-Identifier: Apache-2.0
"""The matcher, by hand and against wfdb's own."""

from __future__ import annotations

import numpy as np
import pytest

from octolead.score.matching import match, window_frames


def frames(*values):
    return np.array(values, np.int64)


def pairs(ref, test, window=54):
    return [tuple(p) for p in match(frames(*ref), frames(*test), window).pairs.tolist()]


def test_the_edge_of_the_window_still_matches():
    assert pairs([1000], [1054]) == [(0, 0)]
    assert pairs([1000], [946]) == [(0, 0)]
    assert pairs([1000], [1055]) == []
    assert pairs([1000], [945]) == []


def test_two_detections_of_one_beat_are_one_match_and_one_extra():
    found = match(frames(1000), frames(990, 1020), 54)
    assert found.pairs.tolist() == [[0, 0]]
    assert found.extra.tolist() == [1]


def test_the_nearer_of_two_detections_is_the_match():
    assert pairs([1000], [960, 1001]) == [(0, 1)]
    assert pairs([1000], [999, 1040]) == [(0, 0)]
    assert pairs([1000, 1060], [1050]) == [(1, 0)]


def test_a_detection_as_near_to_the_next_leaves_the_first():
    """`bxb` asks for strictly nearer: at the same distance the later event wins."""
    assert pairs([1000], [990, 1010]) == [(0, 1)]


def test_nothing_matches_nothing():
    assert pairs([], []) == []
    assert match(frames(5, 9), frames(), 54).missed.tolist() == [0, 1]
    assert match(frames(), frames(5, 9), 54).extra.tolist() == [0, 1]


def test_all_events_are_paired_once_or_left_over():
    rng = np.random.default_rng(1)
    ref, test = (np.sort(rng.integers(0, 20_000, n)) for n in (150, 170))
    found = match(ref, test, 54)
    assert len(set(found.pairs[:, 0].tolist())) == len(found.pairs) == len(set(found.pairs[:, 1].tolist()))
    assert sorted([*found.pairs[:, 0].tolist(), *found.missed.tolist()]) == list(range(150))
    assert sorted([*found.pairs[:, 1].tolist(), *found.extra.tolist()]) == list(range(170))
    assert np.all(np.abs(ref[found.pairs[:, 0]] - test[found.pairs[:, 1]]) <= 54)


@pytest.mark.parametrize("seed", range(20))
def test_counts_agree_with_wfdb_compare_annotations(seed):
    """On series as a detector gives them: beats 0.4 s apart or more, 5 % missed, 5 % false, jitter of 10 frames."""
    wfdb_processing = pytest.importorskip("wfdb.processing")
    rng = np.random.default_rng(seed)
    ref = np.cumsum(rng.integers(144, 500, 400))
    test = (ref + rng.integers(-10, 11, 400))[rng.random(400) > 0.05]
    false = rng.integers(0, ref[-1], 20)
    test = np.unique(np.concatenate((test, false)))
    theirs = wfdb_processing.compare_annotations(ref, test, 54)
    ours = match(ref, test, 54)
    assert (len(ours.pairs), len(ours.missed), len(ours.extra)) == (theirs.tp, theirs.fn, theirs.fp)


def test_a_window_is_rounded_down_to_frames():
    assert window_frames(150, 360) == 54
    assert window_frames(150, 250) == 37
    assert window_frames(150, 128) == 19
    assert window_frames(50, 500) == 25


def test_falling_frames_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        match(frames(2, 1), frames(1), 5)
