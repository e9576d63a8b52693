# SPDX-License-Identifier: Apache-2.0
"""What the analyzer promises of the beats it finds: any chunking gives the same, bad input has a defined answer."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.recfunctions import repack_fields

from octolead.native.ahead import Ahead
from octolead.native.analyzer import CLASSIFY, DELINEATE, DETECT, Analyzer, Found, detect_beats
from octolead.native.qrs import BEAT_DTYPE

RR_S = 0.8


def ecg(fs_hz: float, duration_s: float, n_leads: int = 1, noise_uv: float = 10.0, seed: int = 1) -> npt.NDArray[np.float32]:
    """Beats of bells every 0.8 s from 0.15 s on, other leads weaker and upside down."""
    t = np.arange(int(duration_s * fs_hz)) / fs_hz
    phase = (t - 0.15 + RR_S / 2) % RR_S - RR_S / 2
    one = sum(
        size * np.exp(-0.5 * ((phase - at) / width) ** 2)
        for at, width, size in ((-0.16, 0.022, 120), (-0.028, 0.008, -120), (0, 0.011, 1000), (0.03, 0.01, -250), (0.26, 0.045, 250))
    )
    leads = one[:, None] * np.linspace(1, -0.5, n_leads)[None, :]
    return np.float32(leads + np.random.default_rng(seed).normal(0, noise_uv, leads.shape))


def packed(rows: npt.NDArray[np.void]) -> bytes:
    """All fields, without the bytes between them."""
    return repack_fields(rows, align=False, recurse=True).tobytes()


def chunked(frames: npt.NDArray[np.float32], fs_hz: float, sizes: list[int], stages: int) -> tuple[Found, npt.NDArray[np.void]]:
    analyzer, at, n = Analyzer(fs_hz, frames.shape[1], stages=stages, lead_i=0), 0, 0
    while at < len(frames):
        analyzer.push(frames[at : at + sizes[n % len(sizes)]])
        at, n = at + sizes[n % len(sizes)], n + 1
    found = analyzer.finish()
    return found, analyzer.label(found.records).labels


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    fs_hz=st.sampled_from([100.0, 128.0, 250.0, 257.5, 360.0, 500.0]),
    n_leads=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_any_chunking_gives_the_same(sizes: list[int], fs_hz: float, n_leads: int, seed: int) -> None:
    frames = ecg(fs_hz, 25, n_leads, noise_uv=60, seed=seed)
    sizes = [max(size, len(frames) // 200) for size in sizes]
    everything = DETECT | CLASSIFY | DELINEATE
    whole, labels = chunked(frames, fs_hz, [len(frames)], everything)
    parts, labels_of_parts = chunked(frames, fs_hz, sizes, everything)
    for kind in ("beats", "spans", "seconds", "records", "waves"):
        assert packed(getattr(whole, kind)) == packed(getattr(parts, kind)), kind
    assert packed(labels) == packed(labels_of_parts)
    assert len(whole.beats) == len(whole.records) == len(whole.waves)


def test_records_and_waves_are_one_a_beat_over_gaps() -> None:
    frames, analyzer = ecg(500, 60, 2, noise_uv=30), Analyzer(500, 2)
    for at in range(0, len(frames), 4321):
        analyzer.push(frames[at : at + 4000])
        analyzer.gap(min(321, max(0, len(frames) - at - 4000)))
    found = analyzer.finish()
    assert len(found.beats) > 60
    assert np.array_equal(found.beats["frame"], found.records["frame"])
    assert np.array_equal(found.beats["frame"], found.waves["frame"])
    assert analyzer.n_frames == len(frames)


def test_seconds_made_apart_and_beats_told_give_the_same() -> None:
    """The three threads of an analysis: one makes seconds, one finds beats in them, one is told them and measures waves."""
    frames = ecg(360, 70, 3, noise_uv=40)
    frames[9000:] += 150 * np.sin(2 * np.pi * 50 * np.arange(len(frames) - 9000) / 360)[:, None].astype(np.float32)
    whole, ahead = Analyzer(360, 3), Ahead(360, 3)
    finder, teller = Analyzer(360, 3, stages=DETECT | CLASSIFY), Analyzer(360, 3, stages=DELINEATE)
    waves = []
    for at, missing in ((0, 5), (3000, 2000), (5500, 14), (7000, 15), (8000, 0)):  # 14 frames are bridged, 15 are not
        stop = {0: 3000, 3000: 5500, 5500: 7000, 7000: 8000, 8000: len(frames)}[at]
        whole.push(frames[at:stop])
        whole.gap(missing)
        ahead.push(frames[at:stop])
        if ahead.gap(missing):
            made = ahead.made()
            for seconds in made:
                finder.push_seconds(seconds)
            finder.gap(missing)
            found = finder.found()
            assert all(teller.tell(frame) for frame in found.beats["at_frame"])
            for seconds in made:
                teller.push_seconds(seconds)
            teller.gap(missing)
            waves.append(teller.found().waves)
            expected = whole.found()
            assert len(expected.beats) > 0
            for kind in ("beats", "spans", "seconds", "records"):
                assert packed(getattr(found, kind)) == packed(getattr(expected, kind)), (at, kind)
            assert packed(waves[-1]) == packed(expected.waves), at
    assert len(waves) == 3


def test_the_integers_of_a_recording_give_what_their_microvolts_give() -> None:
    counts = np.rint(ecg(500, 30, 8) / 2.5).astype(np.int32)
    of_counts, of_uv = Analyzer(500, 8), Analyzer(500, 8)
    of_counts.push_counts(counts, 2.5)
    of_uv.push(counts.astype(np.float32) * np.float32(2.5))
    assert packed(of_counts.finish().waves) == packed(of_uv.finish().waves)


def test_beats_may_be_told_but_not_out_of_order() -> None:
    analyzer = Analyzer(500, 1, stages=CLASSIFY)
    assert analyzer.tell(100)
    with pytest.raises(ValueError, match="not after the one before"):
        analyzer.tell(100)
    with pytest.raises(ValueError, match="the detector is on"):
        Analyzer(500, 1).tell(5)
    assert [analyzer.tell(k) for k in range(200, 1200, 2)].count(True) == 500


@pytest.mark.parametrize("fs_hz", [100, 125, 200, 299.9, 300, 512, 1000, 2000])
def test_every_beat_is_found_from_the_first_to_the_last(fs_hz: float) -> None:
    found = detect_beats(ecg(fs_hz, 24)[:, 0], fs_hz)
    assert np.allclose(found.beats["frame"] / fs_hz, 0.15 + RR_S * np.arange(30), atol=0.025)
    assert len(found.spans) == 0
    assert len(found.seconds) == 24


@pytest.mark.parametrize("gain", [0.2, 5])
def test_an_amplitude_step_costs_no_beat(gain: float) -> None:
    frames = ecg(250, 48, noise_uv=2)
    frames[6000:] *= gain
    assert len(detect_beats(frames, 250).beats) == 60


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros(0), np.zeros(1), np.zeros(5000), np.full(5000, 1e6), np.full((5000, 8), -(2.0**31)), np.tile([32767.0, -32768.0], 2500),
        np.repeat([2147483647, -2147483648], 2500), np.ones((1, 8)),
    ],
)  # fmt: skip
def test_what_is_no_heart_gives_no_beats(frames: npt.NDArray[np.float64]) -> None:
    found = detect_beats(frames, 500)
    assert len(found.beats) == 0
    assert found.beats.dtype == BEAT_DTYPE


def test_a_small_lead_like_a_sine_beside_a_good_one_is_no_fibrillation() -> None:
    """A still lead weighs much, for its noise is small; whether the heart fibrillates shows in the one in which it moves."""
    good = ecg(360, 60, noise_uv=25)
    t = np.arange(len(good)) / 360
    small = 40 * np.sin(2 * np.pi * 4.2 * t)[:, None] + np.random.default_rng(3).normal(0, 1, good.shape)
    found = detect_beats(np.hstack([good, small]), 360)
    assert len(found.spans) == 0
    assert len(found.beats) == 75


def test_no_number_is_refused_by_name() -> None:
    frames = np.zeros((100, 2))
    frames[17, 1] = np.nan
    with pytest.raises(ValueError, match="frame 17, lead 1: nan is no number"):
        detect_beats(frames, 500)


@pytest.mark.parametrize(("fs_hz", "n_leads"), [(99, 1), (2001, 1), (float("nan"), 1), (500, 0), (500, 9), (500, 12)])
def test_what_cannot_be_done_is_refused(fs_hz: float, n_leads: int) -> None:
    with pytest.raises(ValueError, match="are possible"):
        Analyzer(fs_hz, n_leads)


def test_frames_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(frames, 2\) is needed"):
        Analyzer(500, 2).push(np.zeros((10, 3)))
    with pytest.raises(ValueError, match="lead_off of shape"):
        Analyzer(500, 1).push(np.zeros(10), np.zeros(9, np.uint8))
    with pytest.raises(ValueError, match="a gap of -1 frames"):
        Analyzer(500, 1).gap(-1)


@pytest.mark.parametrize("cut", [4980, 5000, 5037, 5040, 5060, 5100])
def test_a_gap_anywhere_in_a_beat_costs_at_most_that_beat(cut: int) -> None:
    frames, analyzer = ecg(250, 40), Analyzer(250, 1, stages=DETECT)
    analyzer.push(frames[:cut])
    analyzer.gap(10**9)
    analyzer.push(frames[cut + 500 :])
    found = analyzer.finish()
    beats = found.beats["frame"]
    expected = (0.15 + RR_S * np.arange(50)) * 250
    missing = [e for e in expected if not (cut - 60 < e < cut + 560) and np.abs(beats - (e if e < cut else e - 500 + 10**9)).min() > 8]
    assert missing == []
    assert [tuple(s)[:3] for s in found.spans] == [(cut, cut + 10**9, 4)]


def test_a_recording_that_is_one_long_gap() -> None:
    analyzer = Analyzer(500, 8)
    analyzer.gap(90 * 3600 * 500)
    found = analyzer.finish()
    assert (len(found.beats), len(found.spans), analyzer.n_frames) == (0, 1, 90 * 3600 * 500)


def test_a_lead_that_comes_and_goes_is_no_loss() -> None:
    frames = ecg(500, 40, 2)
    off = np.zeros(len(frames), np.uint8)
    for start in range(1000, 20000, 4000):
        frames[start : start + 1500, 0] = 250000
        off[start : start + 1500] = 1
    found = detect_beats(frames, 500, lead_off=off)
    assert abs(len(found.beats) - 50) <= 1
    assert found.seconds["score"][3, 0] == 0
    assert found.seconds["score"][3, 1] > 0.8


@pytest.mark.parametrize("mains_hz", [49.97, 60.02])
def test_mains_is_removed_before_waves_are_measured(mains_hz: float) -> None:
    frames, time_s = ecg(500, 40, 3), np.arange(20_000) / 500
    hum = frames + np.float32(300 * np.sin(2 * np.pi * mains_hz * time_s))[:, None]
    clean, noisy = Analyzer(500, 3), Analyzer(500, 3)
    clean.push(frames)
    noisy.push(hum)
    expected, found = clean.finish(), noisy.finish()
    assert set(found.seconds["mains_hz"][2:-1]) == {round(mains_hz / 10) * 10}
    assert len(found.beats) == len(expected.beats)
    for measure, limit in (("qrs_ms", 8), ("qt_ms", 12), ("pr_ms", 8)):
        assert np.nanmax(np.abs(found.waves[measure][5:] - expected.waves[measure][5:])) <= limit, measure
