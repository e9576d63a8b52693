# SPDX-License-Identifier: Apache-2.0
"""Stands in for MicroPython's rp2: the assembler, a state machine that a test feeds, and a model of the DMA engine.

The engine after the RP2350 data sheet (12.6): a channel moves words from READ_ADDR to WRITE_ADDR at the pace of its TREQ,
and triggers CHAIN_TO when TRANS_COUNT of them are moved; writing the alias AL2_WRITE_ADDR_TRIG sets the address and starts
it. Addresses are those that `memory` gave out. Reading a register lets `passing()` happen first, as time passes on a
board between any two instructions.
"""

import struct

from pio_asm import asm_pio  # noqa: F401 (what the firmware asks of rp2)

_FIELDS = {  # name: (lowest bit, bits), data sheet 12.6.10, CH0_CTRL_TRIG
    "enable": (0, 1),
    "high_pri": (1, 1),
    "size": (2, 2),
    "inc_read": (4, 1),
    "inc_read_rev": (5, 1),
    "inc_write": (6, 1),
    "inc_write_rev": (7, 1),
    "ring_size": (8, 4),
    "ring_sel": (12, 1),
    "chain_to": (13, 4),
    "treq_sel": (17, 6),
    "irq_quiet": (23, 1),
}
_PERMANENT = 0x3F
DMA_BASE = 0x50000000


class PIO:
    OUT_LOW = 2
    SHIFT_LEFT = 0
    JOIN_RX = 2


class Memory:
    """Gives buffers addresses as an RP2350 would, and finds them again."""

    def __init__(self):
        self.next = 0x20000000
        self.shift = 0  # bytes that the next buffer is off a KiB boundary
        self.buffers = []

    def address_of(self, buffer):
        for address, known in self.buffers:
            if known is buffer:
                return address
        address = (self.next + 1023) // 1024 * 1024 + self.shift
        self.next = address + len(buffer)
        self.buffers.append((address, buffer))
        return address

    def at(self, address):
        for start, buffer in self.buffers:
            if start <= address < start + len(buffer):
                return buffer, address - start
        raise AssertionError("the DMA engine went to 0x%08x, where nothing is" % address)


memory = Memory()
channels = []
violations = []  # what a data sheet forbids


def reset():
    """A new board."""
    global memory
    memory = Memory()
    channels.clear()
    violations.clear()
    StateMachine.made = []


def address_of(buffer):
    """uctypes.addressof."""
    return memory.address_of(buffer)


class DMA:
    passing = None

    def __init__(self):
        self.channel = len(channels)
        channels.append(self)
        self._ctrl = self._count = self._read = self._write = 0
        self.left = 0

    def pack_ctrl(self, **fields):
        values = {"enable": 1, "size": 2, "inc_read": 1, "inc_write": 1, "chain_to": self.channel, "treq_sel": _PERMANENT, "irq_quiet": 1}
        values.update(fields)
        word = 0
        for name, value in values.items():
            low, bits = _FIELDS[name]
            value = int(value)
            assert 0 <= value < 1 << bits, (name, value)
            word |= value << low
        return word

    def _field(self, name):
        low, bits = _FIELDS[name]
        return self._ctrl >> low & (1 << bits) - 1

    def config(self, read=None, write=None, count=None, ctrl=None, trigger=False):
        if read is not None:
            self._read = read
        if write is not None:
            self._write = write
        if count is not None:
            assert 0 < count < 1 << 28, "mode NORMAL has 28 bits"
            self._count = count
        if ctrl is not None:
            self._ctrl = ctrl
        if trigger:
            self.trigger()

    @property
    def read(self):
        if DMA.passing:
            DMA.passing()
        return self._read

    @property
    def write(self):
        if DMA.passing:
            DMA.passing()
        return self._write

    def active(self, value=None):
        if value == 0:
            if self._ctrl & 1:
                violations.append("channel %d aborted while enabled (RP2350-E5)" % self.channel)
            self.left = 0
        return self.left > 0

    def trigger(self):
        if not self._ctrl & 1:
            return
        self.left = self._count
        if self._field("treq_sel") == _PERMANENT:
            while self.left:
                self.move(self._load())

    def _load(self):
        buffer, at = memory.at(self._read)
        word = struct.unpack_from("<I", buffer, at)[0]
        self._read = self._next(self._read, "inc_read", 0)
        return word

    def _next(self, address, name, which):
        if not self._field(name):
            return address
        size = self._field("ring_size")
        if size and self._field("ring_sel") == which:
            mask = (1 << size) - 1
            return address & ~mask | address + 4 & mask
        return address + 4

    def move(self, word):
        """One word goes through."""
        assert self._field("size") == 2
        address = self._write
        self._write = self._next(address, "inc_write", 1)
        self.left -= 1
        if address >= DMA_BASE:
            _register(address, word)
        else:
            buffer, at = memory.at(address)
            struct.pack_into("<I", buffer, at, word)
        chain = self._field("chain_to")
        if not self.left and chain != self.channel:
            channels[chain].trigger()


def _register(address, word):
    channel = channels[(address - DMA_BASE) // 0x40]
    assert (address - DMA_BASE) % 0x40 == 0x2C, "only AL2_WRITE_ADDR_TRIG is known"
    channel._write = word
    channel.trigger()


class StateMachine:
    """Its words come from a test: `give` puts one into the FIFO, from where the channel paced by it takes it."""

    made = None  # all of them, where a test wants to feed them

    def __init__(self, number, program, freq, in_base, sideset_base):
        self.number = number
        self.program = program
        self.freq = freq
        self.in_base = in_base
        self.sideset_base = sideset_base
        self.running = 0
        self.restarts = 0
        self.stalled = 0
        self._fifo = []
        if StateMachine.made is not None:
            StateMachine.made.append(self)

    def active(self, value=None):
        if value is not None:
            self.running = value
        return self.running

    def restart(self):
        self.restarts += 1

    def rx_fifo(self):
        return len(self._fifo)

    def get(self):
        return self._fifo.pop(0)

    def exec(self, word):
        assert word == 0x8000, "only PUSH NOBLOCK is known"
        self.give(0)

    def give(self, word):
        treq = 4 + self.number % 4 + 8 * (self.number // 4)
        for channel in channels:
            if channel.left and channel._field("treq_sel") == treq:
                assert channel._read is self, "the channel does not read this machine's FIFO"
                channel.move(word)
                return
        self._fifo.append(word)
        if len(self._fifo) > 8:
            self._fifo.pop()
            self.stalled += 1
