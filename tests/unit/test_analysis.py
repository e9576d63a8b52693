# SPDX-License-Identifier: Apache-2.0
"""`octolead analyze`: what comes out for recordings with known beats, and for those with none."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from octolead.analysis import analyze
from octolead.analysis import episodes as ep
from octolead.cli.app import cli
from tests.unit import making

FS_HZ = 500


def beats_uv(n_frames: int, places: list[int], n_leads: int = 2, seed: int = 0) -> np.ndarray:
    """An ECG of P, QRS and T at known places, in steps of 2.5 µV (making.block's step), with 8 µV of noise."""
    out = np.random.default_rng(seed).normal(0, 8, (n_frames, n_leads))
    t = np.arange(-200, 300)
    wave = 120 * np.exp(-(((t + 80) / 18) ** 2)) + 1100 * np.exp(-((t / 7) ** 2)) - 250 * np.exp(-(((t - 16) / 7) ** 2))
    wave += 260 * np.exp(-(((t - 140) / 32) ** 2))
    for place in places:
        a, b = max(0, place - 200), min(n_frames, place + 300)
        out[a:b] += wave[a - place + 200 : b - place + 200, None] * np.linspace(1, 0.6, n_leads)
    return np.rint(out / 2.5).astype(np.int32)


def olr(tmp_path, frames, **more):
    path = tmp_path / "x.olr"
    path.write_bytes(b"".join(making.blocks(frames, **more)))
    return path


def test_regular_beats_are_found_where_they_are(tmp_path):
    places = list(range(400, 29_800, 410))
    found = analyze(olr(tmp_path, beats_uv(30_000, places)))
    assert np.abs(found.frame - np.array(places)).max() <= 10
    assert set(found.symbol) == {"N"}
    assert found.summary()["mean_bpm"] == pytest.approx(60 * FS_HZ / 410, abs=0.1)
    assert not found.episodes


def test_a_pause_is_an_episode_and_a_gap_is_none(tmp_path):
    places = [*range(400, 12_000, 400), *range(13_200, 29_800, 400)]  # 1200 frames between 12,000 - 400 and 13,200
    found = analyze(olr(tmp_path, beats_uv(30_000, places)))
    pauses = [e for e in found.episodes if e.kind == "pause"]
    assert len(pauses) == 1
    assert pauses[0].facts["rr_s"] == pytest.approx((13_200 - 11_600) / FS_HZ, abs=0.04)
    frames = beats_uv(30_000, list(range(400, 29_800, 400)))
    parts = making.blocks(frames)
    (tmp_path / "gap.olr").write_bytes(b"".join(parts[:100] + parts[130:]))
    gapped = analyze(tmp_path / "gap.olr")
    assert [e.kind for e in gapped.episodes] == ["gap"]
    assert not ((gapped.frame > 10_050) & (gapped.frame < 12_950)).any()


def test_a_damaged_block_is_a_gap_and_no_signal(tmp_path):
    parts = making.blocks(beats_uv(30_000, list(range(400, 29_800, 400))))
    for number in range(100, 130):
        parts[number] = parts[number][:200] + bytes(8) + parts[number][208:]
    (tmp_path / "damaged.olr").write_bytes(b"".join(parts))
    found = analyze(tmp_path / "damaged.olr")
    assert [(e.kind, e.start_frame, e.stop_frame) for e in found.episodes] == [("gap", 10_000, 13_000)]
    assert not ((found.frame > 10_050) & (found.frame < 12_950)).any()
    assert ((found.frame > 9_000) & (found.frame < 10_000)).sum() == 2


def test_waves_are_measured_and_stand_in_the_table(tmp_path):
    found = analyze(olr(tmp_path, beats_uv(30_000, list(range(400, 29_800, 410)))))
    table = found.beat_table()
    assert {len(column) for column in table.values()} == {len(found.frame)}
    assert np.nanmedian(table["p_peak_ms"]) == pytest.approx(-160, abs=12)
    assert np.nanmedian(table["t_peak_ms"]) == pytest.approx(280, abs=16)
    summary = found.summary()["waves"]
    assert summary["p_present_percent"] > 95
    assert 300 < summary["qt_ms"]["median"] < 450
    assert abs(summary["st_j80_uv"][found.leads[0]]) < 60


@pytest.mark.parametrize("n_frames", [1, 10, 499, 2500])
@pytest.mark.parametrize("value", [0, 4000, -(2**23)])
def test_what_holds_no_beat_gives_none(tmp_path, n_frames, value):
    found = analyze(olr(tmp_path, np.full((n_frames, 3), value, np.int32)))
    assert len(found.frame) == 0
    summary = found.summary()
    assert summary["n_beats"] == 0
    assert summary["mean_bpm"] is None
    json.dumps(summary)


def test_one_beat_alone_is_a_beat(tmp_path):
    found = analyze(olr(tmp_path, beats_uv(5000, [2500], 8)))
    assert len(found.frame) <= 1  # one is no rhythm to judge by, but it must not become two
    assert found.summary()["longest_rr_s"] is None


def test_the_files_agree_with_each_other_and_with_wfdb(tmp_path):
    wfdb = pytest.importorskip("wfdb")
    places = list(range(400, 29_800, 410))
    source = olr(tmp_path, beats_uv(30_000, places))
    done = CliRunner().invoke(cli, ["analyze", str(source), "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    with (tmp_path / "out" / "beats.csv").open() as file:
        rows = list(csv.DictReader(file))
    annotations = next((tmp_path / "out").glob("*.oct"))
    read = wfdb.rdann(str(annotations.with_suffix("")), "oct")
    assert [int(row["frame"]) for row in rows] == read.sample.tolist()
    assert [row["symbol"] for row in rows] == read.symbol
    assert len(rows) == summary["n_beats"] == len(places)
    assert json.loads((tmp_path / "out" / "episodes.json").read_text()) == []
    with (tmp_path / "out" / "hourly.csv").open() as file:
        assert sum(int(row["n_beats"]) for row in csv.DictReader(file)) == len(places)


def test_what_cannot_be_read_is_told_without_a_traceback(tmp_path):
    done = CliRunner().invoke(cli, ["analyze", str(tmp_path / "none.olr"), "--out", str(tmp_path / "o")], standalone_mode=False)
    assert "no such file" in str(done.exception)


def test_runs_couplets_and_geminies_are_told_apart():
    frame = np.arange(0, 20 * 200, 200)
    rr = ep.intervals_s(frame, 500.0, [])
    classes = np.array(list("NVNVNVNNNVVNNVVVVNNN"))
    runs = ep.ectopic_runs(frame, classes, rr, "V")
    assert [(e.kind, e.facts["n_beats"]) for e in runs] == [("v-couplet", 2), ("vt", 4)]
    assert [(e.start_frame, e.stop_frame) for e in ep.geminy(frame, classes, 2)] == [(0, 1000)]
    assert ep.geminy(frame, classes, 3) == []


def test_no_run_reaches_over_a_gap():
    frame = np.array([0, 200, 400, 5000, 5200])
    rr = ep.intervals_s(frame, 500.0, [(1000, 4000)])
    assert np.isnan(rr[3])
    assert [e.kind for e in ep.ectopic_runs(frame, np.array(list("VVVVV")), rr, "V")] == ["vt", "v-couplet"]


def test_real_record_with_known_beats(data_dir):
    """MIT-BIH 119: 1,987 beats, 444 of them ventricular, most in bigeminy and trigeminy."""
    found = analyze(data_dir / "mitdb" / "119")
    assert abs(len(found.frame) - 1987) <= 4
    assert abs(int((found.symbol == "V").sum()) - 444) <= 5
    kinds = {e.kind for e in found.episodes}
    assert {"bigeminy", "trigeminy"} <= kinds
    assert "af" not in kinds
