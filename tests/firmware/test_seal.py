# SPDX-License-Identifier: Apache-2.0
"""SPEC 3.3, 3.4 in the firmware: the vectors, the simulator's cards read back with the key, and no key stream used twice."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import spec_reader as spec
from conftest import ROOT, needs_micropython, run_micropython
from conftest import run_simulator as run_simulator_with
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from recorder import constants as c
from recorder import seal as seal_module
from recorder.capture import Capture
from recorder.codec_raw import Encoder
from recorder.errors import SettingError
from recorder.recorder import Recorder, Signal
from recorder.seal import BlockSeal
from recorder.session import Session
from recorder.store import Store

import octolead
from octolead.seal import CardKeys
from octolead.verify import verify

FOLDER = ROOT / "tests" / "vectors" / "seal"
KEY = bytes(range(100, 132))
SECRET_MARK = "nobody shall read this"


class Aes:
    """AES as MicroPython's cryptolib has it."""

    def __init__(self, key):
        self._ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def encrypt(self, source, target):
        target[:] = self._ecb.update(bytes(source))


@needs_micropython
def test_the_firmware_gives_every_vector_under_micropython():
    assert run_micropython(Path(__file__).parent / "mp_seal.py", FOLDER).strip() == "12 vectors"


def test_the_plain_files_give_them_too():
    meta = json.loads((FOLDER / "seal.json").read_text())
    plain, wanted = (FOLDER / "plain.bin").read_bytes(), (FOLDER / "encrypted.bin").read_bytes()
    seal = BlockSeal(bytes.fromhex(meta["device_key"]), bytes.fromhex(meta["session_id"]), True, Aes)
    at = 0
    for n in meta["block_bytes"]:
        view = memoryview(bytearray(plain[at : at + n]) + bytearray(512))
        view[c.BLOCK_HEADER_FLAGS] |= seal.flags
        seal.close(view, n)
        assert bytes(view[144:n]) == wanted[at + 144 : at + n] and bytes(view[116:132]) == wanted[at + 116 : at + 132]
        if not view[c.BLOCK_HEADER_FLAGS] & c.FLAG_CHECKPOINT:
            seal.keep(view)
        at += n


def run_simulator(folder, **config):
    config.setdefault("card_mib", 40)
    config.setdefault("card_bus", "block")
    config.setdefault("link_key", KEY.hex())
    config.setdefault("tap", str(folder / "tap"))
    return run_simulator_with(folder, **config)


def check(folder, n_sessions=1, **open_options):
    """The card is sound by its chain; the newest session's frames are those that left the chip. Returns the report."""
    report = verify(folder / "card.img", key=KEY)
    assert report.exit_code == 0, report.findings
    assert len(report.sessions) == n_sessions
    for session in report.sessions:
        assert session.chained and (session.chain.n_right, session.chain.n_wrong) == (session.n_blocks, 0)
    _, codes = spec.read_tap(folder / "tap")
    with octolead.open(folder / "card.img", key=KEY, **open_options) as recording:
        stored = recording.signal_raw(0, recording.n_frames)
        np.testing.assert_array_equal(stored, spec.quantise(codes[: len(stored)], 6))
    return report


@needs_micropython
@pytest.mark.parametrize(("encrypt", "codec"), [(False, 0), (True, 0), (True, None)])
def test_what_the_recorder_seals_is_sound_by_its_chain(tmp_path, input_500, encrypt, codec):
    run = run_simulator(
        tmp_path, input=input_500, frames=6000, codec=codec, encrypt_card=encrypt, remote_marks=[[700, SECRET_MARK]], notes={"record": "x"}
    )
    assert run.code == 0, run.last
    check(tmp_path)
    image = (tmp_path / "card.img").read_bytes()
    assert (SECRET_MARK.encode() in image) == (b"firmware=" in image) == (not encrypt)
    with octolead.open(tmp_path / "card.img", key=KEY) as recording:
        assert [(m.frame, m.text) for m in recording.marks] == [(700, SECRET_MARK)]
        flags = {recording_flags(block) & 7 for _, block in recording.blocks()}
    assert flags == {c.FLAG_CHAINED | (c.FLAG_ENCRYPTED if encrypt else 0)}


def recording_flags(block):
    return int.from_bytes(block[10:12], "little")


@needs_micropython
@pytest.mark.parametrize("cut", [3, 8, 9])
def test_a_power_cut_costs_the_chain_nothing_and_the_next_session_begins_its_own(tmp_path, input_250, cut):
    """The last block of the session that was cut is an enciphered checkpoint, tagged behind the last sealed one."""
    config = {"input": input_250, "rate_hz": 250, "frames": 4000, "codec": None, "encrypt_card": True}
    stopped = run_simulator(tmp_path, **config, cut_after_writes=cut)
    assert stopped.code == 3
    report = verify(tmp_path / "card.img", key=KEY)
    assert report.exit_code == 0 and any(f.kind == "checkpoint-used" for f in report.findings)
    again = run_simulator(tmp_path, **config)
    assert again.code == 0 and again.status["resumed"]
    report = check(tmp_path, 2)
    assert "chain-seam" not in {f.kind for f in report.findings}


@needs_micropython
def test_one_card_through_many_power_cuts(tmp_path, input_250):
    """Cut after 1, 2, 3 … writes, the one under way torn: whatever the chain says of each session, it says nothing against the recorder."""
    chance = random.Random(4)
    config = {"input": input_250, "rate_hz": 250, "frames": 6000, "encrypt_card": True, "slot_bytes": 4096}
    for cut in range(1, 15):
        options = {"cut_after_writes": cut, "torn_sectors": chance.choice((None, 1, 3, 7)), "codec": chance.choice((0, None))}
        assert run_simulator(tmp_path, **config, **options).code == 3
    assert run_simulator(tmp_path, **config).code == 0
    report = verify(tmp_path / "card.img", key=KEY)
    assert len(report.sessions) == 15
    told = {f.kind for f in report.findings if f.kind.startswith("chain")}
    assert told <= {"chain", "chain-damaged"}, report.findings
    assert all(s.chain.n_wrong == 0 and s.chain.n_unknown == s.n_damaged for s in report.sessions)


@needs_micropython
@pytest.mark.parametrize(("count", "lost"), [(1, False), (3, False), (11, True), (22, True)])
def test_bad_slots_and_blocks_given_up_leave_the_chain_whole_and_marks_readable(tmp_path, input_500, count, lost):
    """A block that goes to another slot is tagged anew; one that no slot takes is not in the chain, and its marks go on."""
    marks = [[335 * 4 + 1, "first"], [335 * 4 + 300, "second"]]
    faults = [{"write": 5, "error": 5, "count": count}]
    run = run_simulator(tmp_path, input=input_500, frames=8000, remote_marks=marks, card_faults=faults, encrypt_card=True)
    assert (run.status["frames_lost"] > 0) == lost
    report = verify(tmp_path / "card.img", key=KEY)
    assert not [f for f in report.findings if f.kind.startswith("chain-")], report.findings
    assert {f.cause for f in report.findings if f.severity == octolead.Severity.ERROR} == ({"card"} if lost else set())
    assert report.sessions[0].chain.n_right == report.sessions[0].n_blocks
    with octolead.open(tmp_path / "card.img", key=KEY) as recording:
        assert [m.text for m in recording.marks] == ["first", "second"]


class Quiet(Capture):
    """Frames that differ, as many as asked for."""

    def __init__(self):
        super().__init__(4096, 27)
        self.count = 0
        for frame in range(4096):
            self.ring[27 * frame] = 0xC0
            self.ring[27 * frame + 4 : 27 * frame + 27] = random.Random(frame).randbytes(1) * 23

    def _head(self):
        return self.count


class Ticks:
    def ms(self):
        return 0

    def diff(self, a, b):
        return a - b


class BadCard:
    """Refuses writes now and then, some of them after it has taken them; keeps every image that it was sent."""

    def __init__(self, chance):
        self.chance = chance
        self.images = []

    def writeblocks(self, sector, view):
        self.images.append(bytes(view))
        if self.chance.random() < 0.4:
            raise OSError(5)

    def ioctl(self, request, argument):
        return 0


@pytest.mark.parametrize("seed", range(6))
def test_no_two_plaintexts_meet_one_key_stream(seed):
    """Whatever the card refuses, and whenever checkpoints are made: one counter block, one body (SPEC 3.4, 2)."""
    chance = random.Random(seed)
    capture, card = Quiet(), BadCard(chance)
    store = Store(card, [0], 1 << 16, 8192, b"ring....", b"device..", Ticks())
    firsts = []

    class Seen(Aes):
        def encrypt(self, source, target):
            if not any(source[12:16]):
                firsts.append(bytes(source[:16]))
            super().encrypt(source, target)

    seal = BlockSeal(KEY, b"session.", True, Seen)
    session = Session(capture, store, Encoder, Signal(), b"device..", b"session.", seal)
    session.begin(0, [("firmware", "x")])
    for _ in range(400):
        capture.count += chance.choice((0, 0, 0, 7, 40))
        if chance.random() < 0.3:
            session.mark("m%d" % chance.randrange(100))
        session.pump()
        if chance.random() < 0.7:
            session.checkpoint()
            tried = len(card.images)
            session.checkpoint()
            assert len(card.images) == tried, "a second checkpoint with the same frames"
        session.flush()
    session.finish(0)
    bodies = {}
    for image in card.images:
        n = int.from_bytes(image[8:10], "little")
        first = (image[12:16], image[24:26], image[10] & c.FLAG_CHECKPOINT)
        bodies.setdefault(first, set()).add(image[144:n])
        assert not any(image[n:]), "plain bytes behind an enciphered block"
    assert len(bodies) > 100 and len(card.images) > len(bodies) + 5
    assert {len(some) for some in bodies.values()} == {1}
    assert len(set(firsts)) == len(firsts) >= len(bodies)
    sealed = [image for image in card.images if not image[10] & c.FLAG_CHECKPOINT]
    assert len({image[12:16] for image in sealed}) > 3


def test_a_recorder_without_a_key_does_not_pretend_to_encipher():
    recorder = Recorder(None, None, None, b"device..", encrypt_card=True)
    with pytest.raises(SettingError, match="key"):
        recorder.start(Signal())
    assert recorder.state == "idle"


def test_counters_of_the_viper_twin_are_those_of_the_plain_one():
    """By the vectors under MicroPython; here that the plain one is what SPEC 3.4 says."""
    header = bytearray(144)
    header[12:16], header[24:26] = b"\x01\x02\x03\x04", b"\x05\x06"
    blocks = bytearray(16 * 3)
    seal_module.counters(blocks, header, 1, 255, 3)
    assert [blocks[i : i + 16].hex() for i in (0, 16, 32)] == [f"0102030405060100000000000000{n:04x}" for n in (255, 256, 257)]
    assert CardKeys(KEY).session_key(b"session.") == BlockSealKey(KEY).session


class BlockSealKey:
    """The key that BlockSeal hands to its AES."""

    def __init__(self, key):
        def aes(session_key):
            self.session = session_key

        BlockSeal(key, b"session.", True, aes)
