# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.1 to 6.3: firmware and host give the vectors that tools/link_vectors.py makes with `cryptography` alone."""

import json
from pathlib import Path

import pytest
from conftest import ROOT, needs_micropython, run_micropython

from octolead.link import crypto, packets
from octolead.link.client import Client, Ready
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
