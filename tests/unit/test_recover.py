# SPDX-License-Identifier: Apache-2.0
"""`octolead recover`: blocks carved out of images without FAT, dumps without a beginning, streams with lost bytes."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner

import octolead
from octolead import _constants as c
from octolead.cli.app import cli, main
from octolead.recover import recover
from octolead.verify import verify
from tests.unit import making

FRAMES = making.some_frames(1000)
PARTS = making.blocks(FRAMES)
OTHER = making.some_frames(700, seed=2)
OLDER = making.blocks(OTHER, session_id=b"\x09" * 8, ring_seq=0)
NEWER = making.blocks(FRAMES, ring_seq=len(OLDER))
KIB, MIB = 1 << 10, 1 << 20


def raw(path, session=None):
    with octolead.open(path, session=session, check=True) as recording:
        return recording.signal_raw(recording.first_frame, recording.n_frames)


@pytest.fixture(scope="module")
def card_bytes(tmp_path_factory):
    """A FAT32 image with two sessions in two segments, 12 MiB into the card."""
    if not shutil.which("mkfs.vfat") or not shutil.which("mcopy"):
        pytest.skip("no mkfs.vfat or mtools on this machine")
    folder = tmp_path_factory.mktemp("card")
    placed = dict(enumerate(OLDER + NEWER))
    ring = making.write_ring(folder / "r", placed)
    path = folder / "card.img"
    with path.open("wb") as file:
        file.truncate(40 * MIB)
    subprocess.run(["mkfs.vfat", "-F", "32", "-s", "1", str(path)], check=True, capture_output=True)
    (folder / "filler").write_bytes(b"filler  " * (12 * MIB // 8))
    subprocess.run(["mcopy", "-i", str(path), str(folder / "filler"), "::FILLER"], check=True)
    subprocess.run(["mmd", "-i", str(path), "::OCTOLEAD"], check=True)
    for file in sorted(ring.iterdir()):
        subprocess.run(["mcopy", "-i", str(path), str(file), "::OCTOLEAD"], check=True)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("first", "last"),
    [(32 * 512, MIB), (0, 10 * MIB), (0, 512)],
    ids=["the FAT is zeros", "the first 10 MB are zeros", "the boot sector is zeros"],
)
def test_both_sessions_come_back_whole_from_an_image_without_a_file_system(tmp_path, card_bytes, first, last):
    data = bytearray(card_bytes)
    data[first:last] = bytes(last - first)
    (tmp_path / "card.img").write_bytes(data)
    before = (tmp_path / "card.img").stat().st_mtime_ns
    found = recover(tmp_path / "card.img", tmp_path / "out.olr")
    assert found.exit_code == 0
    assert [s.session_id for s in found.sessions] == ["09" * 8, making.SESSION.hex()]
    assert verify(tmp_path / "out.olr").exit_code == 0
    np.testing.assert_array_equal(raw(tmp_path / "out.olr"), FRAMES)
    np.testing.assert_array_equal(raw(tmp_path / "out.olr", "09"), OTHER)
    assert (tmp_path / "card.img").stat().st_mtime_ns == before
    assert (tmp_path / "card.img").read_bytes() == data


@pytest.mark.parametrize("seed", range(5))
def test_random_lost_sectors_cost_their_blocks_and_are_told(tmp_path, card_bytes, seed):
    data = bytearray(card_bytes)
    start = data.index(c.SEGMENT_MAGIC) // 512
    chance = np.random.default_rng(seed)
    for sector in chance.integers(start, start + 34 * 8, 12):
        data[sector * 512 : (sector + 1) * 512] = bytes(512)
    (tmp_path / "card.img").write_bytes(data)
    whole = [part for part in OLDER + NEWER if part in bytes(data)]
    found = recover(tmp_path / "card.img", tmp_path / "out.olr")
    assert (tmp_path / "out.olr").read_bytes() == b"".join(whole)
    halves = [u for u in found.unplaced if u.kind == "body_crc"]
    assert all(u.session_id and data[u.offset : u.offset + 4] == c.BLOCK_MAGIC for u in halves)
    lost = sum(last - first + 1 for s in found.sessions for first, last in s.missing)
    ends = sum(len(parts) - 1 - s.last_block + s.first_block for s, parts in zip(found.sessions, (OLDER, NEWER), strict=True))
    assert lost + ends == len(OLDER) + len(NEWER) - len(whole)
    assert found.exit_code == (1 if lost or halves else 0)


def test_blocks_at_odd_offsets_between_rubbish_are_found(tmp_path):
    rubbish = np.random.default_rng(3).bytes(4001)
    (tmp_path / "dump").write_bytes(b"x" + b"".join(rubbish[: 7 * i + 1] + part for i, part in enumerate(PARTS)) + rubbish)
    found = recover(tmp_path / "dump", tmp_path / "out.olr")
    assert (tmp_path / "out.olr").read_bytes() == b"".join(PARTS)
    assert found.exit_code == 0


def test_copies_and_superseded_checkpoints_are_dropped_and_a_lone_checkpoint_is_kept(tmp_path):
    short = making.block(FRAMES[500:540], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    long = making.block(FRAMES[500:590], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    stale = making.block(FRAMES[300:320], 3, 300, ring_seq=3, flags=c.FLAG_CHECKPOINT)
    parts = making.blocks(FRAMES[:500], stopped=False)
    (tmp_path / "dump").write_bytes(b"".join([stale, long, *parts, short, parts[2]]))
    found = recover(tmp_path / "dump", tmp_path / "out.olr")
    assert (tmp_path / "out.olr").read_bytes() == b"".join([*parts, long])
    session = found.sessions[0]
    assert (session.n_duplicates, session.n_checkpoints, session.checkpoints_used) == (1, 2, [5])
    np.testing.assert_array_equal(raw(tmp_path / "out.olr"), FRAMES[:590])


def test_a_torn_sealed_block_gives_way_to_its_checkpoint_and_is_told(tmp_path):
    torn = bytearray(PARTS[5])
    torn[600:700] = bytes(100)
    checkpoint = making.block(FRAMES[500:540], 5, 500, ring_seq=5, flags=c.FLAG_CHECKPOINT)
    (tmp_path / "dump").write_bytes(b"".join([*PARTS[:5], bytes(torn), checkpoint, *PARTS[6:]]))
    found = recover(tmp_path / "dump", tmp_path / "out.olr")
    assert [(u.kind, u.block_number, u.offset) for u in found.unplaced] == [("body_crc", 5, sum(map(len, PARTS[:5])))]
    with octolead.open(tmp_path / "out.olr", check=True) as recording:
        assert [(g.start_frame, g.stop_frame, g.cause) for g in recording.gaps] == [(540, 600, "missing")]
    assert found.exit_code == 1


def test_two_different_sealed_images_of_a_block_are_told(tmp_path):
    other = making.block(FRAMES[300:400] + 1, 3, 300, ring_seq=3)
    (tmp_path / "dump").write_bytes(b"".join([*PARTS, other]))
    found = recover(tmp_path / "dump", tmp_path / "out.olr")
    assert found.sessions[0].conflicts == [3]
    assert found.exit_code == 1
    np.testing.assert_array_equal(raw(tmp_path / "out.olr"), FRAMES)


def test_each_session_in_a_file_of_its_own(tmp_path):
    (tmp_path / "dump").write_bytes(b"".join(OLDER + NEWER))
    found = recover(tmp_path / "dump", tmp_path / "out.olr", each=True)
    assert found.files == [str(tmp_path / f"out-{'09' * 8}.olr"), str(tmp_path / f"out-{making.SESSION.hex()}.olr")]
    np.testing.assert_array_equal(raw(found.files[0]), OTHER)
    np.testing.assert_array_equal(raw(found.files[1]), FRAMES)


def test_bytes_full_of_magics_are_told_in_bounded_memory(tmp_path):
    (tmp_path / "dump").write_bytes(c.BLOCK_MAGIC * 30_000 + PARTS[0])
    found = recover(tmp_path / "dump", tmp_path / "out.olr")
    assert found.n_unplaced.total() == 30_000
    assert len(found.unplaced) == 10_000
    assert (tmp_path / "out.olr").read_bytes() == PARTS[0]


def command(*args):
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in args])
    return ended.value.code


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(1 << 16), "no block in its 65536 bytes"),
        (b"", "empty"),
        (b"\x89PNG" + bytes(999), "no block"),
        (c.BLOCK_MAGIC + bytes(500), "none is sound"),
    ],
    ids=["zeros", "empty", "a picture", "a magic alone"],
)
def test_where_there_is_nothing_to_recover_it_says_so_and_writes_nothing(tmp_path, capsys, content, words):
    (tmp_path / "dump").write_bytes(content)
    assert command("recover", tmp_path / "dump", "-o", tmp_path / "out.olr") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.olr").exists()


def test_a_missing_source_and_a_folder_are_told(tmp_path, capsys):
    assert command("recover", tmp_path / "none", "-o", tmp_path / "out.olr") == 2
    assert command("recover", tmp_path, "-o", tmp_path / "out.olr") == 2
    assert "octolead copy" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--each"]])
def test_nothing_is_overwritten(tmp_path, capsys, options):
    (tmp_path / "dump").write_bytes(b"".join(PARTS))
    name = f"out-{making.SESSION.hex()}.olr" if options else "out.olr"
    (tmp_path / name).write_bytes(b"precious")
    assert command("recover", tmp_path / "dump", "-o", tmp_path / "out.olr", *options) == 3
    assert (tmp_path / name).read_bytes() == b"precious"
    assert "not overwritten" in capsys.readouterr().err
    assert command("recover", tmp_path / "dump", "-o", tmp_path / "dump") == 3
    assert (tmp_path / "dump").read_bytes() == b"".join(PARTS)


def test_the_command_tells_people_and_programs(tmp_path):
    torn = PARTS[4][:200] + bytes(20) + PARTS[4][220:]
    (tmp_path / "dump").write_bytes(b"".join([*PARTS[:4], torn, *PARTS[5:]]))
    result = CliRunner().invoke(cli, ["recover", str(tmp_path / "dump"), "-o", str(tmp_path / "a.olr")])
    assert result.exit_code == 1
    assert "blocks 0 to 9, 9 written" in result.stdout
    assert "1 missing between" in result.stdout
    assert "1 body_crc" in result.stdout
    result = CliRunner().invoke(cli, ["recover", str(tmp_path / "dump"), "-o", str(tmp_path / "b.olr"), "--json"])
    told = json.loads(result.stdout)
    assert told["unplaced_by_kind"] == {"body_crc": 1}
    assert told["unplaced"][0]["block_number"] == 4
    assert told["blocks_written"] == 9
