# SPDX-License-Identifier: Apache-2.0
"""The heart rate found on the box: a made-up heart under CPython at the three rates, the viper twin, public records, the link's status."""

import asyncio
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, needs_micropython, run_micropython
from recorder import constants as c
from recorder.heart import HeartRate, usable
from recorder.recorder import Signal

sys.path.insert(0, str(ROOT))
from tools import heart_score
from tools.bench.records import data_dir

RATES = (250, 500, 1000)
RA, LA, LL, V1 = 1 << c.ELECTRODE_RA, 1 << c.ELECTRODE_LA, 1 << c.ELECTRODE_LL, 1 << c.ELECTRODE_V1


def heart_beats(rate_hz, beats_s, seconds, noise_uv=5, seed=1, amplitude_uv=1000):
    """Stored values (frames, 8) of a heart that beats at these times, with T waves and wander."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    shape = 200 * np.sin(2 * np.pi * 0.3 * t)
    for at in beats_s:
        shape = shape + amplitude_uv * (np.exp(-(((t - at) / 0.012) ** 2)) + 0.3 * np.exp(-(((t - at - 0.28) / 0.05) ** 2)))
    microvolt = shape[:, None] * np.linspace(0.5, 1.2, 8) + np.random.default_rng(seed).normal(0, noise_uv, (len(t), 8))
    return np.rint(microvolt / heart_score.STEP_UV).astype(np.int32) + 40000


def feed(heart, values, state=0):
    for at in range(0, len(values), 128):
        some = values[at : at + 128]
        heart.take(array("i", some.tobytes()), len(some), state)


def started(rate_hz=500, **signal):
    heart = HeartRate()
    heart.begin(Signal(rate_hz, **signal))
    return heart


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("shift", [0, 6])
def test_a_steady_heart_is_counted_and_timed_from_its_first_beat_on(rate_hz, shift):
    beats = np.arange(0.5, 30, 0.8)
    heart = started(rate_hz, shift=shift)
    feed(heart, heart_beats(rate_hz, beats, 30) << (6 - shift))
    assert heart.beats == len(beats)
    assert heart.bpm == 75 and heart.contact
    intervals = heart.take_rr()
    assert len(intervals) == 16 and all(abs(rr - 0.8 * 1024) <= 2 for rr in intervals)
    assert heart.take_rr() == []


@pytest.mark.parametrize("bpm", [35, 60, 150, 220])
def test_slow_and_fast_hearts(bpm):
    heart = started()
    feed(heart, heart_beats(500, np.arange(0.4, 40, 60 / bpm), 40))
    assert abs(heart.bpm - bpm) <= 1


def test_no_heart_no_beats():
    heart = started()
    feed(heart, heart_beats(500, [], 30))
    assert heart.beats == 0 and heart.bpm == 0 and heart.take_rr() == []
    assert 28000 < heart.quiet_ms() <= 30000


def test_a_pause_is_noticed_while_it_lasts_and_the_beats_after_it_are_found():
    beats = [*np.arange(0.5, 15, 0.9), *np.arange(22, 30, 0.9)]
    values = heart_beats(500, beats, 30)
    heart = started()
    feed(heart, values[: 500 * 21])
    assert 6000 < heart.quiet_ms() < 7500 and heart.bpm == 0
    feed(heart, values[500 * 21 :])
    assert heart.quiet_ms() < 1500 and heart.beats == len(beats)
    assert max(heart.take_rr()) == pytest.approx((22 - beats[16]) * 1024, abs=3)


def test_a_lead_full_of_noise_is_left_out():
    beats = np.arange(0.5, 60, 0.8)
    values = heart_beats(500, beats, 60)
    values[:, 3] += np.random.default_rng(2).normal(0, 300, len(values)).astype(np.int32)
    values[:, 5] = 40000
    heart = started()
    feed(heart, values)
    assert heart.status()["leads"] & 0b101000 == 0
    assert abs(heart.bpm - 75) <= 1


def test_which_leads_count_follows_from_the_electrodes():
    assert usable(0) == 0xFF
    assert usable(RA) == 0
    assert usable(LA) == 0b10
    assert usable(LL) == 0b01
    assert usable(V1) == 0b11111011
    assert usable(1 << c.ELECTRODE_V6) == 0b01111111
    assert usable(0x81 << 16) == 0b01111110


def test_without_electrodes_nothing_is_known_and_contact_comes_back():
    values = heart_beats(500, np.arange(0.5, 60, 0.8), 60)
    heart = started()
    feed(heart, values[:10000])
    assert heart.contact and heart.bpm == 75
    heart.take_rr()
    feed(heart, values[10000:15000], RA)
    assert not heart.contact and heart.bpm == 0 and heart.quiet_ms() == 0 and heart.take_rr() == []
    feed(heart, values[15000:], V1)
    assert heart.contact and heart.bpm == 75 and max(heart.take_rr()) < 900


def test_no_interval_is_told_across_frames_that_were_left_out():
    values = heart_beats(500, np.arange(0.5, 30, 0.8), 30)
    heart = started()
    feed(heart, values[:7000])
    heart.take_rr()
    heart.skip()
    feed(heart, values[8000:])
    assert all(abs(rr - 819) <= 2 for rr in heart.take_rr())


def test_a_test_signal_is_no_contact():
    heart = started(source="test")
    feed(heart, heart_beats(500, np.arange(0.5, 10, 1), 10))
    assert not heart.contact


@needs_micropython
def test_viper_and_plain_agree():
    assert int(run_micropython(Path(__file__).parent / "mp_heart.py").split()[0]) > 100


@needs_micropython
def test_the_score_on_public_records_stays_above_its_floor():
    folder = data_dir() / "mitdb"
    if not folder.is_dir():
        pytest.skip(f"no records at {folder} (set OCTOLEAD_DATA)")
    scored = heart_score.score(str(folder), 500, ("101", "106", "119", "203"))
    qrs = scored.beats.as_dict(classes=False)["qrs"]
    assert qrs["der_percent"] < 0.65, qrs
    assert np.median(np.concatenate(scored.errors_ms)) < 1.5


@needs_micropython
def test_the_recorder_tells_it_in_its_status(tmp_path, input_500):
    from octolead.link import connect_usb
    from octolead.link.bench import SimulatorBench

    key = bytes(32)
    config = {"input": input_500, "card": str(tmp_path / "card.img"), "link_key": key.hex(), "card_mib": 64, "speed": 5}

    async def work(bench):
        async with asyncio.timeout(60), await connect_usb(bench.plug(), key, timeout_s=20) as recorder:
            await recorder.start()
            while (status := await recorder.status()).fields["frame"] < 12500:
                await asyncio.sleep(0.1)
            await recorder.stop()
            return status

    with SimulatorBench(config) as bench:
        status = asyncio.run(work(bench))
        bench.end()
    assert status.fields["heart_rate_bpm"] == 66  # of the fixture: 1.1 a second
    assert status.more["heart_rate"]["contact"] and status.more["heart_rate"]["beats"] > 10
