# SPDX-License-Identifier: Apache-2.0
"""Rings of slots (docs/SPEC.md section 2): checkpoints, stale and foreign blocks, damaged and missing segments, card images."""

from __future__ import annotations

import shutil
import struct
import subprocess

import numpy as np
import pytest

import octolead
from octolead import _constants as c
from octolead.verify import verify
from tests.unit import making

FRAMES = making.some_frames(1000)


def ring(folder, parts, first_slot=0, **more):
    return making.write_ring(folder, {first_slot + i: p for i, p in enumerate(parts)}, **more)


def raw(source):
    with octolead.open(source, check=True) as recording:
        return recording.signal_raw(recording.first_frame, recording.n_frames)


def kinds(source):
    return {f.kind: f.severity.name for f in verify(source).findings}


def test_segments_mounted_card_and_single_segment_give_the_same_samples(tmp_path):
    folder = ring(tmp_path / "card" / "OCTOLEAD", making.blocks(FRAMES))
    for source in (folder, tmp_path / "card", folder / "SEG00000.OLS"):
        np.testing.assert_array_equal(raw(source), FRAMES)
        assert verify(source).exit_code == 0


def test_rule_2_6_a_block_of_an_earlier_ring_of_the_same_recorder_is_nothing(tmp_path):
    """Same device, same slots, fitting ring_seq: only the ring_tag tells."""
    placed = dict(enumerate(making.blocks(FRAMES)))
    placed[20] = making.block(FRAMES[:100], 20, 0, session_id=b"\x09" * 8, ring_tag=7)
    folder = making.write_ring(tmp_path / "r", placed)
    with octolead.open(folder) as recording:
        assert len(recording.sessions) == 1
        assert "stale-block" in {finding.kind for finding in recording.problems}
    only_old = making.write_ring(tmp_path / "old", dict(enumerate(making.blocks(FRAMES, ring_tag=7))))
    with pytest.raises(octolead.errors.SessionError):
        octolead.open(only_old)


def test_rule_2_6_a_block_whose_ring_seq_does_not_fit_its_slot_is_nothing(tmp_path):
    placed = dict(enumerate(making.blocks(FRAMES)))
    placed[20] = making.block(FRAMES[:100], 3, 300, session_id=b"\x09" * 8, ring_seq=3)
    folder = making.write_ring(tmp_path / "r", placed)
    with octolead.open(folder) as recording:
        assert len(recording.sessions) == 1
    assert verify(folder).n_stale == 1


def test_rule_2_4_a_checkpoint_stands_in_for_a_block_that_was_never_sealed(tmp_path):
    parts = making.blocks(FRAMES[:500], stopped=False)
    placed = dict(enumerate(parts))
    placed[6] = making.block(FRAMES[500:540], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    placed[7] = making.block(FRAMES[500:570], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    folder = making.write_ring(tmp_path / "r", placed)
    np.testing.assert_array_equal(raw(folder), FRAMES[:570])
    assert kinds(folder) == {"checkpoint-used": "INFO", "no-end": "WARNING"}


def test_rule_2_4_a_torn_checkpoint_leaves_the_one_before(tmp_path):
    placed = dict(enumerate(making.blocks(FRAMES[:500], stopped=False)))
    placed[6] = making.block(FRAMES[500:540], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    torn = bytearray(making.block(FRAMES[500:570], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT))
    torn[600:1100] = bytes(500)
    placed[7] = bytes(torn)
    np.testing.assert_array_equal(raw(making.write_ring(tmp_path / "r", placed)), FRAMES[:540])


def test_rule_2_4_the_sealed_block_supersedes_its_checkpoints(tmp_path):
    placed = dict(enumerate(making.blocks(FRAMES[:600])))
    placed[6] = making.block(FRAMES[500:540] + 1, 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    np.testing.assert_array_equal(raw(making.write_ring(tmp_path / "r", placed)), FRAMES[:600])


def test_rule_2_4_a_seal_that_tears_leaves_its_checkpoints(tmp_path):
    placed = dict(enumerate(making.blocks(FRAMES[:600])))
    torn = bytearray(placed[5])
    torn[512:1024] = bytes(512)
    placed[5] = bytes(torn)
    placed[7] = making.block(FRAMES[500:580], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    folder = making.write_ring(tmp_path / "r", placed)
    np.testing.assert_array_equal(raw(folder), FRAMES[:580])
    report = verify(folder)
    assert report.exit_code == 1
    assert any(f.kind == "body-crc" and f.frames == 20 for f in report.findings)


def test_regression_a_gap_behind_a_checkpoint_that_stands_in_names_its_cause(tmp_path):
    """Found by tools/torture: a card that lied about the seal of block 5, but kept its checkpoint and block 6."""
    placed = dict(enumerate(making.blocks(FRAMES[:700])))
    del placed[5]
    placed[7] = making.block(FRAMES[500:540], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    folder = making.write_ring(tmp_path / "r", placed)
    with octolead.open(folder) as recording:
        assert [(g.start_frame, g.stop_frame, g.cause) for g in recording.gaps] == [(540, 600, "missing")]
        assert "block 5 was not found sealed" in recording.gaps[0].message


def test_a_session_whose_beginning_was_overwritten_says_so(tmp_path):
    parts = making.blocks(making.some_frames(4000), stopped=True)
    placed = {i % 32: p for i, p in enumerate(parts)}
    folder = making.write_ring(tmp_path / "r", placed)
    with octolead.open(folder) as recording:
        assert [g.cause for g in recording.gaps] == ["overwritten"]
        assert recording.first_frame == 800
    assert verify(folder).exit_code == 0


def test_regression_blocks_overwritten_by_the_checkpoints_of_the_open_one_are_told_as_overwritten(tmp_path):
    """Found by tools/torture: the open block's own slot still holds an old one, the two behind it its checkpoints."""
    parts = making.blocks(making.some_frames(4000), stopped=False)
    placed = {i % 32: p for i, p in enumerate(parts[:36])}
    placed[37 % 32] = making.block(making.some_frames(4000)[3600:3640], 36, 3600, ring_seq=36, flags=c.FLAG_CHECKPOINT)
    placed[38 % 32] = making.block(making.some_frames(4000)[3600:3680], 36, 3600, ring_seq=36, flags=c.FLAG_CHECKPOINT)
    folder = making.write_ring(tmp_path / "r", placed)
    with octolead.open(folder) as recording:
        assert [(g.start_frame, g.stop_frame, g.cause) for g in recording.gaps] == [(0, 400, "overwritten"), (500, 700, "overwritten")]
    assert verify(folder).exit_code == 0


def test_blocks_of_another_device_are_reported_and_left_out(tmp_path):
    placed = dict(enumerate(making.blocks(FRAMES)))
    placed[12] = making.block(FRAMES[:100], 0, 0, device_id=making.OTHER_DEVICE, ring_seq=12)
    folder = making.write_ring(tmp_path / "r", placed)
    np.testing.assert_array_equal(raw(folder), FRAMES)
    report = verify(folder)
    assert report.n_foreign == 1
    assert any("ffeeddccbbaa9988" in f.message for f in report.findings)


def test_a_segment_of_another_device_among_these_is_left_out_and_the_missing_one_named(tmp_path):
    folder = ring(tmp_path / "r", making.blocks(FRAMES), n_segments=3, slots=5)
    other = ring(
        tmp_path / "o",
        making.blocks(FRAMES, device_id=making.OTHER_DEVICE),
        n_segments=3,
        slots=5,
        device=making.OTHER_DEVICE,
        ring=b"ring-002",
    )
    shutil.copy(other / "SEG00001.OLS", folder)
    report = verify(folder)
    assert report.exit_code == 1
    text = " ".join(f.message for f in report.findings)
    assert "ffeeddccbbaa9988" in text
    assert "SEG00001.OLS" in text
    with octolead.open(folder) as recording:
        np.testing.assert_array_equal(recording.signal_raw(0, 500), FRAMES[:500])


def test_a_damaged_segment_header_costs_nothing(tmp_path):
    folder = ring(tmp_path / "r", making.blocks(FRAMES))
    path = folder / "SEG00000.OLS"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    np.testing.assert_array_equal(raw(folder), FRAMES)
    assert kinds(folder) == {"segment-header": "WARNING"}


def test_a_cut_segment_is_read_as_far_as_it_goes(tmp_path):
    folder = ring(tmp_path / "r", making.blocks(FRAMES))
    path = folder / "SEG00000.OLS"
    path.write_bytes(path.read_bytes()[: 5 * making.SLOT + 700])
    report = verify(folder)
    assert report.exit_code == 1
    assert "segment-cut" in {f.kind for f in report.findings}
    np.testing.assert_array_equal(raw(folder)[:400], FRAMES[:400])


def test_regression_a_segment_cut_to_its_header(tmp_path):
    """Found by tests/property: a segment of 64 bytes has no first slot to begin at."""
    folder = ring(tmp_path / "r", making.blocks(FRAMES), slots=8)
    path = folder / "SEG00000.OLS"
    path.write_bytes(path.read_bytes()[:64])
    np.testing.assert_array_equal(raw(folder), FRAMES[800:])
    assert verify(folder).exit_code == 1


def test_a_newer_segment_version_is_refused_by_name(tmp_path):
    ring(tmp_path / "r", making.blocks(FRAMES), n_segments=1, major=2)
    with pytest.raises(octolead.SourceError, match=r"2\.0 is newer") as caught:
        octolead.open(tmp_path / "r")
    assert caught.value.kind == "newer-version"


# --- card images, made by mkfs.vfat and mtools ---


def image(path, folder=None, *, table=True):
    if not shutil.which("mkfs.vfat") or not shutil.which("mcopy"):
        pytest.skip("no mkfs.vfat or mtools on this machine")
    path.write_bytes(b"")
    with path.open("r+b") as file:
        file.truncate(40 << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", "-s", "1", str(path)], check=True, capture_output=True)
    if folder is not None:
        subprocess.run(["mmd", "-i", str(path), "::OCTOLEAD"], check=True)
        for file in sorted(folder.iterdir()):
            subprocess.run(["mcopy", "-i", str(path), str(file), "::OCTOLEAD"], check=True)
    return path


@pytest.fixture
def card(tmp_path):
    return image(tmp_path / "card.img", ring(tmp_path / "r", making.blocks(FRAMES)))


def test_a_card_image_reads_like_its_segments(card):
    np.testing.assert_array_equal(raw(card), FRAMES)
    assert verify(card).exit_code == 0


def test_a_card_image_with_a_partition_table(tmp_path, card):
    table = bytearray(2048 * 512)
    table[446:462] = bytes([0, 0, 0, 0, 0x0C, 0, 0, 0]) + (2048).to_bytes(4, "little") + (81920).to_bytes(4, "little")
    table[510:512] = b"\x55\xaa"
    whole = tmp_path / "disk.img"
    whole.write_bytes(bytes(table) + card.read_bytes())
    np.testing.assert_array_equal(raw(whole), FRAMES)


@pytest.mark.parametrize(("start", "stop"), [(0, 512), (0, 8 * 512), (32 * 512, 33 * 512)], ids=["boot sector", "and its backup", "FAT"])
def test_a_damaged_file_system_still_gives_every_sample(card, start, stop):
    data = bytearray(card.read_bytes())
    data[start:stop] = bytes(stop - start)
    card.write_bytes(data)
    np.testing.assert_array_equal(raw(card), FRAMES)


def test_regression_a_wrong_link_in_each_of_the_two_fats(card):
    """Found by tools/torture: a flipped bit in either FAT, at different clusters, sent the chain elsewhere in the same file."""
    data = bytearray(card.read_bytes())
    (fat_sectors,) = struct.unpack_from("<I", data, 36)
    for fat, cluster, to in ((0, 40, 20), (1, 60, 90)):
        at = (32 + fat * fat_sectors) * 512 + 4 * cluster
        assert struct.unpack_from("<I", data, at)[0] == cluster + 1
        struct.pack_into("<I", data, at, to)
    card.write_bytes(data)
    np.testing.assert_array_equal(raw(card), FRAMES)


def test_regression_a_directory_that_says_too_little_of_a_segment(card):
    """Found by tools/torture: a flipped bit in the size of the file; its header and the chain of clusters know better."""
    data = bytearray(card.read_bytes())
    at = data.index(b"SEG00000OLS") + 28
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] & 0xFFFF & ~0x4000)
    card.write_bytes(data)
    np.testing.assert_array_equal(raw(card), FRAMES)
    assert "fat-entry" in kinds(card)


def test_a_cut_image_is_read_as_far_as_it_goes(card):
    data = card.read_bytes()
    at = data.index(making.block(FRAMES[400:500], 4, 400))
    card.write_bytes(data[:at])
    report = verify(card)
    assert report.exit_code == 1
    np.testing.assert_array_equal(raw(card), FRAMES[:400])


def test_a_fat_image_with_no_segments_says_so(tmp_path):
    with pytest.raises(octolead.SourceError, match="no folder OCTOLEAD") as caught:
        octolead.open(image(tmp_path / "empty.img"))
    assert caught.value.kind == "no-segments"


def test_a_fragmented_segment_is_put_together(tmp_path, card):
    """Every second cluster of a small file is freed and the segments are copied again: no recorder does it, a PC may."""
    folder = tmp_path / "r"
    filler = tmp_path / "filler"
    filler.write_bytes(bytes(4096))
    subprocess.run(["mdel", "-i", str(card), "::OCTOLEAD/SEG00000.OLS", "::OCTOLEAD/SEG00001.OLS"], check=True)
    for i in range(12):
        subprocess.run(["mcopy", "-i", str(card), str(filler), f"::F{i}"], check=True)
    for i in range(0, 12, 2):
        subprocess.run(["mdel", "-i", str(card), f"::F{i}"], check=True)
    for name in ("SEG00000.OLS", "SEG00001.OLS"):
        subprocess.run(["mcopy", "-i", str(card), str(folder / name), "::OCTOLEAD"], check=True)
    np.testing.assert_array_equal(raw(card), FRAMES)
