# SPDX-License-Identifier: Apache-2.0
"""The Pico's DMA ring over a model of the engine: re-arming, alignment, masked addresses, laps, overflow, resync, stop."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent / "stand_in"))  # for rp2, which only the stand-in has here
import rp2
from boards.pico2w.dma_ring import LAPS, DmaRing
from boards.pico2w.pio_capture import WORDS, PioCapture

FRAMES = 8


class Bus:
    def __init__(self):
        self.whose = "spi"

    def to_capture(self):
        self.whose = "pio"

    def to_spi(self):
        self.whose = "spi"


class Ticks:
    def __init__(self):
        self.now_ms = 0
        self.meanwhile = None

    def ms(self):
        self.now_ms += 1
        if self.meanwhile:
            self.meanwhile()
        return self.now_ms

    def diff(self, a, b):
        return a - b


class Board:
    """A capture over a small ring; `frame(n)` is what the state machine does at DRDY n."""

    def __init__(self, n_frames=FRAMES, guard=2, shift=0):
        rp2.reset()
        rp2.DMA.passing = None
        rp2.memory.shift = shift
        self.machine = rp2.StateMachine(0, None, 15000000, None, None)
        self.data, self.control = rp2.DMA(), rp2.DMA()
        self.ring = DmaRing(self.data, self.control, rp2.address_of, bytearray(36 * n_frames), self.machine, 4)
        self.bus = Bus()
        self.ticks = Ticks()
        self.capture = PioCapture(self.ring, self.machine, self.bus, self.ticks, n_frames, guard)
        self.sent = 0

    def frame(self):
        for _ in range(WORDS):
            self.machine.give(0xC00000 | self.sent & 0xFFFFF)
        self.sent += 1

    def read(self):
        """Take what waits; return [frame number]."""
        capture = self.capture
        numbers = []
        while capture.ready:
            n = capture.run()
            for i in range(n):
                words = struct.unpack_from("<9I", capture.ring, capture.offset + 36 * i)
                assert len(set(words)) == 1, "a frame of words of two frames"
                numbers.append(words[0] & 0xFFFFF)
            capture.release(n)
        return numbers


@pytest.mark.parametrize("shift", [0, 4, 16, 1020])
def test_the_ring_re_arms_itself_wherever_the_buffers_lie(shift):
    board = Board(shift=shift)
    board.capture.start()
    assert board.bus.whose == "pio" and board.machine.running
    assert board.ring.table % 1024 == 0
    for _ in range(LAPS * 2 + 3):
        for _ in range(FRAMES // 2):
            board.frame()
        assert not board.capture.refresh()
        assert board.read() == [n & 0xFFFFF for n in range(board.sent - FRAMES // 2, board.sent)]
    assert board.machine.stalled == 0  # the FIFO never ran over


def test_a_ring_that_is_not_of_whole_words_is_refused():
    with pytest.raises(ValueError, match="whole words"):
        Board(shift=2)
    with pytest.raises(ValueError, match="power of two"):
        Board(n_frames=6)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=40))
@settings(deadline=None)
def test_what_was_overwritten_is_told_exactly_with_the_guard(steps):
    """However long the reader stays away (up to LAPS rings), lost + read + waiting = sent, and what is read is true."""
    board = Board()
    board.capture.start()
    expected = 0
    for frames, looks in steps:
        for _ in range(frames):
            board.frame()
        for _ in range(looks):
            lost = board.capture.refresh()
            assert lost == max(0, board.sent - expected - (FRAMES - 2))
            expected += lost
            assert board.read() == list(range(expected, board.sent))
            expected = board.sent


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
@settings(deadline=None)
def test_a_look_while_words_arrive_lies_between_before_and_after(bursts):
    """The place and the lap are two registers; any number of words may come between reading one and the other."""
    board = Board()
    board.capture.start()
    moved = 0

    def passing():
        nonlocal moved
        if queue:
            for _ in range(queue.pop(0)):
                board.machine.give(1)
                moved += 1

    queue = list(bursts)
    rp2.DMA.passing = passing
    try:
        while queue:
            before = moved
            words = board.ring.words()
            assert (words - before) % (LAPS * 9 * FRAMES) <= moved - before
    finally:
        rp2.DMA.passing = None


def test_the_read_address_may_stand_beyond_the_table():
    """Of a wrapping channel the bits above the wrap are masked: an address at the table's end is lap 0."""
    board = Board()
    board.capture.start()
    board.control._read = board.ring.table + 4 * LAPS
    assert board.ring.words() == 0


def test_half_a_frame_is_none():
    board = Board()
    board.capture.start()
    board.frame()
    board.machine.give(0xC00000)
    assert not board.capture.refresh()
    assert board.capture.ready == 1
    board.capture.stop()
    assert board.capture.refresh() == 0 and board.read() == [0]


def test_stop_keeps_what_is_there_and_starts_again_at_zero():
    board = Board()
    board.capture.start()
    for _ in range(3):
        board.frame()
    board.capture.stop()
    assert not rp2.violations, rp2.violations
    assert board.bus.whose == "spi" and not board.machine.running
    assert not board.data.left
    board.capture.refresh()
    assert board.read() == [0, 1, 2]
    board.machine.give(7)  # a word that stayed in the FIFO
    board.capture.reset()
    board.sent = 0
    board.capture.start()
    board.frame()
    board.capture.refresh()
    assert board.read() == [0]


def test_an_abort_of_enabled_channels_is_seen_by_the_model():
    board = Board()
    board.capture.start()
    board.data.active(0)
    assert rp2.violations == ["channel 0 aborted while enabled (RP2350-E5)"]


def test_resync_waits_for_the_end_of_a_frame_and_fills_up_the_words():
    """Five words of a frame were taken when the state machine lost its place."""
    board = Board()
    board.capture.start()
    board.frame()
    for _ in range(5):
        board.machine.give(0)
    calls = []

    def meanwhile():
        calls.append(1)
        if len(calls) == 4:
            for _ in range(9):
                board.machine.give(0)

    board.ticks.meanwhile = meanwhile
    board.capture.resync()
    assert board.ring.words() == 27  # the frame, nine wrong words, nine made up to a whole
    assert board.machine.restarts == 2 and board.machine.running
    board.sent = 3
    board.frame()
    board.capture.refresh()
    assert board.capture.ready == 4
    board.capture.release(3)
    assert board.read() == [3]


def test_resync_does_not_wait_for_a_converter_that_is_silent():
    board = Board()
    board.capture.start()
    board.capture.resync()
    assert board.ticks.now_ms < 20


def test_the_button_is_latched_with_the_frame_of_the_moment_beyond_the_laps():
    board = Board()
    board.capture.start()
    for i in range(LAPS * FRAMES * 3 + 5):
        board.frame()
        if i % FRAMES == 3:
            board.capture.refresh()
            board.read()
    seen = board.capture._seen
    board.capture.latch(True)
    assert board.capture.latched() == board.sent << 1 | 1
    assert board.capture._seen == seen  # an interrupt changes nothing of the reader's
