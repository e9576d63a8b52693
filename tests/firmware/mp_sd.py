# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: the SD driver on a card that behaves, and on one that does not. One `ok` line a case."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]
sys.path.insert(0, sys.argv[3])

import vfs
from mp_sd_parts import Bench, pattern
from recorder.card_size import check_size
from recorder.errors import CardError
from recorder.fat32_format import format_card
from recorder.sd_card import CALL_MS, LAST_MS, RETURN_MS
from recorder.sd_start import START_MS
from recorder.store import make_ring, open_store

IMAGE = FOLDER + "/card.img"
BOUND_MS = CALL_MS + START_MS + LAST_MS + 100
DATA = pattern(5, 16)
OLD = pattern(9, 16)


def ok(name):
    print("ok " + name)


def bench(*faults, **more):
    """A card with OLD at sectors 100 to 115, which then misbehaves."""
    made = Bench(IMAGE, **more)
    assert made.write(100, OLD)[0] is None
    if faults:
        made.faults(*faults)
    return made


# ---- a card that behaves

for kind in ("sdhc", "sdsc", "sdxc", "v1"):
    traces = []
    for bulk in (True, False):
        b = bench(kind=kind, bulk=bulk)
        b.card.answer_bytes = 8
        assert b.sd.n_sectors == b.image.n_sectors == b.sd.ioctl(4, 0)
        assert b.sd.ioctl(5, 0) == 512
        assert b.sd.ioctl(3, 0) == 0
        assert b.write(7, DATA[:512])[0] is None
        assert b.write(100, DATA)[0] is None
        assert b.write(b.sd.n_sectors - 2, DATA[:1024])[0] is None
        assert b.read(100, 16)[0] == DATA == b.on_card(100, 16)
        assert b.read(b.sd.n_sectors - 1)[0] == DATA[512:1024]
        assert b.read(7)[0] == DATA[:512]
        assert b.read(b.sd.n_sectors - 2, 2)[0] == DATA[:1024]
        part = bytearray(700)
        b.sd.readblocks(101, part, 5)
        assert part == DATA[517:1217]
        b.orderly()
        assert b.image.writes == 4
        traces.append((b.card.clocked, b.ticks.us(), b.sd.status()))
    assert traces[0] == traces[1]
ok("four kinds of cards, byte by byte and in bulk alike")

b = bench()
status = b.sd.status()
assert (status["name"], status["serial"], status["maker"], status["made"]) == ("VIRTU", "00000001", 0x7F, "2026-11")
assert b.card.baudrate == 12000000
for sector, n in ((-1, 1), (b.sd.n_sectors, 1), (b.sd.n_sectors - 1, 2)):
    clocked = b.card.clocked
    assert b.write(sector, DATA[: n * 512])[0] == "sd_range"
    assert b.read(sector, n)[0] == "sd_range"
    assert clocked + 10 > b.card.clocked  # nothing but letting go
try:
    b.sd.writeblocks(1, bytearray(100))
    raise AssertionError("a part of a sector was written")
except OSError as error:
    assert error.args[0] == 22
ok("identity, clock and limits")

b = bench()
for answer_bytes, access_bytes, block_us, write_us in ((1, 1, 0, 0), (8, 50, 900, 9000), (3, 60, 5000, 50000)):
    b.card.answer_bytes, b.card.access_bytes, b.card.block_us, b.card.write_us = answer_bytes, access_bytes, block_us, write_us
    assert b.write(100, DATA)[0] is None
    assert b.read(100, 16)[0] == DATA
    assert b.write(100, OLD)[0] is None
    assert b.read(115)[0] == OLD[-512:]
b.orderly()
ok("slow answers, slow data, slow writes")

b = Bench(IMAGE, mib=36)
assert check_size(b.sd) == 36 * 2048
format_card(b.sd)
made = make_ring(b.sd, b"12345678", b"ringring", 16384, b.ticks, 3 << 20)
found = open_store(b.sd, b"12345678", b.ticks)
assert found.segments == made.segments and found.n_slots == made.n_slots
file_system = vfs.VfsFat(b.sd)
vfs.mount(file_system, "/sd")
with open("/sd/A.BIN", "wb") as file:
    file.write(DATA + OLD)
vfs.umount("/sd")
vfs.mount(vfs.VfsFat(b.image), "/sd")
with open("/sd/A.BIN", "rb") as file:
    assert file.read() == DATA + OLD
vfs.umount("/sd")
b.orderly()
ok("FatFs, formatting and a ring through the driver")

# ---- a card that does not: the right error, in time, and what is on it

b = bench({"on": "write", "nth": 1, "block": 15, "do": "busy", "ms": 500}, {"on": "write", "nth": 2, "do": "busy", "ms": 500})
error, ms = b.write(100, DATA)
assert error is None and 500 <= ms < 520, (error, ms)
error, ms = b.write(100, DATA)
assert error is None and 500 <= ms < 520, (error, ms)
assert b.sd.repeated == 0
b.orderly()
ok("busy for 500 ms")

for block in (0, 7, 15):
    b = bench({"on": "write", "nth": 1, "block": block, "do": "answer", "value": 0x0B})
    assert b.write(100, DATA)[0] is None
    assert b.sd.repeated == 1 and b.sd.status()["last_error"] == "sd_crc"
    assert b.on_card(100, 16) == DATA
    b.faults({"on": "write", "nth": 1, "count": 99, "block": block, "do": "answer", "value": 0x0B})
    error, ms = b.write(100, OLD)
    assert error == "sd_crc" and ms < 200, (error, ms)
    assert b.write(200, OLD[:512])[0] == ("sd_crc" if block == 0 else None)
    b.orderly()
ok("a data block refused for its CRC")

for block in (0, 15):
    b = bench({"on": "write", "nth": 1, "block": block, "do": "answer", "value": 0x0D})
    error, ms = b.write(100, DATA)
    assert error == "sd_refused" and ms < 100, (error, ms)
    assert b.sd.repeated == 0
    assert b.write(100, DATA)[0] is None and b.on_card(100, 16) == DATA
    b.orderly()
ok("a data block refused for good")

b = bench()
b.image.set_faults([{"write": 1, "error": 5}, {"write": 3, "error": 30}])
assert b.write(100, DATA)[0] == "sd_refused"
assert b.on_card(100, 16) == OLD
assert b.write(100, DATA[:512])[0] is None
assert b.write(100, DATA[:512])[0] == "sd_protected"
assert b.write(100, DATA)[0] is None
b.orderly()
ok("a write that failed after it was taken shows in CMD13")

b = bench({"on": "write", "nth": 1, "block": 3, "do": "stuck"})
error, ms = b.write(100, DATA)
assert error == "sd_timeout" and ms <= BOUND_MS, (error, ms)
error, ms = b.read(100)
assert error == "sd_timeout" and ms <= BOUND_MS, (error, ms)
b.card.put_back()
assert b.read(103)[0] in (OLD[1536:2048], DATA[1536:2048])
assert b.write(100, DATA)[0] is None
b.orderly()
ok("stuck busy, until it was pulled and put back")

for value, kind in ((0, "sd_timeout"), (255, "sd_absent")):
    for nth in (1, 2):
        b = bench({"on": "write", "nth": nth, "block": 1, "byte": 100, "do": "line", "value": value})
        if nth == 2:
            assert b.write(200, DATA)[0] is None
        error, ms = b.write(100, DATA)
        assert error == kind and ms <= BOUND_MS, (value, error, ms)
        assert b.read(100)[1] <= BOUND_MS
    b = Bench(IMAGE, begin=False)
    b.card.line = value
    error, ms = b.time(b.sd.begin)
    assert error == kind and ms <= 2000, (value, error, ms)
    b = bench({"on": "write", "nth": 1, "block": 1, "byte": 100, "do": "line", "value": value, "back_ms": 700})
    error, ms = b.write(100, DATA)
    assert error is None and 700 <= ms < 2500, (value, error, ms)
    assert b.on_card(100, 16) == DATA
ok("the data line stuck low and high, for good and for 0.7 s")

b = bench({"on": "read", "nth": 1, "block": 2, "do": "flip", "byte": 77})
assert b.read(100, 16)[0] == OLD and b.sd.repeated == 1
b.faults({"on": "read", "nth": 1, "count": 99, "do": "flip", "byte": 512})
error, ms = b.read(100)
assert error == "sd_crc" and ms < 200
b.faults({"on": "read", "nth": 1, "count": 3, "do": "hold", "ms": 100}, {"on": "read", "nth": 4, "do": "answer", "value": 0x04})
assert b.read(100)[0] == OLD[:512]
error, ms = b.read(100, 16)
assert error == OLD and 100 <= ms < 140, ms
assert b.read(100)[0] == OLD[:512]
assert b.read(100)[0] == "sd_refused"
assert b.read(100, 16)[0] == OLD
b.orderly()
b.faults({"on": "read", "nth": 1, "count": 99, "do": "hold", "ms": 100000})
error, ms = b.read(100)
assert error == "sd_timeout" and ms <= BOUND_MS, (error, ms)
ok("reads: wrong CRC, late, never, unreadable")

for back_ms in (30, 300, 1500):
    for block, byte in ((0, 0), (0, 300), (9, 511), (15, 513)):
        b = bench({"on": "write", "nth": 1, "block": block, "byte": byte, "do": "pull", "back_ms": back_ms})
        error, ms = b.write(100, DATA)
        assert error is None and back_ms <= ms < BOUND_MS, (error, ms)
        assert b.on_card(100, 16) == DATA
        assert b.sd.started == 2
        b.orderly()
b = bench({"on": "time", "at_ms": 0, "do": "pull", "back_ms": 5000})
assert b.read(100)[0] == "sd_absent"
b.ticks.sleep_ms(5000)
assert b.read(100, 16)[0] == OLD
ok("pulled in the middle of a block, and put back")

b = bench({"on": "write", "nth": 1, "block": 4, "byte": 200, "do": "pull"})
error, ms = b.write(100, DATA)
assert error == "sd_absent" and RETURN_MS <= ms <= BOUND_MS, (error, ms)
assert b.on_card(100, 16) == DATA[:2048] + OLD[2048:]  # the blocks that it had taken
error, ms = b.write(100, DATA)
assert error == "sd_absent" and ms < 50, (error, ms)  # known to be gone: not waited for again
b.card.put_back()
assert b.write(100, DATA)[0] is None and b.on_card(100, 16) == DATA
b.card.pull()
assert b.write(100, DATA)[1] >= RETURN_MS  # was there again: waited for again
b.orderly()
ok("pulled, and put back later")

b = bench({"on": "write", "nth": 1, "block": 4, "byte": 200, "do": "pull", "back_ms": 200, "other": True})
error, ms = b.write(100, DATA)
assert error == "sd_changed" and ms < BOUND_MS, (error, ms)
assert b.read(100)[0] == "sd_changed"
assert b.write(100, DATA)[0] == "sd_changed"
assert b.on_card(100, 16) == DATA[:2048] + OLD[2048:]  # nothing went to the other card
b.sd.begin()  # someone says that it is meant
assert b.write(100, DATA)[0] is None
b.orderly()
ok("another card was put in")

b = Bench(IMAGE, protected=True)
assert b.write(100, DATA)[0] == "sd_protected"
assert b.read(100)[0] == b.on_card(100)
b = bench()
b.card.protected = True  # and its CSD was read before
for data in (DATA, DATA[:512]):
    error, ms = b.write(100, data)
    assert error == "sd_protected" and ms < 100, (error, ms)
assert b.on_card(100, 16) == OLD
b.orderly()
ok("write-protected")

b = bench(claims=16 * 2048)
assert b.sd.n_sectors == 2 * b.image.n_sectors
last = b.image.n_sectors - 8
assert b.write(last, DATA)[0] == "sd_range"
assert b.write(last + 8, DATA[:512])[0] == "sd_range"
assert b.read(last, 16)[0] == "sd_range"
assert b.read(last, 8)[0] == DATA[:4096]
assert b.write(last, OLD[:4096])[0] is None
b.orderly()
ok("smaller than it claims")

for wraps in (True, False):
    for claims in (16, 64, 1024):
        b = Bench(IMAGE, claims=claims * 2048, wraps=wraps)
        try:
            check_size(b.sd)
            raise AssertionError("a forgery went through")
        except CardError as error:
            assert error.kind == "card_false_size" and "%d MiB" % claims in error.message, error.message
            assert not wraps or "at most 8)" in error.message
ok("a forgery is found before it is formatted")

b = Bench(IMAGE, begin=False)
b.card.sleeps = True
error, ms = b.time(b.sd.begin)
assert error == "sd_timeout" and ms < 2000, (error, ms)
b.orderly()
b = Bench(IMAGE, begin=False)
b.faults({"on": "command", "index": 8, "nth": 1, "do": "silent"})
assert b.time(b.sd.begin)[0] == "sd_timeout"  # taken for a card of version 1, so it is not told of block addresses
b = Bench(IMAGE, kind="v1", begin=False)
b.faults({"on": "command", "index": 8, "nth": 1, "do": "silent"})
assert b.time(b.sd.begin)[0] is None
assert not b.sd.info.by_blocks and b.sd.info.csd.version == 1
b = Bench(IMAGE, begin=False)
b.faults({"on": "command", "index": 55, "nth": 1, "count": 9, "do": "answer", "value": 5})
assert b.time(b.sd.begin)[0] == "sd_unusable"  # an MMC
b = Bench(IMAGE, begin=False)
b.faults({"on": "command", "index": 59, "nth": 1, "do": "answer", "value": 9})
assert b.time(b.sd.begin)[0] is None and b.card.crc_on  # the wires hiccup once
b = Bench(IMAGE, begin=False)
b.card.present = False
error, ms = b.time(b.sd.begin)
assert error == "sd_absent" and ms < 100, (error, ms)
ok("cards that do not start")

for index, value, kind in ((24, 0x08, None), (25, 0x08, None), (13, 0xFF, None), (25, 0x04, "sd_refused"), (25, 0x40, "sd_range")):
    b = bench()
    b.faults({"on": "command", "index": index, "nth": 1, "do": "answer" if value != 0xFF else "silent", "value": value})
    assert b.write(100, DATA[:512] if index == 24 else DATA)[0] == kind, (index, value)
    assert b.write(100, DATA)[0] is None and b.on_card(100, 16) == DATA
for index, value, wanted in ((17, 0x01, OLD[:512]), (17, 0x08, OLD[:512]), (18, 0x40, "sd_range"), (18, 0x04, "sd_refused")):
    b = bench()
    b.faults({"on": "command", "index": index, "nth": 1, "do": "answer", "value": value})
    assert b.read(100, 1 if index == 17 else 16)[0] == wanted, (index, value)
    assert b.read(100, 16)[0] == OLD
ok("commands that go wrong")
