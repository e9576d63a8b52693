# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.1 to 6.3: firmware and host give the vectors that tools/link_vectors.py makes with `cryptography` alone."""

import json
from pathlib import Path

import pytest
from conftest import ROOT, needs_micropython, run_micropython
from recorder.faults import Faults
from recorder.link_notices import Notices
from recorder.recorder import RECORDING
from recorder.settings import Settings

from octolead import _constants as c
from octolead.link import crypto, packets
from octolead.link.client import Client, Notice, Ready, _event
from tools import link_vectors

FOLDER = ROOT / "tests" / "vectors" / "link"
SESSIONS = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("session_*.json"))]


def test_the_vectors_are_those_the_script_makes():
    for name, text in link_vectors.vectors().items():
        assert (FOLDER / name).read_text() == text, name


@needs_micropython
def test_the_firmware_gives_every_vector_under_micropython():
    assert run_micropython(Path(__file__).parent / "mp_link.py", FOLDER).strip() == "25 vectors"


@pytest.mark.parametrize("vector", SESSIONS)
def test_the_host_gives_every_key_and_packet(vector):
    key, context = bytes.fromhex(vector["key"]), bytes.fromhex(vector["context"])
    assert crypto.recorder_proof(key, context).hex() == vector["recorder_proof"]
    assert crypto.host_proof(key, context).hex() == vector["host_proof"]
    own, its = crypto.session_keys(key, context)
    assert [k.hex() for k in (own.encrypt, own.tag, its.encrypt, its.tag)] == list(vector["keys"].values())
    for packet in vector["packets"]:
        keys = own if packet["side"] == "host" else its
        sealer = packets.Sealer(keys)
        sealer.counter = packet["counter"]
        assert sealer.seal(packet["kind"], bytes.fromhex(packet["plaintext"])).hex() == packet["packet"]
        assert packets.Opener(keys).open(bytes.fromhex(packet["packet"])).hex() == packet["plaintext"]


@pytest.mark.parametrize("vector", SESSIONS)
def test_the_host_opens_the_session_of_the_vector(vector, monkeypatch):
    monkeypatch.setattr("octolead.link.client.os.urandom", lambda n: bytes.fromhex(vector["host_nonce"]))
    client = Client(bytes.fromhex(vector["key"]), 2048)
    assert client.outgoing[0].hex() == vector["hello"]
    assert client.receive(bytes.fromhex(vector["challenge"])) == []
    assert client.outgoing[1].hex() == vector["proof"]
    assert client.receive(bytes.fromhex(vector["packets"][0]["packet"])) == [Ready(bytes.fromhex(vector["device_id"]))]


def test_the_host_gives_every_frame():
    for frame in json.loads((FOLDER / "cobs.json").read_text())["frames"]:
        packet = bytes.fromhex(frame["packet"])
        assert packets.cobs_encode(packet).hex() == frame["frame"]
        assert packets.CobsReader().feed(bytes.fromhex(frame["frame"])) == [packet]


class Heart:
    bpm = 75
    quiet = 100

    def quiet_ms(self):
        return self.quiet


class Watched:
    """What Notices looks at, of a recorder that records."""

    state = RECORDING
    battery_mv = 3700
    stop_reason = 0

    def __init__(self):
        self.heart = Heart()
        self.session = self
        self.now = self.n_marks = self.blocks = self.card_failures = 0
        self.marks = []
        self.faults = Faults()

    def frame(self):
        return self.now


def watched_session(recorder):
    """The session is its own object, for both have a `state`."""
    session = Watched()
    session.state = 0
    session.faults = Faults()
    recorder.session = session
    return session


NOTICES = json.loads((FOLDER / "notices.json").read_text())["notices"]


@pytest.mark.parametrize("name", NOTICES)
def test_the_firmware_tells_every_notice_once_and_the_host_reads_it(name):
    vector = NOTICES[name]
    recorder = Watched()
    session = watched_session(recorder)
    session.now = vector["frame"]
    notices, told = Notices(recorder, Settings()), []
    notices.look(told.append)
    assert not told
    value = vector["values"][0]
    changes = {
        "LEAD_OFF": lambda: setattr(session, "state", value),
        "BATTERY": lambda: setattr(recorder, "battery_mv", value),
        "CARD": lambda: setattr(session, "card_failures", 1),
        "RATE": lambda: setattr(recorder.heart, "bpm", value),
        "PAUSE": lambda: setattr(recorder.heart, "quiet", value),
    }
    changes[name]()
    for _ in range(3):
        notices.look(told.append)
    assert [message.hex() for message in told] == [vector["message"]]
    assert _event(c.CHANNEL_NOTICE, told[0]) == Notice(vector["kind"], vector["frame"], bytes.fromhex(vector["data"]))
    assert c.NOTICE_NAMES[vector["kind"]] == name


def test_an_alarm_is_told_again_when_it_had_ended():
    recorder = Watched()
    watched_session(recorder)
    notices, told = Notices(recorder, Settings()), []
    for bpm in (75, 151, 148, 152, 145, 151, 0, 39, 42, 38, 45, 39):
        recorder.heart.bpm = bpm
        notices.look(told.append)
    assert [message[9] for message in told] == [151, 151, 39, 39]
    told.clear()
    for quiet in (100, 3249, 3250, 5000, 10, 3300):
        recorder.heart.quiet = quiet
        notices.look(told.append)
    assert [message[0] for message in told] == [c.NOTICE_PAUSE] * 2
