# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: frame_fast against frame, and pack24 against its definition, on random and on extreme frames."""

import sys

sys.path.insert(0, sys.argv[1])

import random
from array import array

from recorder import frame, frame_fast
from recorder.codec_raw_fast import pack24

EXTREMES = (0x7FFFFF, 0x800000, 0x7FFFFE, 0x800001, 0, 0xFFFFFF, 31, 32, 0xFFFFE0, 0xFFFFDF)


def value():
    return random.choice(EXTREMES) if random.getrandbits(2) == 0 else random.getrandbits(24)


def some(n, words):
    out = bytearray()
    for _ in range(n):
        status = (0x6 if random.getrandbits(4) == 0 else 0xC) << 20 | random.getrandbits(4)
        if random.getrandbits(3) == 0:
            status |= random.getrandbits(20)
        for v in [status] + [value() if random.getrandbits(3) == 0 else random.getrandbits(22) for _ in range(8)]:
            b = v.to_bytes(3, "big")
            out.extend(bytes([b[2], b[1], b[0], random.getrandbits(8)]) if words else b)
    return out


random.seed(7)
rounds = 0
unpacked = 0
for _ in range(3000):
    words = random.getrandbits(1)
    n = random.randrange(1, 9)
    source = some(n, words)
    shift = random.randrange(0, 9)
    state = random.choice((0, 0, 2, 0x10000, 0x1FF))
    mask = random.choice((frame.ALL, frame.ALL, 0x1FF, 0))
    skip = random.randrange(0, n) * (36 if words else 27)
    count = n - skip // (36 if words else 27)
    answers = []
    for module in (frame, frame_fast):
        out = array("i", bytes(4 * 8 * 10))
        result = array("i", [0, 0])
        unpack = module.unpack_words if words else module.unpack_bytes
        done = unpack(source, skip, count, out, 8, shift, state, mask, result)
        answers.append((done, result[0], result[1], list(out[: 8 + 8 * done])))
    assert answers[0] == answers[1], (source, shift, state, mask, answers)
    unpacked += answers[0][0]
    rounds += 1
assert unpacked > 1000

values = array("i", [random.getrandbits(24) - 0x800000 for _ in range(64)] + [0x7FFFFF, -0x800000, -1, 0])
buffer = bytearray(3 * len(values) + 2)
pack24(values, 0, len(values), buffer, 1)
for i in range(len(values)):
    assert int.from_bytes(buffer[1 + 3 * i : 4 + 3 * i], "little") == values[i] & 0xFFFFFF
print("%d rounds, %d frames" % (rounds, unpacked))
