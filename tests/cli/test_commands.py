# SPDX-License-Identifier: Apache-2.0
"""The commands on sound recordings."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from octolead import _constants as c
from octolead.cli.app import cli
from octolead.native import Event
from tests.unit import making

FRAMES = making.some_frames(2000)


@pytest.fixture
def path(tmp_path):
    marks = {7: [Event(c.EVENT_MARK, 50, b"\x00")]}
    return making.write_olr(tmp_path / "a.olr", making.blocks(FRAMES, events=marks))


def run(*args, code=0):
    result = CliRunner().invoke(cli, [str(a) for a in args])
    assert result.exit_code == code, result.output
    return result


def test_info_tells_leads_length_and_marks(path):
    text = run("info", path).stdout
    assert "derived: III, aVR, aVL, aVF" in text
    assert "frame 750 (1.500 s) patient" in text
    found = json.loads(run("info", path, "--json").stdout)
    assert found["n_frames"] == 2000
    assert found["marks"][0]["frame"] == 750
    assert found["start_utc"] is None


def test_decode_npz_holds_microvolt_marks_and_names(path, tmp_path):
    run("decode", path, "--out", tmp_path / "o.npz", "--leads", "aVF,v1", "--start", "1s", "--stop", "1500")
    with np.load(tmp_path / "o.npz") as found:
        np.testing.assert_allclose(found["signal"][:, 1], FRAMES[500:1500, 2] * 2.5)
        assert found["leads"].tolist() == ["aVF", "V1"]
        assert found["start_frame"] == 500
        assert found["mark_frames"].tolist() == [750]


def test_decode_csv_has_a_line_per_frame(path, tmp_path):
    lines = list(csv.reader(run("decode", path, "--stop", "3", "--leads", "I,II").stdout.splitlines()))
    assert lines[0] == ["frame", "time_s", "I_uV", "II_uV"]
    assert [float(v) for v in lines[3][2:]] == pytest.approx(FRAMES[2, :2] * 2.5)
    run("decode", path, "--out", tmp_path / "o.csv", "--raw", "--start", "mark1", "--stop", "760")
    rows = list(csv.reader((tmp_path / "o.csv").open()))
    assert [int(r[0]) for r in rows[1:]] == list(range(750, 760))
    assert [int(v) for v in rows[1][2:]] == FRAMES[750].tolist()


def test_copy_gives_the_same_blocks_byte_for_byte(path, tmp_path):
    folder = making.write_ring(tmp_path / "r", dict(enumerate(making.blocks(FRAMES))))
    run("copy", folder, "--out", tmp_path / "b.olr")
    assert (tmp_path / "b.olr").read_bytes() == b"".join(making.blocks(FRAMES))


@pytest.mark.parametrize("name", ["s.png", "s.svg", "s.pdf"])
def test_plot_draws_true_ecg_paper(path, tmp_path, name):
    pytest.importorskip("reportlab")
    run("plot", path, "--out", tmp_path / name, "--at", "mark1", "--seconds", "2")
    data = (tmp_path / name).read_bytes()
    if name.endswith("svg"):
        from octolead import strip
        from octolead.paper import ecg

        width_mm = float(data.split(b'width="')[1].split(b"mm")[0])
        assert width_mm == pytest.approx(2 * strip._SIDE_MM + ecg.PULSE_MM + 2 * 25, abs=0.001)
    else:
        assert data.startswith(b"\x89PNG" if name.endswith("png") else b"%PDF")


def test_encode_then_verify(tmp_path):
    record = making.write_wfdb(tmp_path, "q", making.some_frames(900, 2), ["400 16 0 0 0 0 I", "400 16 0 0 0 0 II"])
    found = json.loads(run("encode", record, "--out", tmp_path / "q.olr", "--json").stdout)
    assert found["n_frames"] == 900
    assert "sound" in run("verify", tmp_path / "q.olr").stdout
    run("encode", record, "--out", tmp_path / "q.olr", "--step", "5", "--rate", "250", "--leads", "II", "--slot", "4096")
    found = json.loads(run("info", tmp_path / "q.olr", "--json").stdout)
    assert (found["fs_hz"], found["step_uv"], found["n_frames"], found["leads"]) == (250, 5, 450, ["II"])


def test_color_can_be_switched_off(path, monkeypatch):
    colored = CliRunner().invoke(cli, ["info", str(path)], color=True).stdout
    assert "\x1b[" in colored
    assert "\x1b[" not in CliRunner().invoke(cli, ["info", str(path), "--no-color"], color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(cli, ["info", str(path)], color=True).stdout


def test_every_command_has_help():
    for name, command in cli.commands.items():
        assert command.help, name
        for words in [[name, part] for part in getattr(command, "commands", {})] or [[name]]:  # a group has none of its own
            assert "--json" in run(*words, "--help").stdout
