# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear message with place and cause, all that is sound still read, a non-zero exit code, no traceback."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from octolead import _constants as c
from tests.unit import making

FRAMES = making.some_frames(1000)
LINE = [sys.executable, "-c", "from octolead.cli import main; main()"]


def octolead(*args, **more):
    """Run the command as a user does; every run is checked for tracebacks."""
    done = subprocess.run([*LINE, *map(str, args)], capture_output=True, text=True, timeout=120, **more)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture
def parts():
    return making.blocks(FRAMES)


def decoded(path, tmp_path):
    """(exit code, raw samples) of what `decode` writes."""
    out = tmp_path / "out.npz"
    out.unlink(missing_ok=True)
    done = octolead("decode", path, "--out", out, "--raw", "--start", "0")
    return done, np.load(out)["signal"]


@pytest.mark.parametrize("command", ["info", "verify", "decode", "plot", "copy"])
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.olr", None, "no such file"),
        ("empty.olr", b"", "empty"),
        ("photo.olr", b"\x89PNG\r\n\x1a\n" + bytes(999), "a PNG picture"),
        ("notes.img", b"just some text\n" * 99, "a text file"),
        ("zeros.img", bytes(1 << 16), "nothing but zeros"),
    ],
)
def test_what_is_no_recording_is_told_with_its_path(tmp_path, command, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    options = ["--out", tmp_path / ("o.png" if command == "plot" else "o.olr")] if command in ("plot", "copy") else []
    done = octolead(command, path, *options)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert words in done.stderr
    assert not done.stdout


def test_a_folder_without_segments_says_what_to_give(tmp_path):
    done = octolead("info", tmp_path)
    assert done.returncode == 2
    assert "no segment files" in done.stderr
    (tmp_path / "a.olr").write_bytes(b"x")
    assert "holds a.olr" in octolead("info", tmp_path).stderr


def test_a_cut_file_is_read_to_the_cut(tmp_path, parts):
    path = making.write_olr(tmp_path / "a.olr", parts)
    path.write_bytes(path.read_bytes()[: len(b"".join(parts[:6])) + 777])
    done, raw = decoded(path, tmp_path)
    assert done.returncode == 1
    assert f"byte {len(b''.join(parts[:6]))}" in done.stderr
    assert "cut off" in done.stderr
    np.testing.assert_array_equal(raw, FRAMES[:600])
    assert octolead("verify", path).returncode == 1


@pytest.mark.parametrize(("where", "words"), [(30, "header CRC"), (900, "body CRC")], ids=["header", "payload"])
def test_a_flipped_bit_costs_its_block_and_is_told_with_its_place(tmp_path, parts, where, words):
    at = len(b"".join(parts[:4]))
    raw = bytearray(b"".join(parts))
    raw[at + where] ^= 0x10
    path = tmp_path / "a.olr"
    path.write_bytes(raw)
    done, got = decoded(path, tmp_path)
    assert done.returncode == 1
    assert (got[400:500] == -(2**31)).all()
    np.testing.assert_array_equal(np.delete(got, np.s_[400:500], 0), np.delete(FRAMES, np.s_[400:500], 0))
    report = octolead("verify", path)
    assert report.returncode == 1
    assert f"byte {at}" in report.stdout
    assert words in report.stdout
    assert "100 frames (0.200 s) missing from frame 400" in report.stdout
    assert octolead("info", path).returncode == 1


def test_a_flipped_bit_in_the_first_magic(tmp_path, parts):
    raw = bytearray(b"".join(parts))
    raw[0] ^= 1
    path = tmp_path / "a.olr"
    path.write_bytes(raw)
    done, got = decoded(path, tmp_path)
    assert done.returncode == 1
    np.testing.assert_array_equal(got[100:], FRAMES[100:])


def test_a_newer_major_version_is_skipped_by_name(tmp_path, parts):
    newer = bytearray(parts[4])
    newer[4] = c.VERSION_MAJOR + 1
    newer[140:144] = struct.pack("<I", zlib.crc32(newer[:140]))
    path = making.write_olr(tmp_path / "a.olr", [*parts[:4], bytes(newer), *parts[5:]])
    done, got = decoded(path, tmp_path)
    assert done.returncode == 1
    assert "newer major version 2" in done.stderr
    np.testing.assert_array_equal(np.delete(got, np.s_[400:500], 0), np.delete(FRAMES, np.s_[400:500], 0))


def test_a_file_of_a_newer_major_version_only(tmp_path, parts):
    newer = bytearray(parts[0])
    newer[4] = c.VERSION_MAJOR + 1
    newer[140:144] = struct.pack("<I", zlib.crc32(newer[:140]))
    done = octolead("info", making.write_olr(tmp_path / "a.olr", [bytes(newer)]))
    assert done.returncode == 2
    assert "newer major version" in done.stderr


def test_a_newer_minor_version_and_unknown_events_are_read(tmp_path, parts):
    from octolead.native import Event

    newer = bytearray(making.block(FRAMES[400:500], 4, 400, [Event(99, 3, b"future")]))
    newer[5] = c.VERSION_MINOR + 1
    newer[140:144] = struct.pack("<I", zlib.crc32(newer[:140]))
    path = making.write_olr(tmp_path / "a.olr", [*parts[:4], bytes(newer), *parts[5:]])
    done, got = decoded(path, tmp_path)
    assert done.returncode == 0
    np.testing.assert_array_equal(got, FRAMES)
    assert "event type 99" in octolead("verify", path).stdout


def test_rubbish_between_blocks_is_passed_over_and_told(tmp_path, parts):
    path = making.write_olr(tmp_path / "a.olr", [*parts[:5], b"rubbish!" * 33, *parts[5:]])
    done, got = decoded(path, tmp_path)
    np.testing.assert_array_equal(got, FRAMES)
    assert done.returncode == 1
    assert "264 bytes passed over" in done.stderr


def test_a_segment_of_another_device(tmp_path, parts):
    folder = making.write_ring(tmp_path / "r", dict(enumerate(parts)))
    other = making.write_ring(tmp_path / "o", {}, device=making.OTHER_DEVICE, ring=b"ring-002")
    (other / "SEG00000.OLS").rename(folder / "SEG00002.OLS")
    report = octolead("verify", folder)
    assert "another device (ffeeddccbbaa9988)" in report.stdout
    assert report.returncode == 0, "nothing of this recording is missing"
    assert decoded(folder, tmp_path)[1].shape == (1000, 8)


@pytest.mark.parametrize(
    "args",
    [
        ["decode", "A", "--start", "5000"],
        ["decode", "A", "--start", "soon"],
        ["decode", "A", "--start", "mark7"],
        ["decode", "A", "--leads", "V9"],
        ["decode", "A", "--leads", ""],
        ["decode", "A", "--session", "77"],
        ["decode", "A", "--format", "npz"],
        ["plot", "A", "--out", "x.gif"],
        ["plot", "A", "--at", "99h"],
        ["plot", "A", "--seconds", "0"],
        ["encode", "A"],
        ["encode", "nothing", "--out", "o.olr"],
        ["encode", "A", "--out", "o.olr"],
        ["encode", "A", "--out", "o.olr", "--step", "-1"],
        ["encode", "A", "--out", "o.olr", "--rate", "fast"],
        ["encode", "A", "--out", "o.olr", "--slot", "100"],
        ["demo", "--seconds", "0"],
        ["demo", "--input", "nothing"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_code_2_and_says_why(tmp_path, parts, args):
    making.write_olr(tmp_path / "A", parts)
    done = octolead(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip()


def test_what_cannot_be_written_or_kept_is_code_3(tmp_path, parts):
    path = making.write_olr(tmp_path / "a.olr", parts)
    assert octolead("decode", path, "--out", tmp_path / "no" / "where.npz").returncode == 3
    record = making.write_wfdb(tmp_path, "p", making.some_frames(50, 1), ["100/mmHg 16 0 0 0 0 ABP"])
    done = octolead("encode", record, "--out", tmp_path / "p.olr")
    assert done.returncode == 3
    assert "ABP" in done.stderr
    assert not (tmp_path / "p.olr").exists()


def test_the_simulator_without_its_firmware_is_code_3(tmp_path):
    done = octolead("demo", "--out", tmp_path / "d", "--seconds", "1", env={**os.environ, "OCTOLEAD_FIRMWARE": str(tmp_path)})
    assert done.returncode == 3
    assert "OCTOLEAD_FIRMWARE" in done.stderr


def test_json_of_a_damaged_file_says_the_same(tmp_path, parts):
    path = making.write_olr(tmp_path / "a.olr", parts[:3] + parts[4:])
    done = octolead("verify", path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["sound"] is False
    assert report["sessions"][0]["n_missing"] == 100
    assert any(f["kind"] == "gap" and f["frames"] == 100 for f in report["findings"])
