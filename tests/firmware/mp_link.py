# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: the link's vectors through the firmware's own cryptography, packets and session; viper twins against plain ones."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]

import json
import random

from recorder import link_crypto, link_packet
from recorder.link_session import OPEN, LinkSession, LockOut, NoCounter


def unhex(text):
    return bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


def load(name):
    with open(FOLDER + "/" + name) as file:
        return json.load(file)


class Ticks:
    def ms(self):
        return 0

    def diff(self, a, b):
        return a - b


n = 0
for name in ("session_a.json", "session_b.json"):
    v = load(name)
    context = unhex(v["context"])
    assert link_crypto.proofs(unhex(v["key"]), context) == (unhex(v["recorder_proof"]), unhex(v["host_proof"]))
    keys = link_crypto.session_keys(unhex(v["key"]), context)
    assert keys == tuple(unhex(v["keys"][k]) for k in ("host_encrypt", "host_tag", "recorder_encrypt", "recorder_tag"))
    for p in v["packets"]:
        pair = keys[:2] if p["side"] == "host" else keys[2:]
        sealer = link_packet.Sealer(pair[0], pair[1], 2048)
        sealer.counter = p["counter"]
        text = unhex(p["plaintext"])
        sealer.buffer[5 : 5 + len(text)] = text
        assert bytes(sealer.seal(p["kind"], len(text))) == unhex(p["packet"])
        opener = link_packet.Opener(pair[0], pair[1], 2048)
        assert bytes(opener.open(unhex(p["packet"]))) == text
        assert opener.open(unhex(p["packet"])) is link_packet.DROPPED
        n += 1
    sent = []
    nonce = unhex(v["recorder_nonce"])
    lock_out = LockOut(NoCounter(), Ticks())
    session = LinkSession(unhex(v["key"]), unhex(v["device_id"]), lock_out, lambda _, nonce=nonce: nonce, sent.append, 2048)
    session.receive(unhex(v["hello"]))
    assert sent == [unhex(v["challenge"])]
    session.receive(unhex(v["proof"]))
    assert session.state == OPEN and sent[1] == unhex(v["packets"][0]["packet"])
    channel, message = session.receive(unhex(v["packets"][1]["packet"]))
    assert channel == 1 and bytes(message) == unhex(v["packets"][1]["plaintext"])[1:]

for f in load("cobs.json")["frames"]:
    packet, frame = unhex(f["packet"]), unhex(f["frame"])
    out = bytearray(link_packet.cobs_bytes(len(packet)))
    end = link_packet.cobs_encode(packet, len(packet), out, 1)
    assert bytes(out[: end + 1]) == frame, (packet, out)
    assert link_packet.CobsReader(2048).feed(frame) == [packet]
    n += 1

random.seed(3)
for _ in range(300):
    data = bytes(random.choice((0, 1, random.getrandbits(8))) for _ in range(random.randrange(1, 600)))
    out = bytearray(link_packet.cobs_bytes(len(data)))
    end = link_packet.cobs_encode(data, len(data), out, 0)
    assert 0 not in bytes(out[:end]) and bytes(link_packet.cobs_decode(out[:end])) == data
print("%d vectors" % n)
