# SPDX-License-Identifier: Apache-2.0
"""The main job end to end: a real ECG through the real firmware and back."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner

import octolead
from octolead import simulator
from octolead.cli.app import cli
from octolead.demo_signal import OFFSETS_MV, default_input, one_round, prepare
from octolead.verify import verify
from tests.unit import making


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    pytest.importorskip("pydicom")
    pytest.importorskip("reportlab")
    try:
        simulator.find_micropython()
    except octolead.SimulatorError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("demo")
    result = CliRunner().invoke(cli, ["demo", "--out", str(out), "--seconds", "15"])
    assert result.exit_code == 0, result.output
    return out, result.stdout


def raw(source):
    with octolead.open(source, check=True) as recording:
        return recording.signal_raw(0, recording.n_frames)


def test_no_frame_differs_from_what_left_the_converter(demo):
    out, text = demo
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames_played"] == summary["frames_recorded"] == summary["frames_compared"] == 7500
    assert summary["frames_different"] == 0
    assert summary["marks"] == [{"frame": 3750, "time_s": 7.5, "origin": "patient", "text": ""}]
    assert "frames different  0" in text
    assert "strip.png" in text


def test_bits_per_sample_counts_every_byte_of_every_block(demo):
    out, _ = demo
    summary = json.loads((out / "summary.json").read_text())
    bits = 8 * (out / "recording.olr").stat().st_size / (7500 * 8)
    assert summary["bits_per_sample"] == pytest.approx(bits, abs=1e-3)
    assert summary["mb_per_24h"] == pytest.approx(bits / 8 * 500 * 86400 * 8 / 1e6, abs=0.1)


def test_card_image_segments_and_olr_give_the_same_samples(demo, tmp_path):
    out, _ = demo
    samples = raw(out / "card.img")
    np.testing.assert_array_equal(raw(out / "recording.olr"), samples)
    for name in ("card.img", "recording.olr"):
        assert verify(out / name).exit_code == 0
    if not shutil.which("mcopy"):
        pytest.skip("no mtools on this machine")
    subprocess.run(["mcopy", "-s", "-i", str(out / "card.img"), "::OCTOLEAD", str(tmp_path)], check=True)
    np.testing.assert_array_equal(raw(tmp_path), samples)
    np.testing.assert_array_equal(raw(tmp_path / "OCTOLEAD"), samples)


def test_what_was_recorded_is_what_was_played_to_within_half_a_step(demo):
    out, _ = demo
    played = prepare(default_input(), 15)
    with octolead.open(out / "card.img") as recording:
        microvolt = recording.signal_uv(0, 7500)
        nanovolt = np.resize(played.nanovolt, microvolt.shape)  # played over and over
        assert np.abs(microvolt - nanovolt / 1000).max() < recording.step_uv / 2 + 0.1


def test_a_record_of_two_leads_plays_flat_elsewhere(tmp_path):
    record = making.write_wfdb(tmp_path, "two", making.some_frames(3600, 2), ["200 16 0 0 0 0 MLII", "200 16 0 0 0 0 V5"], "360 3600")
    played = prepare(str(record), 5)
    assert (played.nanovolt.shape, played.n_frames) == ((2500, 8), 2500)
    flat = [k for k in range(8) if np.ptp(played.nanovolt[:, k]) == 0]
    assert flat == [0, 2, 3, 4, 5, 7]
    assert played.nanovolt[0, 0] == OFFSETS_MV[0] * 1e6
    assert any("MLII plays as II" in m for m in played.messages)


def test_the_seam_of_the_loop_does_not_jump():
    played = np.tile(prepare(default_input(), 30).nanovolt, (3, 1))
    one = prepare(default_input(), 9).nanovolt
    assert (np.abs(np.diff(played, axis=0)).max(axis=0) <= 1.1 * np.abs(np.diff(one, axis=0)).max(axis=0)).all()


def test_a_record_of_very_few_frames_is_played_as_it_is():
    assert one_round(np.ones((2, 1)), 7, 500).shape == (2, 1)


def test_a_simulator_that_fails_is_told_with_its_words(tmp_path):
    with pytest.raises(octolead.SimulatorError, match="nonsense"):
        simulator.run({"nonsense": 1, "card": str(tmp_path / "c.img")})
