# SPDX-License-Identifier: Apache-2.0
"""The Pico's PIO program as the firmware defines it, in an emulator of the RP2040's PIO, against an ADS1298 bit by bit."""

import importlib.util
import itertools
import random
import sys
from array import array
from pathlib import Path

import pytest
from conftest import FIRMWARE
from recorder import frame

pytest.importorskip("pioemu", reason="no rp2040-pio-emulator (PyPI)")
from pioemu import State, clock_cycles_reached, emulate

STAND_IN = Path(__file__).resolve().parent / "stand_in"
DOUT, DRDY, SCLK = 0, 1, 2  # as the emulator numbers pins: IN base 0
PERIOD = 1500  # cycles between two DRDY; on a board 15,000 to 60,000


def load(path, name, **standing):
    """Import a file as `name` while modules of other names stand in."""
    kept = {other: sys.modules.get(other) for other in standing}
    sys.modules.update(standing)
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for other, before in kept.items():
            if before is None:
                del sys.modules[other]
            else:
                sys.modules[other] = before
    return module


pio_asm = load(STAND_IN / "pio_asm.py", "pio_asm")
rp2 = load(STAND_IN / "rp2.py", "rp2_stand_in", pio_asm=pio_asm)
drdy_pio = load(FIRMWARE / "boards/pico2w/drdy_pio.py", "drdy_pio_under_test", rp2=rp2)
PROGRAM = drdy_pio.take_frames


class BitChip:
    """An ADS1298 in continuous mode (SBAS459): DOUT changes on SCLK's rising edge, DRDY rises with its first falling one.

    A frame is loaded when DRDY falls, whatever was clocked before; one that nobody reads ends 4 t_CLK before the next.
    `slips` is {frame: (bit, edges)}: before that bit the chip sees so many edges more (a spike) or, -1, misses one.
    """

    def __init__(self, frames, first=700, slips=None):
        self.frames = frames
        self.slips = slips or {}
        self.falls = first
        self.at = -1
        self.bits = []
        self.drdy = self.dout = self.sclk = 0
        self.edges = 0
        self.low_since = None
        self.log = []  # (frame, cycle of DRDY, edges) of the one before
        self.rises = []  # cycles of SCLK's rising edges

    def pins(self, state: State) -> int:
        now = state.clock
        sclk = state.pin_values >> SCLK & 1
        if sclk and not self.sclk:
            self.rises.append(now)
            self._shift()
        elif self.sclk and not sclk and self.edges == 1:
            self.drdy = 1
        self.sclk = sclk
        if now >= self.falls:
            self._load(now)
        elif now >= self.falls - 30:
            self.drdy = 1
        return self.dout << DOUT | self.drdy << DRDY

    def _shift(self):
        bit, more = self.slips.get(self.at, (-1, 0))
        self.edges += 1
        steps = 1 + (more if self.edges - 1 == bit else 0)
        for _ in range(steps):
            self.dout = self.bits.pop(0) if self.bits else 0

    def _load(self, now):
        self.log.append((self.at, now, self.edges))
        self.at += 1
        self.falls += PERIOD
        self.edges = 0
        self.drdy = 0
        word = 0
        for value in self.frames[self.at % len(self.frames)]:
            word = word << 24 | value
        self.bits = [word >> i & 1 for i in range(215, -1, -1)]


def run(chip, n_frames):
    """Let the program run until `n_frames` conversions are over; return the words that DMA would have taken."""
    words = []
    settings = PROGRAM.settings
    for _, state in emulate(
        PROGRAM.words,
        stop_when=clock_cycles_reached(chip.falls + n_frames * PERIOD - 40),
        initial_state=State(pin_directions=1 << SCLK),
        input_source=chip.pins,
        auto_push=settings["autopush"],
        push_threshold=settings["push_thresh"],
        shift_isr_right=settings["in_shiftdir"] != rp2.PIO.SHIFT_LEFT,
        side_set_base=SCLK,
        side_set_count=PROGRAM.side_bits,
        wrap_target=PROGRAM.wrap_target_at,
        wrap_top=PROGRAM.wrap_at,
    ):
        while state.receive_fifo:
            words.append(state.receive_fifo.popleft())
    return words


def some_frames(n, seed=1):
    rng = random.Random(seed)
    return [[0xC00000 | rng.getrandbits(20)] + [rng.getrandbits(24) for _ in range(8)] for _ in range(n)]


def unpacked(words):
    """Return [reason] of each frame, as the session's unpacker finds them."""
    ring = array("I", words).tobytes()
    out = array("i", bytes(32))
    reasons = []
    for offset in range(0, len(ring), 36):
        result = array("i", [0, 0])
        frame.unpack_words(ring, offset, 1, out, 0, 6, 0, 0, result)
        reasons.append(result[0])
    return reasons


def test_the_words_are_those_of_another_assembler():
    """Expected: adafruit_pioasm 1.3.8 over the same eight lines of pioasm, `.side_set 1`."""
    assert [hex(word) for word in PROGRAM.words] == EXPECTED


EXPECTED = ["0x20a1", "0x2021", "0xe048", "0xe037", "0xb142", "0x4001", "0x44", "0x83"]


def test_encodings_of_the_data_sheet():
    """RP2350 data sheet 11.4: opcode in bits 15:13, side-set and delay in 12:8."""

    def every():
        wait(1, gpio, 3)  # noqa: F821
        jmp("here")  # noqa: F821
        label("here")  # noqa: F821
        in_(pins, 32)  # noqa: F821
        push()[31]  # noqa: F821
        set(pins, 31)  # noqa: F821

    made = pio_asm.asm_pio()(every).words
    assert made == [0x2083, 0x0002, 0x4000, 0x8020 | 31 << 8, 0xE01F]


def test_every_frame_comes_out_exact():
    frames = some_frames(6)
    chip = BitChip(frames)
    words = run(chip, 6)
    assert words == [word for one in frames for word in one]
    assert [edges for _, _, edges in chip.log[1:]] == [216] * 5  # no clock too many, none too few


def test_a_frame_takes_the_cycles_that_the_firmware_says():
    chip = BitChip(some_frames(3))
    run(chip, 3)
    falls = chip.log[1][1]
    rises = [cycle for cycle in chip.rises if falls <= cycle < falls + PERIOD]
    assert {b - a for a, b in itertools.pairwise(rises)} == {4, 6}  # a bit; a word's end
    # From the WAIT that saw DRDY fall to the WAIT for the next: the last bit's four cycles and the word's JMP behind it.
    assert rises[-1] + 3 + 1 - falls <= drdy_pio.CYCLES_A_FRAME
    frame_us = drdy_pio.CYCLES_A_FRAME / drdy_pio.PIO_HZ * 1e6
    assert frame_us < 1000 / 4  # at 1000 samples/s three quarters of the time are left
    assert drdy_pio.SCLK_HZ <= 20e6  # t_SCLK 50 ns


def test_it_never_begins_in_the_middle_of_a_conversion():
    """DRDY is low and part of the frame is gone when the state machine starts."""
    frames = some_frames(3)
    chip = BitChip(frames, first=0)
    chip.pins(State())
    chip.bits = chip.bits[40:]
    words = run(chip, 2)
    assert words[:9] == frames[1]


@pytest.mark.parametrize(("bit", "edges"), [(0, -1), (1, -1), (2, -1), (0, 1), (1, 1)])
def test_a_slipped_bit_shows_in_the_status_nibble_and_is_over_with_the_next_frame(bit, edges):
    """1100b read from its second bit on, or with a bit twice, is another nibble."""
    frames = some_frames(4)
    frames[1][0] = 0xC00000  # no lead off: nothing in the status word helps
    chip = BitChip(frames, slips={1: (bit, edges)})
    words = run(chip, 4)
    assert unpacked(words) == [frame.GOOD, frame.SLIPPED, frame.GOOD, frame.GOOD]
    assert words[18:] == frames[2] + frames[3]


def test_a_slip_behind_the_nibble_is_not_seen():
    """The limit of the nibble, as docs/DESIGN.md tells it: the frame passes, one sample of some leads is wrong."""
    frames = some_frames(3)
    chip = BitChip(frames, slips={1: (100, 1)})
    words = run(chip, 3)
    assert unpacked(words) == [frame.GOOD] * 3
    assert words[9:13] == frames[1][:4] and words[13:18] != frames[1][4:] and words[18:] == frames[2]
