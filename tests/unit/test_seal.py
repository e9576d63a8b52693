# SPDX-License-Identifier: Apache-2.0
"""SPEC 3.3, 3.4 on the desk: the vectors of tools/seal_vectors.py; whatever is done to a chained recording is told by name."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import octolead
from octolead import _constants as c
from octolead import native
from octolead.errors import BlockError, BlockFault, CardKeyError
from octolead.seal import CardKeys, tag_of
from octolead.verify import verify
from tests.unit import making
from tools import seal_vectors

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "vectors" / "seal"
META = json.loads((FOLDER / "seal.json").read_text())
KEY = bytes.fromhex(META["device_key"])
WRONG = bytes(32)
SAMPLES = np.fromfile(FOLDER / "samples.i32", "<i4").reshape(-1, 8)
FRAMES = making.some_frames(600)


def cut(data: bytes) -> list[bytes]:
    """The blocks of a vector."""
    ends = np.cumsum(META["block_bytes"])
    return [data[end - n : end] for n, end in zip(META["block_bytes"], ends, strict=True)]


def vector(name: str) -> list[bytes]:
    return cut((FOLDER / f"{name}.bin").read_bytes())


def session(encrypted: bool = False, **fields: object) -> list[bytes]:
    """Six blocks, sealed by tools/seal_vectors.py."""
    plain = making.blocks(FRAMES, **fields)
    return seal_vectors.chain(plain, CardKeys(KEY).session_key(making.SESSION) if encrypted else None)


CHAINED = session()
STARTS = [sum(map(len, CHAINED[:i])) for i in range(len(CHAINED))]


def report_of(folder: Path, parts: list[bytes], key: bytes | None = KEY):
    return verify(making.write_olr(folder / "a.olr", parts), key=key)


def kinds(report) -> set[str]:
    return {f.kind for f in report.findings}


def resealed(block: bytes, at: int, mask: int) -> bytes:
    """The block with one byte changed and both CRCs made right again, as someone without the key can."""
    raw = bytearray(block)
    raw[at] ^= mask
    raw[136:140] = zlib.crc32(raw[144:]).to_bytes(4, "little")
    raw[140:144] = zlib.crc32(raw[:140]).to_bytes(4, "little")
    return bytes(raw)


def names(report, number: int) -> bool:
    """Whether something that matters is told of block `number`, or of the place where it stood."""
    start, end = STARTS[number], STARTS[number] + len(CHAINED[number])
    for finding in report.findings:
        here = finding.block == number or (finding.offset is not None and start <= finding.offset < end)
        if finding.severity.name != "INFO" and (here or f"block {number} " in finding.message):
            return True
    return False


def test_the_vectors_are_those_the_script_makes() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.seal_vectors", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_key_tag_and_body_of_the_vectors() -> None:
    keys = CardKeys(KEY)
    assert keys.session_key(bytes.fromhex(META["session_id"])).hex() == META["encrypt_key"]
    for name in ("chained", "encrypted"):
        before = bytes(16)
        for i, block in enumerate(vector(name)):
            assert tag_of(block).hex() == META["tags"][name][i] == native.parse_header(block).chain_tag.hex()
            assert keys.fits(before, block) and not keys.fits(b"?" * 16, block) and not CardKeys(WRONG).fits(before, block)
            if not native.parse_header(block).is_checkpoint:
                before = tag_of(block)
    assert [keys.plain(block) for block in vector("encrypted")] == vector("plain")


def test_the_core_reads_chained_blocks_and_refuses_enciphered_ones_by_name() -> None:
    for plain, chained, enciphered in zip(vector("plain"), vector("chained"), vector("encrypted"), strict=True):
        np.testing.assert_array_equal(native.decode_block(chained), native.decode_block(plain))
        assert native.iter_events(chained) == native.iter_events(plain)
        with pytest.raises(BlockError, match="key") as caught:
            native.decode_block(enciphered)
        assert caught.value.kind == BlockFault.ENCRYPTED


def test_an_enciphered_recording_opens_with_its_key_and_no_other() -> None:
    path = FOLDER / "encrypted.bin"
    with octolead.open(path, key=KEY, check=True) as recording, octolead.open(FOLDER / "plain.bin") as plain:
        np.testing.assert_array_equal(recording.signal_raw(0, recording.n_frames), SAMPLES)
        np.testing.assert_array_equal(recording.signal_uv(0, 1600, ["II", "aVF"]), plain.signal_uv(0, 1600, ["II", "aVF"]))
        assert [m.frame for m in recording.marks] == [1243] and recording.firmware == "0.1.0" and not recording.gaps
    for key, kind, words in ((None, "encrypted", "--key"), (WRONG, "wrong-key", "0c701ead00000001")):
        with pytest.raises(CardKeyError, match=words) as caught:
            octolead.open(path, key=key)
        assert caught.value.kind == kind
    with pytest.raises(ValueError, match="32 bytes"):
        octolead.open(path, key=b"short")


def test_without_a_key_verify_checks_what_can_be_checked_and_says_so() -> None:
    report = verify(FOLDER / "encrypted.bin")
    assert report.exit_code == 0 and {"encrypted", "chain"} <= kinds(report)
    assert any("not checked" in f.message for f in report.findings)
    report = verify(FOLDER / "encrypted.bin", key=WRONG)
    assert report.exit_code == 1 and "chain-foreign" in kinds(report)


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_sound_chain_is_sound(tmp_path, encrypted) -> None:
    report = report_of(tmp_path, session(encrypted))
    assert (report.exit_code, kinds(report), report.sessions[0].chain.n_right) == (0, {"chain"}, 6)
    with octolead.open(tmp_path / "a.olr", key=KEY) as recording:
        np.testing.assert_array_equal(recording.signal_raw(0, 600), FRAMES)
        np.testing.assert_array_equal(recording.signal_raw(150, 250, ["V1"]), FRAMES[150:250, 2:3])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, sum(map(len, CHAINED)) - 1), st.integers(1, 255))
def test_any_byte_that_changes_is_told_with_its_block(tmp_path_factory, at, mask) -> None:
    data = bytearray(b"".join(CHAINED))
    data[at] ^= mask
    number = max(i for i, start in enumerate(STARTS) if start <= at)
    report = report_of(tmp_path_factory.getbasetemp(), [bytes(data)])
    assert report.exit_code == 1 and names(report, number), (number, report.findings)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 5), st.integers(12, 2000), st.integers(1, 255))
def test_so_is_one_whose_crcs_were_made_right_again(tmp_path_factory, number, at, mask) -> None:
    """But for the length of the block, which no CRC saves, every field of the header and every byte of the body."""
    block = CHAINED[number]
    if 132 <= at < 134 or 136 <= at < 144 or at >= len(block):
        at = 150
    parts = list(CHAINED)
    parts[number] = resealed(block, at, mask)
    report = report_of(tmp_path_factory.getbasetemp(), parts)
    assert report.exit_code == 1 and names(report, number), (number, at, report.findings)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.booleans(), st.integers(0, 5), st.integers(0, 2000), st.integers(1, 255))
def test_no_altered_sample_is_read_with_the_key(tmp_path_factory, encrypted, mended, number, at, mask) -> None:
    """Deciphered or not, with its CRCs made right again or not: it is missing, or the recording is refused by name."""
    parts = session(encrypted)
    at %= len(parts[number])
    raw = bytearray(parts[number])
    raw[at] ^= mask
    parts[number] = resealed(parts[number], at, mask) if mended and not 136 <= at < 144 else bytes(raw)
    path = making.write_olr(tmp_path_factory.getbasetemp() / "a.olr", parts)
    try:
        with octolead.open(path, key=KEY, session=making.SESSION.hex()) as recording:
            found = recording.signal_raw(0, min(recording.n_frames, 600))  # an altered place may be billions of frames away
            assert recording.n_frames > 600 or found.shape[1] != 8 or (found == octolead.MISSING_RAW).any() or number == 5 or at < 144
            assert not recording.marks
    except octolead.OctoleadError:
        return
    if found.shape[1] == 8:
        there = (found != octolead.MISSING_RAW).all(axis=1)[:600]
        np.testing.assert_array_equal(found[: len(there)][there], FRAMES[: len(there)][there])
        assert (found[len(there) :] == octolead.MISSING_RAW).all()


@pytest.mark.parametrize("number", range(5))
def test_a_removed_block_is_told_and_the_next_is_not_blamed(tmp_path, number) -> None:
    report = report_of(tmp_path, CHAINED[:number] + CHAINED[number + 1 :])
    (finding,) = [f for f in report.findings if f.kind == "chain-removed"]
    assert f"block {number} is removed or lost" in finding.message
    assert (report.exit_code, report.sessions[0].chain.n_right, report.sessions[0].chain.n_wrong) == (1, 4, 0)


def test_what_is_cut_off_at_the_end_shows_only_as_no_clean_end(tmp_path) -> None:
    report = report_of(tmp_path, CHAINED[:4])
    assert report.exit_code == 0 and "no-end" in kinds(report)
    assert any("whether blocks after 3 were removed, the chain cannot tell" in f.message for f in report.findings)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(0, 5))
def test_blocks_in_another_order_are_told(tmp_path_factory, i, j) -> None:
    parts = list(CHAINED)
    parts[i], parts[j] = parts[j], parts[i]
    report = report_of(tmp_path_factory.getbasetemp(), parts)
    assert ("chain-order" in kinds(report)) == (i != j) == (report.exit_code == 1)


@pytest.mark.parametrize("number", [0, 3, 5])
def test_a_block_without_a_tag_among_chained_ones_is_foreign(tmp_path, number) -> None:
    parts = list(CHAINED)
    parts[number] = making.blocks(FRAMES)[number]
    report = report_of(tmp_path, parts)
    assert report.exit_code == 1 and names(report, number) and "chain-foreign" in kinds(report)


def test_a_block_of_another_recorder_or_session_under_this_ones_name_is_told(tmp_path) -> None:
    parts = list(CHAINED)
    parts[2] = seal_vectors.tagged(bytearray(CHAINED[2]), tag_of(CHAINED[1]), b"another chain key")
    assert [f.block for f in report_of(tmp_path, parts).findings if f.kind == "chain-altered"] == [2]
    parts[2] = session(session_id=b"another.")[2]
    report = report_of(tmp_path, parts)
    assert report.exit_code == 1 and names(report, 2)


def test_a_session_stripped_of_its_tags_is_not_taken_for_sound(tmp_path) -> None:
    report = report_of(tmp_path, making.blocks(FRAMES))
    assert report.exit_code == 1 and "chain-none" in kinds(report)
    assert report_of(tmp_path, making.blocks(FRAMES), key=None).exit_code == 0


def test_a_block_that_was_given_up_leaves_the_chain_whole(tmp_path) -> None:
    """The next one's tag follows the last that the card took (SPEC 3.3, 3)."""
    plain = making.blocks(FRAMES)
    parts = seal_vectors.chain(plain[:2] + plain[3:], None)
    report = report_of(tmp_path, parts)
    assert not {"chain-removed", "chain-altered"} & kinds(report) and report.sessions[0].chain.n_right == 5
    beside = seal_vectors.chain(plain[:3], None)[2]  # it had reached the card after all
    report = report_of(tmp_path, [*parts[:2], beside, *parts[2:]])
    assert (report.exit_code, report.sessions[0].chain.n_right) == (0, 6) and "chain-skips" in kinds(report)


def ring(folder: Path, parts: list[bytes], seqs: list[int]) -> Path:
    return making.write_ring(folder, dict(zip(seqs, parts, strict=True)))


def test_slots_swapped_or_emptied_on_a_card_are_told(tmp_path) -> None:
    assert verify(ring(tmp_path / "sound", CHAINED, [0, 1, 2, 3, 4, 5]), key=KEY).exit_code == 0
    report = verify(ring(tmp_path / "swapped", CHAINED, [0, 1, 3, 2, 4, 5]), key=KEY)
    assert report.exit_code == 1 and {"stale-block", "chain-removed"} <= kinds(report)
    report = verify(ring(tmp_path / "emptied", CHAINED[:2] + CHAINED[3:], [0, 1, 3, 4, 5]), key=KEY)
    assert any(f.kind == "chain-removed" and "block 2 is" in f.message for f in report.findings)


def test_blocks_removed_between_sessions_show_by_the_ring_s_count(tmp_path) -> None:
    """A power cut costs four numbers at most; what is missing beyond that was there (or slots were bad)."""
    first = session()[:5]
    for seq, told in ((8, False), (9, True)):
        later = seal_vectors.chain(making.blocks(FRAMES, session_id=b"another.", ring_seq=seq), None)
        path = ring(tmp_path / str(seq), first + later, [0, 1, 2, 3, 4, *range(seq, seq + 6)])
        assert ("chain-seam" in kinds(verify(path, key=KEY))) == told


def test_an_enciphered_checkpoint_and_its_seal_are_told_apart_without_the_key(tmp_path) -> None:
    """Which image of a block is the newer is in its header: a damaged seal gives way to the checkpoint, a sound one does not."""
    checkpoint, plain = making.block(FRAMES[500:560], 5, 500, flags=c.FLAG_CHECKPOINT), making.blocks(FRAMES)
    made = seal_vectors.chain([*plain[:5], checkpoint, plain[5]], CardKeys(KEY).session_key(making.SESSION))
    for key in (None, KEY):
        report = report_of(tmp_path, made, key)
        assert (report.exit_code, report.n_superseded, report.sessions[0].n_frames) == (0, 1, 600)
        report = report_of(tmp_path, [*made[:6], made[6][:300] + b"??" + made[6][302:]], key)
        assert (report.exit_code, report.sessions[0].n_frames) == (1, 560)
