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


class PlainAes:
    """AES-128 as FIPS 197 writes it, for the port that has none: slow, and for this test only."""

    def __init__(self, key):
        box, p, q = [0x63] * 256, 1, 1
        while True:  # all p, with q = 1 / p
            p = (p ^ p << 1 ^ (0x11B if p & 0x80 else 0)) & 0xFF
            for n in (1, 2, 4):
                q = (q ^ q << n) & 0xFF
            q ^= 0x09 if q & 0x80 else 0
            box[p] = q ^ self._turn(q, 1) ^ self._turn(q, 2) ^ self._turn(q, 3) ^ self._turn(q, 4) ^ 0x63
            if p == 1:
                break
        self._box = box
        words, round_constant = [list(key[i : i + 4]) for i in range(0, 16, 4)], 1
        for i in range(4, 44):
            word = words[i - 1]
            if i % 4 == 0:
                word = [box[b] for b in word[1:] + word[:1]]
                word[0] ^= round_constant
                round_constant = self._double(round_constant)
            words.append([a ^ b for a, b in zip(words[i - 4], word)])
        self._keys = [[b for word in words[i : i + 4] for b in word] for i in range(0, 44, 4)]

    @staticmethod
    def _turn(byte, n):
        return (byte << n | byte >> 8 - n) & 0xFF

    @staticmethod
    def _double(byte):
        return (byte << 1 ^ (0x1B if byte & 0x80 else 0)) & 0xFF

    def encrypt(self, source, target):
        for at in range(0, len(source), 16):
            state = [a ^ b for a, b in zip(source[at : at + 16], self._keys[0])]
            for turn in range(1, 11):
                state = [self._box[state[(5 * i) % 16]] for i in range(16)]
                if turn < 10:
                    mixed = []
                    for k in range(0, 16, 4):
                        column = state[k : k + 4]
                        every = column[0] ^ column[1] ^ column[2] ^ column[3]
                        mixed += [column[i] ^ every ^ self._double(column[i] ^ column[(i + 1) % 4]) for i in range(4)]
                    state = mixed
                state = [a ^ b for a, b in zip(state, self._keys[turn])]
            target[at : at + 16] = bytes(state)


aes = None if link_crypto._aes else PlainAes


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
        sealer = link_packet.Sealer(pair[0], pair[1], 2048, aes)
        sealer.counter = p["counter"]
        text = unhex(p["plaintext"])
        sealer.buffer[5 : 5 + len(text)] = text
        assert bytes(sealer.seal(p["kind"], len(text))) == unhex(p["packet"])
        opener = link_packet.Opener(pair[0], pair[1], 2048, aes)
        assert bytes(opener.open(unhex(p["packet"]))) == text
        assert opener.open(unhex(p["packet"])) is link_packet.DROPPED
        n += 1
    sent = []
    nonce = unhex(v["recorder_nonce"])
    lock_out = LockOut(NoCounter(), Ticks())
    session = LinkSession(unhex(v["key"]), unhex(v["device_id"]), lock_out, lambda _, nonce=nonce: nonce, sent.append, 2048, aes)
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
