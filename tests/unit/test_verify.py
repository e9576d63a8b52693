# SPDX-License-Identifier: Apache-2.0
"""`octolead.verify`: counters, events and causes that the signal alone does not show."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from fractions import Fraction

import numpy as np
import pytest

import octolead
from octolead import _constants as c
from octolead import encode, importers
from octolead.imported import ImportedSignal
from octolead.native import Event
from octolead.verify import verify
from tests.unit import making

FRAMES = making.some_frames(500)


def report_of(tmp_path, parts):
    return verify(making.write_olr(tmp_path / "a.olr", parts))


def resealed(block: bytes, at: int, new: bytes) -> bytes:
    """The block with other bytes at `at`, and both CRCs made right again."""
    raw = bytearray(block)
    raw[at : at + len(new)] = new
    raw[136:140] = struct.pack("<I", zlib.crc32(raw[144:]))
    raw[140:144] = struct.pack("<I", zlib.crc32(raw[:140]))
    return bytes(raw)


def test_a_sound_file_has_no_findings(tmp_path):
    report = report_of(tmp_path, making.blocks(FRAMES))
    assert (report.findings, report.exit_code) == ([], 0)
    assert report.sessions[0].n_frames == 500


def test_counters_that_go_back_are_told(tmp_path):
    parts = [making.block(FRAMES[i * 100 : i * 100 + 100], i, i * 100, ring_seq=9 - i, frames_lost=9 - i) for i in range(4)]
    kinds = {f.kind for f in report_of(tmp_path, parts).findings}
    assert {"frames-lost", "ring-seq"} <= kinds


def test_an_event_that_runs_past_the_block_keeps_the_samples(tmp_path):
    block = making.block(FRAMES[:100], events=[Event(c.EVENT_MARK, 3, b"\x00"), Event(c.EVENT_NOTE, 4, b"firmware=1")], flags=c.FLAG_LAST)
    at = block.index(b"\x0a\x0a\x04\x00") + 1
    report = report_of(tmp_path, [resealed(block, at, b"\xff")])
    assert [f.kind for f in report.findings] == ["event"]
    assert report.sessions[0].n_missing == 0


def test_an_event_beyond_its_block_is_told_and_kept(tmp_path):
    block = making.block(FRAMES[:100], events=[Event(c.EVENT_MARK, 3, b"\x00")], flags=c.FLAG_LAST)
    at = block.rindex(b"\x01\x01\x03\x00") + 2
    report = report_of(tmp_path, [resealed(block, at, struct.pack("<H", 999))])
    assert [f.kind for f in report.findings] == ["event-place"]


@pytest.mark.parametrize(("at", "new", "words"), [
    (10, struct.pack("<H", c.FLAG_ENCRYPTED), "enciphered"), (10, b"\x80\x00", "flag"), (27, b"\x77", "codec 119")])  # fmt: skip
def test_bodies_that_cannot_be_read_are_refused_by_name_and_cost_their_frames(tmp_path, at, new, words):
    parts = making.blocks(FRAMES)
    parts[2] = resealed(parts[2], at, new)
    report = report_of(tmp_path, parts)
    assert report.exit_code == 1
    assert report.sessions[0].n_missing == 100
    assert any(words in f.message for f in report.findings)
    with octolead.open(tmp_path / "a.olr") as recording:
        raw = recording.signal_raw(0, 500)
        np.testing.assert_array_equal(np.delete(raw, np.s_[200:300], 0), np.delete(FRAMES, np.s_[200:300], 0))


def test_chained_blocks_say_that_the_chain_was_not_checked(tmp_path):
    report = report_of(tmp_path, [
        making.block(FRAMES[:100], flags=c.FLAG_CHAINED | c.FLAG_LAST, chain_tag=b"t" * 16)])  # fmt: skip
    assert [f.kind for f in report.findings] == ["chain"]
    assert report.exit_code == 0


def test_a_block_of_another_layout_is_left_out(tmp_path):
    parts = making.blocks(FRAMES)
    parts[3] = making.block(FRAMES[300:400, :3], 3, 300)
    report = report_of(tmp_path, parts)
    assert "layout" in {f.kind for f in report.findings}
    assert report.sessions[0].n_missing == 100


def test_a_converted_record_cut_at_the_end_of_a_block_is_not_sound(tmp_path):
    record = making.write_wfdb(tmp_path, "q", making.some_frames(5000, 2), ["200 16 0 0 0 0 I", "200 16 0 0 0 0 II"])
    done = encode.encode(importers.load(record), tmp_path / "q.olr", codec_id=c.CODEC_RAW24)
    assert done.n_blocks > 1
    with octolead.open(tmp_path / "q.olr") as recording:
        blocks = [b for _, b in recording.blocks()]
    assert report_of(tmp_path, blocks).exit_code == 0
    assert report_of(tmp_path, blocks[:-1]).exit_code == 1


def test_values_beyond_24_bits_are_refused_by_name_by_codec_0(tmp_path):
    raw = np.full((10, 1), 2**24, np.int32)
    signal = ImportedSignal(raw, (c.LEAD_II,), ("II",), (0,), (Fraction(5000),), Fraction(500), (None,))
    with pytest.raises(octolead.ImportRefused, match="lead II holds values up to 16777216"):
        encode.encode(signal, tmp_path / "w.olr", codec_id=c.CODEC_RAW24)


def test_many_blocks_at_once_and_one_by_one_give_the_same_around_damage(tmp_path):
    frames = making.some_frames(5000)
    parts = making.blocks(frames)
    for i in (11, 30):
        parts[i] = parts[i][:200] + b"\xff\xff" + parts[i][202:]
    path = making.write_olr(tmp_path / "a.olr", parts)
    with octolead.open(path) as at_once, octolead.open(path) as singly:
        whole = at_once.signal_raw(50, 4950)
        pieces = np.concatenate([singly.signal_raw(at, at + 70) for at in range(50, 4950, 70)])
        np.testing.assert_array_equal(whole, pieces)
        assert [(g.start_frame, g.cause) for g in at_once.gaps] == [(1100, "damaged"), (3000, "damaged")]
        assert at_once.gaps == singly.gaps


def test_a_closed_recording_says_so(tmp_path):
    recording = octolead.open(making.write_olr(tmp_path / "a.olr", making.blocks(FRAMES)))
    recording.close()
    with pytest.raises(ValueError, match="closed"):
        recording.signal_raw(0, 10)


def test_regression_a_collected_error_does_not_crash_the_interpreter(tmp_path):
    """A BlockError whose traceback forms a cycle, collected while C had looked into a memoryview of the file."""
    block = making.block(FRAMES[:100], events=[Event(c.EVENT_NOTE, 4, b"firmware=1")], flags=c.FLAG_LAST)
    path = making.write_olr(tmp_path / "a.olr", [resealed(block, block.index(b"\x0a\x0a\x04\x00") + 1, b"\xff")])
    code = f"import gc, octolead.verify as v\nfor _ in range(20):\n    v.verify({str(path)!r}); gc.collect()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
