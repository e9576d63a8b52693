# SPDX-License-Identifier: Apache-2.0
"""What rp2.asm_pio does, from the instruction encodings of the RP2350 data sheet (11.4), as far as the firmware needs it.

The names a PIO function may use stand in a table; the function runs twice over them, first to learn where labels are.
Works on CPython and MicroPython. `test_pio.py` holds it to words that another assembler made.
"""

JMP, WAIT, IN, OUT, PUSH, MOV, IRQ, SET = range(8)
CONDITIONS = {"not_x": 1, "x_dec": 2, "not_y": 3, "y_dec": 4, "x_not_y": 5, "not_osre": 7}
PLACES = {"pins": 0, "x": 1, "y": 2, "null": 3, "pindirs": 4, "isr": 6, "osr": 7}
PIN = 6  # for WAIT it is the source 1, for JMP the condition 6


class Word:
    """The instruction just made: its side-set and delay can still be told."""

    def __init__(self, assembler):
        self.assembler = assembler

    def side(self, value):
        self.assembler.side(value)
        return self

    def __getitem__(self, delay):
        self.assembler.delay(delay)
        return self


class Program:
    """One program: `words`, the settings it was declared with, wrap target and wrap."""

    def __init__(self, settings):
        self.settings = settings
        self.words = []
        self.labels = {}
        self.side_bits = 0 if settings.get("sideset_init") is None else 1
        self.wrap_target_at = 0
        self.wrap_at = None
        self._sided = 0

    def assemble(self, function):
        space = function.__globals__
        kept = dict(space)
        space.update(PLACES)
        space.update(CONDITIONS)
        space.update({"pin": PIN, "gpio": 0})
        for name in ("wrap_target", "wrap", "label", "wait", "set", "nop", "in_", "jmp", "push"):
            space[name] = getattr(self, name)
        try:
            for _ in range(2):
                self.words = []
                self._sided = 0
                function()
        finally:
            space.clear()
            space.update(kept)
        if self.side_bits and self._sided != len(self.words):
            raise ValueError("side-set on some instructions only needs a bit of its own: not known here")
        if self.wrap_at is None:
            self.wrap_at = len(self.words) - 1
        return self

    def _emit(self, kind, argument):
        self.words.append(kind << 13 | argument)
        return Word(self)

    def side(self, value):
        if not self.side_bits or value >> self.side_bits:
            raise ValueError("side-set %d does not fit" % value)
        self._sided += 1
        self.words[-1] |= value << (13 - self.side_bits)

    def delay(self, cycles):
        if cycles >> (5 - self.side_bits):
            raise ValueError("a delay of %d cycles does not fit beside the side-set" % cycles)
        self.words[-1] |= cycles << 8

    # What a PIO function says

    def wrap_target(self):
        self.wrap_target_at = len(self.words)

    def wrap(self):
        self.wrap_at = len(self.words) - 1

    def label(self, name):
        self.labels[name] = len(self.words)

    def wait(self, level, source, index):
        return self._emit(WAIT, level << 7 | (1 if source == PIN else 0) << 5 | index)

    def set(self, place, value):
        return self._emit(SET, place << 5 | value)

    def nop(self):
        return self._emit(MOV, PLACES["y"] << 5 | PLACES["y"])

    def in_(self, place, bits):
        return self._emit(IN, place << 5 | bits & 31)

    def jmp(self, condition, name=None):
        if name is None:
            condition, name = 0, condition
        return self._emit(JMP, condition << 5 | self.labels.get(name, 0))

    def push(self, block=1):
        return self._emit(PUSH, (block & 1) << 5)


def asm_pio(**settings):
    """The decorator."""
    return lambda function: Program(settings).assemble(function)
