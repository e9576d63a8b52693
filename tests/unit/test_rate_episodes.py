# SPDX-License-Identifier: Apache-2.0
"""Episodes of a rate: eight intervals each, and those that overlap are one."""

import numpy as np

from octolead.analysis.episodes import rate_episodes


def _episodes(rr_s):
    frame = np.rint(np.cumsum([0.0, *rr_s]) * 1000).astype(np.int64)
    return rate_episodes(frame, np.array([np.nan, *rr_s])), frame


def test_fast_stretches_that_share_intervals_are_one_with_all_their_beats():
    found, frame = _episodes([0.8] * 10 + [0.49] * 8 + [0.6] + [0.47] * 7 + [0.8] * 10)
    assert [e.kind for e in found] == ["tachycardia"]
    assert found[0].facts["n_beats"] == np.count_nonzero((frame >= found[0].start_frame) & (frame <= found[0].stop_frame))
    assert found[0].facts["n_beats"] >= 17


def test_eight_fast_intervals_are_nine_beats():
    found, frame = _episodes([1.0] * 10 + [0.45] * 8 + [1.0] * 10)
    assert len(found) == 1
    assert (found[0].start_frame, found[0].stop_frame, found[0].facts["n_beats"]) == (frame[10], frame[18], 9)
    assert found[0].facts["mean_bpm"] == 133.3


def test_no_episode_reaches_over_an_unknown_interval():
    rr = [0.45] * 8 + [float("nan")] + [0.45] * 8
    frame = np.arange(18) * 450
    assert [e.facts["n_beats"] for e in rate_episodes(frame, np.array([np.nan, *rr]))] == [9, 9]
