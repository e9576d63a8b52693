# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: a recorder that is reset or loses power amid a block, and a host that breaks the card's rules."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]
sys.path.insert(0, sys.argv[3])

from boards.sim.virtual_card import PowerCut
from boards.sim.virtual_sd import VirtualSd
from boards.sim.virtual_sd_registers import crc7
from mp_sd_parts import Bench, pattern

IMAGE = FOLDER + "/card.img"
DATA = pattern(5, 16)
OLD = pattern(9, 16)


def ok(name):
    print("ok " + name)


def bench(*faults):
    """A card with OLD at sectors 100 to 115, which then misbehaves."""
    made = Bench(IMAGE)
    assert made.write(100, OLD)[0] is None
    made.faults(*faults)
    return made


# ---- the recorder is reset, or its supply goes


class Reset(Exception):
    pass


class Stops:
    """The bus and the pin of a recorder whose watchdog strikes at byte `cut`, in the middle of a transfer."""

    def __init__(self, card, cut):
        self.card = card
        self.end = card.clocked + cut

    def init(self, baudrate):
        pass

    def value(self, level):
        if self.card.clocked < self.end:
            self.card.select(level)

    def write(self, data):
        for byte in data:
            self.put(byte)

    def readinto(self, buffer, fill):
        for i in range(len(buffer)):
            buffer[i] = self.put(fill)

    def put(self, byte):
        if self.card.clocked >= self.end:
            raise Reset()
        return self.card.shift(byte)


for cut in sorted(set(range(3, 600, 41)) | {515, 516, 517, 520, 4000, 8000, 8240, 8250}):
    b = bench()
    b.sd.wire.spi = b.sd.wire.cs = Stops(b.card, cut)
    try:
        b.sd.writeblocks(100, DATA)
        raise AssertionError("no reset")
    except Reset:
        b.card.excused = True
    b.driver().begin()
    assert b.write(200, DATA)[0] is None and b.read(200, 16)[0] == DATA
    now = b.on_card(100, 16)
    n = 0
    while n < 16 and now[n * 512 : n * 512 + 512] == DATA[n * 512 : n * 512 + 512]:
        n += 1
    assert now[n * 512 :] == OLD[n * 512 :], cut
    b.orderly()
ok("the recorder is reset in the middle of a write")

for block, byte in ((0, 0), (0, 513), (1, 0), (7, 99), (15, 513)):
    b = bench({"on": "write", "nth": 1, "block": block, "byte": byte, "do": "cut"})
    try:
        b.write(100, DATA)
        raise AssertionError("no power cut")
    except PowerCut:
        pass
    assert b.on_card(100, 16) == DATA[: block * 512] + OLD[block * 512 :]
ok("the supply goes in the middle of a block")


# ---- the virtual card holds a host to the rules: each breach is seen


def breach(name, *steps):
    b = bench()
    card = b.card
    for step in steps:
        if isinstance(step, int):
            card.select(step)
        elif isinstance(step, bytes):
            for byte in step:
                card.shift(byte)
        else:
            step(card)
    assert list(card.violations) == [name], (name, card.violations)


def frame(index, argument=0):
    data = bytes([0x40 | index]) + argument.to_bytes(4, "big")
    return data + bytes([crc7(data)])


REST = b"\xff" * 12
WRITE = [0, b"\xff", frame(25, 100), REST]
breach("selected without eight clocks after the last release", 0, b"\xff", frame(13), REST, 1, 0)
breach("released in the middle of a block or a command", 0, b"\xff\x51\x00", 1)
breach("released in the middle of a transfer", 0, b"\xff", frame(18, 100), REST, 1)
breach("a command without a gap after the answer", 0, b"\xff", frame(13), b"\xff" * 3, frame(13), REST)
breach("a command over an answer", 0, b"\xff", frame(13), b"\xff", frame(13), REST)
breach("a byte that is no command", 0, b"\xff\x00\x00")
breach("a token without a gap", 0, b"\xff", frame(25, 100), b"\xff\xff\xfc")
breach("a command or a token while busy", *WRITE, b"\xfc" + bytes(514) + b"\xff" + b"\xfc")
breach("a block after one that was refused", *WRITE, b"\xfc" + b"\x01" * 514 + b"\xff\xff" + b"\xfc")
breach("token 0xfe", *WRITE, b"\xfe")
breach("CMD17 while blocks are awaited", *WRITE, frame(17, 5))
breach("a clock of 30000000 Hz", lambda card: setattr(card, "baudrate", 30000000), 0, b"\xff", frame(13), REST)
breach("fewer than 74 clocks before CMD0", 1, VirtualSd.power_on, b"\xff" * 9, 0, frame(0))
breach(
    "a clock of 400001 Hz",
    VirtualSd.power_on,
    lambda card: setattr(card, "baudrate", 400001),
    b"\xff" * 10,
    0,
    frame(0),
    REST,
    frame(58),
)
b = bench()
b.card.select(0)
for byte in b"\xff" + frame(13)[:5] + b"\x01":
    b.card.shift(byte)
assert [b.card.shift(0xFF) for _ in range(2)] == [0xFF, 0x08]  # CRC7 is checked since CMD59
ok("what a host must not do is seen")
