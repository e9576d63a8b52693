# SPDX-License-Identifier: Apache-2.0
"""Under 32-bit MicroPython: the golden vectors are written and read byte for byte, the head is found, the driver drives.

Arguments: the folder of the firmware, the folder of the vectors. `await` at the top level: the app runs on asyncio.
"""

import sys

assert sys.maxsize == (1 << 31) - 1, sys.maxsize
sys.path.insert(0, sys.argv[1])
VECTORS = sys.argv[2]

import gc
import json
import os
from array import array
from binascii import crc32

from recorder import ads1298_map as m
from recorder import constants as c
from recorder import frame
from recorder.ads1298 import Ads1298, FrontEndSettings
from recorder.app import App
from recorder.block import BlockBuilder, new_conditions
from recorder.capture import MASK, Capture
from recorder.clock import SystemTicks
from recorder.codec import PlainEncoder, decode
from recorder.codec_raw import Encoder as RawEncoder
from recorder.recorder import Recorder, Signal, encoder_of
from recorder.session import LEAD_IDS
from recorder.store import Store

BITS = 31  # of a small integer


def unhex(text):
    return bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


def read(name):
    with open(VECTORS + "/" + name, "rb") as file:
        return file.read()


# Golden vectors

NOT_WRITTEN = ("adaptive_two_leads", "newer_minor")  # an imported record, and a version to come: no recorder writes those


def build(header, events, samples):
    """The block of these fields, by the firmware's own builder and encoders."""
    encoder_class = PlainEncoder if header["codec_id"] == c.CODEC_ADAPTIVE else RawEncoder
    n_leads = header["n_leads"]
    leads = unhex(header["lead_ids"])[:n_leads]
    encoder = encoder_class(n_leads, leads, header["rate_mhz"])
    builder = BlockBuilder(
        header["slot_sectors"] * 512,
        encoder,
        leads,
        header["rate_mhz"],
        header["gain"],
        header["shift"],
        unhex(header["device_id"]),
        unhex(header["session_id"]),
        header["ring_tag"],
    )
    state = header["lead_off"] | header["saturated"] << 16
    builder.begin(header["block_number"], header["first_frame"], header["signal_source"], state, header["inputs"])
    done = 0
    steps = list(events)
    steps.append({"type": 0, "frame_offset": header["n_frames"], "data": ""})
    for event in steps:
        n = event["frame_offset"] - done
        assert builder.encode(samples, done, n) == n
        done += n
        assert not event["type"] or builder.add_event(event["type"], unhex(event["data"]))
    conditions = new_conditions()
    conditions[4] = header["frames_lost"]
    anchor = (header["anchor_frame"], header["anchor_utc_us"], header["anchor_uncertainty_ms"])
    n = builder.finish(header["ring_seq"], header["flags"], anchor, conditions)
    return bytes(builder.view()[:n])


written = decoded = 0
for entry in sorted(os.listdir(VECTORS)):
    if not entry.endswith(".json"):
        continue
    name = entry[:-5]
    with open(VECTORS + "/" + entry) as file:
        vector = json.load(file)
    if vector["kind"] != "block" or vector["error"]:
        continue
    header, events = vector["blocks"][0]["header"], vector["blocks"][0]["events"]
    data = read(name + ".bin")
    samples = array("i", read(name + ".i32"))
    if name not in NOT_WRITTEN:
        assert build(header, events, samples) == data, name
        written += 1
    if header["codec_id"] == c.CODEC_ADAPTIVE:
        n = header["header_bytes"]
        leads = unhex(header["lead_ids"])[: header["n_leads"]]
        found = decode(data[n : n + header["payload_bytes"]], header["n_frames"], leads, header["rate_mhz"])
        assert found == samples, name
        decoded += 1
    gc.collect()
assert crc32(b"123456789") == c.CRC_CHECK
print("%d vectors written byte for byte, %d decoded" % (written, decoded))


# Frames at the limits

out = array("i", bytes(4 * 8 * 2))
result = array("i", [0, 0])
for code, stored in ((0x7FFFFF, 131072), (0x800000, -131072), (0, 0), (0xFFFFFF, 0), (0xFFFFDF, -1), (0x00001F, 0), (0x000020, 1)):
    row = bytes([0xC0, 0, 0]) + bytes([code >> 16, code >> 8 & 255, code & 255]) * 8
    frame.unpack_bytes(row, 0, 1, out, 0, 6, 0, 0, result)
    assert list(out[:8]) == [stored] * 8, (code, list(out[:8]))
print("frames at the limits of 24 bits")


# The ring beyond 2^31 slots given out, and a session beyond 2^32 frames


class MemoryCard:
    """Sectors that were written; others read as they were made: zeros."""

    def __init__(self):
        self.slots = {}

    def writeblocks(self, sector, buffer):
        self.slots[sector] = bytes(buffer)

    def readblocks(self, sector, buffer):
        for i in range(len(buffer)):
            buffer[i] = 0
        base = sector // 8 * 8
        data = self.slots.get(base, b"")[(sector - base) * 512 :]
        n = min(len(data), len(buffer))
        buffer[:n] = data[:n]

    def ioctl(self, request, argument):
        return 0


class Steps(Capture):
    """Frames that count: lead k of frame i holds i * 8 + k, 50 more at each look, up to `limit`."""

    def __init__(self, limit, began=0):
        self.limit = limit
        self.began = began
        self.made = 0
        super().__init__(1024, 27)

    def reset(self):
        super().reset()
        self.tail = self.began

    def start(self):
        pass

    def stop(self):
        pass

    def finished(self):
        return self.made == self.limit

    def _now(self):
        return self.began + self.made & MASK

    def _head(self):
        for _ in range(min(50, self.limit - self.made)):
            at = self.made % self.n_frames * 27
            self.ring[at] = 0xC0
            for lead in range(8):
                value = (self.made * 8 + lead) % 60000 << 6
                self.ring[at + 3 + 3 * lead : at + 6 + 3 * lead] = bytes([value >> 16, value >> 8 & 255, value & 255])
            self.made += 1
        return self._now()


class NoFrontEnd:
    """Takes every order."""

    def __getattr__(self, name):
        return lambda *_: None


def stored_frames(card, n_slots, first_seq):
    """(first frame, n frames, payload as values) of the sealed blocks from `first_seq` on."""
    import struct

    blocks = []
    seq = first_seq
    while True:
        data = card.slots.get((1 + seq % n_slots) * 8)
        if data is None or struct.unpack_from("<I", data, c.BLOCK_HEADER_RING_SEQ)[0] != seq:
            return blocks
        if not struct.unpack_from("<H", data, c.BLOCK_HEADER_FLAGS)[0] & c.FLAG_CHECKPOINT:
            first, n = struct.unpack_from("<QH", data, c.BLOCK_HEADER_FIRST_FRAME)
            blocks.append((first, n, data[c.BLOCK_HEADER_SIZE : c.BLOCK_HEADER_SIZE + 24 * n]))
        seq += 1


async def record(codec, n_frames, store, first_frame=0):
    """The recorder, its session and the app as on a board, on this port's asyncio."""
    capture = Steps(n_frames, MASK - 700)
    recorder = Recorder(NoFrontEnd(), capture, store, b"device..", "32 bits", lambda n: bytes(range(n)))
    recorder.start(Signal(), codec)
    if first_frame:
        recorder.session.builder.move(first_frame)
    await App(recorder).run()
    return recorder


card = MemoryCard()
SEQ = (1 << 31) - 5
store = Store(card, [0], 512, 4096, b"ring....", b"device..", SystemTicks())
store.recover()
assert store.head.clean and store.next_seq == 0
store.next_seq = SEQ
first = (1 << 32) - 300
done = await record(c.CODEC_RAW24, 1500, store, first)  # noqa: F704, PLE1142 - the runner takes it
assert done.session.frame() == first + 1500, done.session.frame()
assert not done.session.lost and done.session.blocks >= 9
frames = 0
for at, n, payload in stored_frames(card, store.n_slots, SEQ):
    assert at == first + frames
    for i in range(n):
        want = [((frames + i) * 8 + lead) % 60000 for lead in range(8)]
        got = [payload[24 * i + 3 * lead] | payload[24 * i + 3 * lead + 1] << 8 | payload[24 * i + 3 * lead + 2] << 16 for lead in range(8)]
        assert got == want, (at, i)
    frames += n
assert frames == 1500
again = Store(card, [0], 512, 4096, b"ring....", b"device..", SystemTicks())
head = again.recover()
assert head.clean and head.next_seq == store.next_seq > 1 << 31, (head.next_seq, store.next_seq)
print("1500 frames over frame 2^32, the capture's wrap and ring_seq 2^31; head found in %d reads" % again.search_reads)

assert encoder_of(c.CODEC_ADAPTIVE) is PlainEncoder
done = await record(c.CODEC_ADAPTIVE, 400, Store(MemoryCard(), [0], 512, 4096, b"ring....", b"device..", SystemTicks()))  # noqa: F704, PLE1142
assert done.session.frame() == 400 and not done.session.lost
print("the app with codec 1 (plain): %d blocks" % done.session.blocks)


# The driver, against registers that keep what is written


class Registers:
    """An SPI device of registers behind RREG and WREG."""

    def __init__(self):
        self.values = bytearray(value for _, _, value, _ in m.REGISTERS)
        self.values[0] = m.DEVICE_ID
        self.sent = []

    def write(self, data):
        self.sent.append(data[0])
        if len(self.sent) == 3 and self.sent[0] & 0xE0 == m.WREG:
            self.values[self.sent[0] & 0x1F] = data[0]

    def readinto(self, buffer, fill):
        buffer[0] = self.values[self.sent[0] & 0x1F]

    def value(self, level):  # the chip-select pin
        self.sent = []


chip = Registers()
driver = Ads1298(chip, chip, NoFrontEnd(), NoFrontEnd(), NoFrontEnd(), lambda ms: None, lambda us: None)
driver.power_up()
driver.configure(FrontEndSettings(1000, 12))
assert driver.verify(FrontEndSettings(1000, 12)) is None
assert driver.verify(FrontEndSettings(500, 12)).name == "CONFIG1"
assert len(LEAD_IDS) == 8
print("the driver sets %d registers and reads them back" % len(FrontEndSettings().registers()))
