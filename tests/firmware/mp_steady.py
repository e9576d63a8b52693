# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython, 64 and 32 bits: heap taken by polls of the running session, garbage collection off.

A poll that seals nothing must take nothing at all; one that seals or checkpoints takes a small constant. The counters
begin where they hurt: the capture's just before it wraps, the session's just below 2^32. The plain encoder of codec 1
takes heap by its nature and is not measured; where there is no viper, its twin's own Python is, over stubs (test_32bit.py).
Prints the cost per frame of the path without the codec and with RAW24 (host time, for comparison only).
"""

import sys

sys.path.insert(0, sys.argv[1])

import gc
import time

from recorder import constants as c
from recorder.app import App
from recorder.capture import MASK, Capture
from recorder.clock import SystemTicks
from recorder.codec import PlainEncoder
from recorder.codec_raw import Encoder
from recorder.heart import HeartRate
from recorder.link_crypto import _aes
from recorder.recorder import RECORDING, Recorder, Signal, encoder_of
from recorder.seal import BlockSeal
from recorder.session import Session
from recorder.store import Store
from recorder.watchdog import Progress

try:
    import recorder.heart_front_fast as viper
except ImportError:
    viper = None  # the plain twin's sums leave the range of small integers

POLLS = int(sys.argv[2])
PER_BLOCK = 1024  # bytes of heap a block may take
PER_SEALED_BLOCK = 2048  # where it is tagged and enciphered
FIRST_FRAME = (1 << 32) - 4000


class Device:
    """A card that takes everything at once."""

    writes = 0

    def writeblocks(self, sector, buffer):
        self.writes += 1

    def ioctl(self, request, argument):
        return 0


class Fed:
    """A watchdog."""

    def feed(self):
        pass


class Ready(Capture):
    """A ring that is always filled with the same quiet frames."""

    def __init__(self, frame_bytes):
        super().__init__(4096, frame_bytes)
        self.count = MASK - 5000
        self.tail = self.count
        step = frame_bytes // 9
        for frame in range(4096):
            at = frame * frame_bytes
            self.ring[at + (0 if step == 3 else 2)] = 0xC0
            for lead in range(1, 9):
                self.ring[at + step * lead + 1] = frame * 7 + lead & 0x7F if frame % 400 < 6 else lead

    def _head(self):
        return self.count & MASK


class Swallow(Encoder):
    """No codec: 6000 frames to a block."""

    def begin(self, buffer, start, limit):
        super().begin(buffer, start, limit)
        self.left = 6000

    def encode(self, frames, index, count):
        if count > self.left:
            count = self.left
        self.left -= count
        return count


class NoAes:
    """The 32-bit machine has no cryptolib."""

    def __init__(self, key):
        pass

    def encrypt(self, source, target):
        pass


def measure(encoder, frame_bytes, polls, per_poll, sealed=False):
    capture = Ready(frame_bytes)
    store = Store(Device(), [0], 1 << 16, 8192, b"ring....", b"device..", SystemTicks())
    seal = BlockSeal(bytes(32), b"session.", True, None if _aes else NoAes) if sealed else None
    session = Session(capture, store, encoder, Signal(), b"device..", b"session.", seal)
    if viper:
        session.heart = HeartRate()
        session.heart.begin(Signal())
    session.begin(0, [("firmware", "x")], first_frame=FIRST_FRAME)
    began = capture.count
    recorder = Recorder(None, capture, store, b"device..", urandom=bytes)
    recorder.session = session
    recorder.state = RECORDING
    app = App(recorder)
    progress = Progress(Fed(), session)
    for _ in range(30):  # warm up: strings, first blocks
        capture.count += per_poll
        app.turn(session)
        session.flush()
    frames = quiet = worst = 0
    gc.collect()
    gc.disable()
    spent_us = 0
    for _ in range(polls):
        capture.count += per_poll
        blocks = session.blocks + store.checkpoints
        before = gc.mem_alloc()
        began_us = time.ticks_us()
        app.turn(session)
        progress.look()
        session.flush()
        spent_us += time.ticks_diff(time.ticks_us(), began_us)
        taken = gc.mem_alloc() - before
        frames += per_poll
        if session.blocks + store.checkpoints == blocks:
            assert taken == 0, "%d bytes in a poll of %d frames" % (taken, per_poll)
            quiet += 1
        else:
            worst = max(worst, taken)
    gc.enable()
    assert quiet > polls // 3
    assert worst <= (PER_SEALED_BLOCK if sealed else PER_BLOCK), worst
    assert session.frame() == FIRST_FRAME + capture.count - began > 1 << 32
    assert capture.tail < began  # it has wrapped
    assert not session.lost
    assert not viper or session.heart.beats > 50
    return spent_us / frames, worst


encoders = [("without codec", Swallow), ("RAW24", Encoder)]
if encoder_of(c.CODEC_ADAPTIVE) is not PlainEncoder:
    encoders.append(("ADAPTIVE", encoder_of(c.CODEC_ADAPTIVE)))
for name, encoder in encoders:
    for frame_bytes in (27, 36):
        us, worst = measure(encoder, frame_bytes, POLLS, 50)
        print("%s, %d-byte frames: %.2f us a frame, 0 bytes a frame, at most %d bytes a block" % (name, frame_bytes, us, worst))
us, worst = measure(Encoder, 36, POLLS, 50, sealed=True)
print("RAW24, sealed: %.2f us a frame, 0 bytes a frame, at most %d bytes a block" % (us, worst))
