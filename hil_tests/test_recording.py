# SPDX-License-Identifier: Apache-2.0
"""Frames: at the rate that was asked for, all of them, the same live and stored, of the size that was fed."""

import time

import numpy as np
import pytest

from hil_tests.bench import SIGNAL
from octolead import _constants as c


@pytest.mark.parametrize("rate_hz", [250, 500, 1000])
def test_frames_come_at_the_rate_that_was_asked_for(link, folder, rate_hz):
    """Between two looks at the counter, each of which took some time itself and may be old by the bench's lag; 0.2 % for both clocks."""
    looks = []

    async def during(recorder):
        for wait_s in (12.0, 0.0):
            before = time.monotonic()
            frame = await link.frame(recorder)
            looks.append((before, frame, time.monotonic()))
            await link.pause(wait_s)

    recorded = link.record(folder, 1, during, rate_hz=rate_hz, source=c.SIGNAL_SOURCE_TEST_SIGNAL)
    (before_1, frame_1, after_1), (before_2, frame_2, after_2) = looks
    least, most = (s * link.bench.speed * rate_hz for s in (before_2 - after_1, after_2 - before_1))
    lag = link.bench.lag_s * link.bench.speed * rate_hz
    assert least * 0.998 - lag <= frame_2 - frame_1 <= most * 1.002 + lag
    with link.open(recorded) as recording:
        assert recording.fs_hz == rate_hz and recording.n_frames == recorded.n_frames > 12 * rate_hz


@pytest.mark.parametrize("codec", [c.CODEC_RAW24, c.CODEC_ADAPTIVE])
def test_every_frame_that_stop_tells_is_in_the_recording(link, folder, codec):
    recorded = link.record(folder, 6, codec=codec)
    with link.open(recorded) as recording:
        assert recording.n_frames == recorded.n_frames
        assert not recording.gaps and recording.n_unreadable == 0
        assert recording.timeline.stop_reason == "command" and recording.leads[:8] == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
        assert not [f for f in recording.problems if f.severity.name == "ERROR"]


def test_live_frames_are_those_that_are_stored(link, folder):
    came = []

    async def during(recorder):
        live = recorder.live(0b10010011, 1)
        async for some in live:
            came.append(some)
            if sum(len(part.values) for part in came) >= 400:
                break
        await live.aclose()

    recorded = link.record(folder, 1, during)
    with link.open(recorded) as recording:
        stored = np.asarray(recording.signal_raw(0, recording.n_frames))[:, [0, 1, 4, 7]]
    for some in came:
        np.testing.assert_array_equal(some.values, stored[some.first_frame : some.first_frame + len(some.values)])


def test_the_internal_test_signal_is_a_square_wave_of_a_millivolt_on_every_lead(link, folder):
    """ADS1298 data sheet (SBAS459): 1 mV by 2.4 V / 2400, f_CLK / 2^21 = 0.98 Hz or 2^20: 1.95 Hz; 2 % for the converter's reference."""
    recorded = link.record(folder, 6, source=c.SIGNAL_SOURCE_TEST_SIGNAL)
    with link.open(recorded) as recording:
        assert recording.signal_source == "test_signal"
        uv = recording.signal_uv(500, recording.n_frames)
    size = np.diff(np.percentile(uv, [10, 90], axis=0), axis=0)[0] / 2
    assert np.all((np.abs(size - 1000) < 20) | (np.abs(size - 2000) < 40)), size
    edges = np.count_nonzero(np.diff(np.signbit(uv - uv.mean(axis=0)), axis=0), axis=0)
    hertz = edges / 2 / (len(uv) / recording.fs_hz)
    assert np.all((np.abs(hertz - 0.98) < 0.2) | (np.abs(hertz - 1.95) < 0.2)), hertz


def test_shorted_inputs_are_quiet(link, folder):
    """Within 30 µV peak to peak: noise of the converter at gain 6, its low-frequency part included."""
    recorded = link.record(folder, 4, source=c.SIGNAL_SOURCE_SHORTED)
    with link.open(recorded) as recording:
        uv = recording.signal_uv(500, recording.n_frames)
    assert np.all(np.ptp(uv, axis=0) < 30)


@pytest.mark.needs(SIGNAL)
@pytest.mark.parametrize("frequency_hz", [2.0, 10.0])
def test_a_known_sine_comes_out_at_its_size_and_frequency(link, folder, frequency_hz):
    """1 mV on I and II, a third on V1 to V6 (Wilson's terminal takes two thirds), within 5 %: resistors, generator, filter."""
    link.bench.sine(1000, frequency_hz, 500)
    try:
        recorded = link.record(folder, 5)
    finally:
        link.bench.sine(0, frequency_hz, 500)
    with link.open(recorded) as recording:
        uv = recording.signal_uv(500, recording.n_frames).astype(np.float64)
        t = np.arange(len(uv)) / recording.fs_hz
    waves = np.stack([np.sin(2 * np.pi * frequency_hz * t), np.cos(2 * np.pi * frequency_hz * t), np.ones(len(t))], axis=1)
    found, *_ = np.linalg.lstsq(waves, uv, rcond=None)
    amplitude = np.hypot(found[0], found[1])
    np.testing.assert_allclose(amplitude, [1000, 1000, *[1000 / 3] * 6], rtol=0.05)
    rest = uv - waves @ found
    assert np.all(rest.std(axis=0) < 0.05 * amplitude), "not a sine of this frequency"
