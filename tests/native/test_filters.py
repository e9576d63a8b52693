# SPDX-License-Identifier: Apache-2.0
"""What octolead.native.filters promises: delays are taken off, shapes kept, wrong calls refused."""

import numpy as np
import pytest

from octolead.native.filters import low_pass, monitor_baseline, remove_baseline, remove_mains


@pytest.mark.parametrize("fs_hz", [250, 500, 1000])
def test_zero_phase_filters_leave_a_peak_where_it_is(fs_hz: float) -> None:
    t = np.arange(int(10 * fs_hz)) / fs_hz
    bell = 1000 * np.exp(-0.5 * ((t - 5) / 0.012) ** 2) + 200000
    for filtered in (
        remove_baseline(bell, fs_hz),
        remove_baseline(bell, fs_hz, 0.67),
        low_pass(bell, fs_hz, 40),
        low_pass(bell, fs_hz, 100),
    ):
        assert filtered.shape == bell.shape
        assert abs(int(np.argmax(filtered)) - 5 * fs_hz) <= 1


def test_mains_is_removed_from_eight_leads() -> None:
    t = np.arange(10000) / 500
    frames = np.sin(2 * np.pi * 50 * t)[:, None] * np.linspace(0, 300, 8)
    assert np.abs(remove_mains(frames, 500, 50)[3000:]).max() < 3


@pytest.mark.parametrize("n", [0, 1, 2])
def test_short_recordings_keep_their_length(n: int) -> None:
    frames = np.full((n, 3), 5.0)
    assert monitor_baseline(frames, 500).shape == (n, 3)
    assert np.allclose(low_pass(frames, 500, 40), 5)
    assert np.allclose(remove_baseline(frames, 500), 0)


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ValueError, match="not possible"):
        low_pass(np.zeros(10), 250, 150)
    with pytest.raises(ValueError, match="leads is needed"):
        low_pass(np.zeros((10, 9)), 500, 40)
