# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: a card is what was written to it, whatever went wrong on the way.

For random sequences of reads, writes and faults: a write that returned is on the card; of one that raised each sector
is old or new, or gets new when the card comes to itself; nothing else changed; a read that returned gave what is there;
an error came in time, as an SdError; the host kept to the protocol; and once the faults are over everything works again.
Prints how much was tried.

    micropython mp_sd_random.py FIRMWARE FOLDER TESTS FIRST_SEED SEEDS
"""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]
sys.path.insert(0, sys.argv[3])

import random

from boards.sim.virtual_card import PowerCut
from mp_sd_parts import Bench
from recorder.sd_card import CALL_MS, LAST_MS
from recorder.sd_start import START_MS

BASE = 3000
SECTORS = 48
BOUND_MS = CALL_MS + START_MS + LAST_MS + 150
KINDS = ("sdhc", "sdsc", "sdxc", "v1")


def any_of(*values):
    return values[random.randrange(len(values))]


def some_fault():
    nth = random.randrange(1, 25)
    block = any_of(0, 0, random.randrange(16))
    count = any_of(1, 1, 2, 5)
    write = {"on": "write", "nth": nth, "count": count, "block": block, "byte": random.randrange(514)}
    read = {"on": "read", "nth": nth, "count": count, "block": block, "byte": random.randrange(514)}
    back = {"back_ms": any_of(1, 40, 600, 1700, 6000)}
    command = {"on": "command", "index": any_of(0, 8, 9, 10, 12, 13, 16, 17, 18, 24, 25, 55, 58, 59), "nth": nth, "count": count}
    return any_of(
        dict(write, do="busy", ms=any_of(3, 500, 1200)),
        dict(write, do="stuck"),
        dict(write, do="answer", value=any_of(0x0B, 0x0D, 0x1F, 0x00)),
        dict(write, do="pull", **back),
        dict(write, do="pull", other=True, **back),
        dict(write, do="line", value=any_of(0, 255), **back),
        dict(read, do="flip"),
        dict(read, do="hold", ms=any_of(1, 90, 800, 5000)),
        dict(read, do="answer", value=any_of(0x02, 0x04, 0x08)),
        dict(command, do="silent"),
        dict(command, do="answer", value=any_of(0x01, 0x04, 0x08, 0x20, 0x40)),
        {"on": "time", "at_ms": random.randrange(20000), "do": "pull", "back_ms": any_of(5, 1000, 9000)},
    )


def block(n):
    return bytes(random.getrandbits(8) for _ in range(16)) * (32 * n)


class Run:
    """One sequence on one card, beside the model `sectors`."""

    def __init__(self, seed):
        random.seed(seed)
        self.bench = Bench(FOLDER + "/random.img", any_of(*KINDS), bulk=random.randrange(4) > 0)
        self.bench.card.answer_bytes = random.randrange(1, 9)
        self.bench.card.access_bytes = random.randrange(1, 40)
        data = block(SECTORS)
        self.bench.image.file.seek(BASE * 512)
        self.bench.image.file.write(data)
        self.sectors = [data[i * 512 : i * 512 + 512] for i in range(SECTORS)]
        self.late = [[] for _ in range(SECTORS)]  # what writes that raised may still leave there
        self.errors = 0
        self.calls = 0

    def take(self, at, n, data):
        """Compare the card with the model; sectors of a write that failed may be old or new."""
        for i in range(n):
            self.late[at + i].append(data[i * 512 : i * 512 + 512])
        now = self.bench.on_card(BASE, SECTORS)
        for i in range(SECTORS):
            found = now[i * 512 : i * 512 + 512]
            if found != self.sectors[i]:
                assert found in self.late[i], "sector %d is neither old nor new" % i
                self.sectors[i] = found

    def call(self):
        bench = self.bench
        n = any_of(1, 1, 2, 16, random.randrange(1, 21))
        at = random.randrange(SECTORS - n)
        self.calls += 1
        if random.randrange(3):
            data = block(n)
            error, ms = bench.write(BASE + at, data)
            self.take(at, n, data)
            if error is None:
                assert b"".join(self.sectors[at : at + n]) == data, "a write that returned is not there"
                self.late[at : at + n] = [[] for _ in range(n)]
        else:
            result, ms = bench.read(BASE + at, n)
            error = result if isinstance(result, str) else None
            self.take(0, 0, b"")
            assert error or result == b"".join(self.sectors[at : at + n]), "a read gave something else"
        assert ms <= BOUND_MS, ms
        self.errors += error is not None
        bench.orderly()

    def whole(self):
        """Faults, then none; then the supply goes."""
        bench = self.bench
        bench.faults(*[some_fault() for _ in range(random.randrange(1, 5))])
        for _ in range(random.randrange(5, 25)):
            self.call()
        bench.faults()
        bench.card.line = -1
        bench.card.put_back()
        errors = self.errors
        bench.sd.begin()
        for _ in range(4):
            self.call()
        assert self.errors == errors, "does not work again"
        self.cut()

    def cut(self):
        bench = self.bench
        n = random.randrange(2, 17)
        at = random.randrange(SECTORS - n)
        data = block(n)
        k = random.randrange(n)
        bench.faults({"on": "write", "nth": 1, "block": k, "byte": random.randrange(514), "do": "cut"})
        try:
            bench.write(BASE + at, data)
            raise AssertionError("no cut")
        except PowerCut:
            pass
        self.take(at, n, data)
        assert b"".join(self.sectors[at : at + k]) == data[: k * 512], "a block that was taken is not there"
        bench.image.close()


calls = errors = 0
for seed in range(int(sys.argv[4]), int(sys.argv[4]) + int(sys.argv[5])):
    run = Run(seed)
    try:
        run.whole()
    except Exception:
        print("seed %d" % seed)
        raise
    calls += run.calls
    errors += run.errors
print("%s sequences, %d calls, %d of them raised" % (sys.argv[5], calls, errors))
