# SPDX-License-Identifier: Apache-2.0
"""Waves through the binding, on a synthetic ECG whose waves are where they were put."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from octolead._native import ffi

from octolead.native.analyzer import DELINEATE, Analyzer, delineate
from octolead.native.waves import WAVE_DTYPE

ROOT = Path(__file__).resolve().parents[2]
RR_MS = 800.0


def ecg(fs_hz: float, n_leads: int = 8, n_beats: int = 12, p_uv: float = 120.0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return frames, and beats 800 ms apart: P 160 ms before R, T 280 ms after it."""
    beats_ms = 1000 + RR_MS * np.arange(n_beats)
    t = np.arange(int((beats_ms[-1] + 2000) * fs_hz / 1000)) * 1000 / fs_hz
    x = np.zeros(len(t))
    for at in beats_ms:
        for uv, centre, width in ((p_uv, -160, 18), (-120, -24, 8), (1000, 0, 10), (-250, 26, 9), (280, 280, 40)):
            x += uv * np.exp(-0.5 * ((t - at - centre) / width) ** 2)
    noise = np.random.default_rng(1).normal(0, 3, (len(t), n_leads))
    return (x[:, None] * np.linspace(0.7, 1.2, n_leads) + noise).astype(np.float32), np.round(beats_ms * fs_hz / 1000).astype(np.int64)


def test_a_beat_has_the_layout_of_the_c_struct() -> None:
    assert WAVE_DTYPE.itemsize == ffi.sizeof("ol_wave_beat")
    for name, member in ffi.typeof("ol_wave_beat").fields:
        assert WAVE_DTYPE.fields is not None
        assert WAVE_DTYPE.fields[name][1] == member.offset, name


@pytest.mark.parametrize("fs_hz", [125, 250, 360, 500, 1000, 2000])
def test_waves_are_found_at_any_rate(fs_hz: float) -> None:
    frames, beats = ecg(fs_hz)
    found = delineate(frames, fs_hz, beats, lead_i=0, lead_ii=1)
    assert (found["frame"] == beats).all()
    inner = found["all_leads"][2:-2]
    for wave, boundary, expected, tolerance in (
        ("p", "peak_ms", -160, 16), ("p", "on_ms", -210, 40), ("p", "off_ms", -110, 40), ("qrs", "on_ms", -45, 25),
        ("qrs", "off_ms", 50, 25), ("t", "peak_ms", 280, 24), ("t", "off_ms", 380, 60),
    ):  # fmt: skip
        assert np.abs(inner[wave][boundary] - expected).max() <= tolerance, (wave, boundary)
    assert np.allclose(found["rr_ms"][1:], RR_MS, atol=2000 / fs_hz)
    assert np.isnan(found["rr_ms"][0])


def test_p_that_is_not_there_is_absent() -> None:
    frames, beats = ecg(500, p_uv=0)
    found = delineate(frames, 500, beats)
    assert np.isnan(found["all_leads"]["p"]["peak_ms"][2:-2]).all()
    assert np.isnan(found["pr_ms"][2:-2]).all()


def test_the_axis_comes_from_i_and_ii() -> None:
    frames, beats = ecg(500, n_leads=2)
    frames[:, 1] = frames[:, 0] / 2  # aVF is then flat
    assert abs(float(delineate(frames, 500, beats, lead_i=0, lead_ii=1)["axis_deg"][4])) < 5
    frames[:, 1] = frames[:, 0]
    assert abs(float(delineate(frames, 500, beats, lead_i=0, lead_ii=1)["axis_deg"][4]) - 30) < 5
    assert np.isnan(delineate(frames, 500, beats)["axis_deg"]).all()


def test_st_is_measured_against_the_pr_segment() -> None:
    frames, beats = ecg(500, n_leads=1)
    lifted = frames.copy()
    for beat in beats:
        ramp = np.interp(np.arange(200), [0, 20, 60, 160, 199], [0, 0, 200, 200, 0])
        lifted[beat - 10 : beat + 190, 0] += ramp.astype(np.float32)
    plain, raised = delineate(frames, 500, beats), delineate(lifted, 500, beats)
    assert abs(float(np.median(raised["st_j80_uv"][2:-2, 0] - plain["st_j80_uv"][2:-2, 0])) - 200) < 40


def test_st_slope_is_that_of_the_segment() -> None:
    """100 µV up from J to J + 100 ms: 1000 µV/s."""
    frames, beats = ecg(500, n_leads=1)
    tilted = frames.copy()
    for beat in beats:
        tilted[beat + 20 : beat + 90, 0] += np.interp(np.arange(70), [0, 50, 69], [0, 100, 0]).astype(np.float32)
    plain, raised = delineate(frames, 500, beats), delineate(tilted, 500, beats)
    change = np.median(raised["st_slope_uv_per_s"][2:-2, 0] - plain["st_slope_uv_per_s"][2:-2, 0])
    assert 500 < float(change) < 1100


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30), st.integers(1, 3))
def test_any_chunking_gives_the_same(sizes: list[int], n_leads: int) -> None:
    frames, beats = ecg(360, n_leads=n_leads)
    whole = delineate(frames, 360, beats)
    analyzer, at = Analyzer(360, n_leads, stages=DELINEATE), 0
    assert all(analyzer.tell(int(beat)) for beat in beats)
    for size in [*sizes, len(frames)]:
        analyzer.push(frames[at : at + size])
        at += len(frames[at : at + size])
    pieces = analyzer.finish().waves
    for name in WAVE_DTYPE.names or ():  # each alone: what lies between two fields is not said
        assert pieces[name].tobytes() == whole[name].tobytes(), name


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=0, max_size=4000), st.lists(st.integers(0, 2000), max_size=20, unique=True))
def test_any_bytes_give_a_defined_answer(data: bytes, beats: list[int]) -> None:
    frames = np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2)
    inside = sorted(b for b in beats if b < len(frames))
    assert len(delineate(frames, 250, inside)) == len(inside)


def test_the_tables_are_those_of_the_weights() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.train_waves", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
