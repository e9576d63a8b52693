# SPDX-License-Identifier: Apache-2.0
"""Stands in for MicroPython's machine where a board's own files run in a test: pins with owners, buses that a test wires.

A pin is driven by one part of the chip at a time: SIO (value), an SPI or a PIO. Whoever drives it last owns it; an SPI that
moves bytes over a pin which it does not own is an error. Arguments a board's MicroPython does not take are refused.
"""

WDT_RESET = 3
PWRON_RESET = 1


class Wiring:
    """What is on the other end: set by a test before the board's files are imported."""

    def __init__(self):
        self.ticks = None
        self.outputs = {}  # pin: function(level)
        self.spis = {}  # SPI id: object with write and readinto, init if it cares
        self.card = None  # block device behind SDCard
        self.adc = {}  # pin or channel: read_u16 value
        self.longest_watchdog_ms = 16000
        self.timers = []
        self.resets = 0


wiring = Wiring()
levels = {}
owners = {}
handlers = {}


class Pin:
    IN, OUT, ALT = 0, 1, 3
    PULL_UP, PULL_DOWN = 1, 2
    ALT_PIO0 = 6
    IRQ_FALLING, IRQ_RISING = 4, 8

    def __init__(self, number, mode=-1, pull=-1, *, value=None, alt=-1):
        self.number = number
        if mode == Pin.ALT:
            owners[number] = {Pin.ALT_PIO0: "pio0"}[alt]
        elif mode in (Pin.IN, Pin.OUT):
            owners[number] = "sio"
        if pull == Pin.PULL_UP:
            levels.setdefault(number, 1)
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return levels.get(self.number, 0)
        assert owners.get(self.number) == "sio", "pin %d is not an output" % self.number
        level = 1 if level else 0
        levels[self.number] = level
        if self.number in wiring.outputs:
            wiring.outputs[self.number](level)
        return None

    def irq(self, handler=None, trigger=12, hard=False):
        handlers[self.number] = handler
        self.trigger = trigger


def press(number, level):
    """The outside changes a pin; its interrupt comes at once."""
    levels[number] = level
    handler = handlers.get(number)
    if handler:
        handler(Pin(number))


class SPI:
    def __init__(self, number, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        self.name = "spi%d" % number
        self.other = wiring.spis[number]
        self.pins = (sck.number, mosi.number, miso.number)
        self.mode = (polarity, phase)
        for pin in self.pins:
            owners[pin] = self.name
        self.init(baudrate=baudrate)

    def init(self, baudrate=-1, polarity=-1, phase=-1):
        self.baudrate = baudrate
        if hasattr(self.other, "init"):
            self.other.init(baudrate)

    def _mine(self):
        for pin in self.pins:
            assert owners[pin] == self.name, "pin %d is driven by %s, not by %s" % (pin, owners[pin], self.name)

    def write(self, data):
        self._mine()
        self.other.write(data)

    def readinto(self, buffer, fill=0):
        self._mine()
        self.other.readinto(buffer, fill)


class ADC:
    CORE_TEMP = 4
    ATTN_11DB = 3

    def __init__(self, pin, atten=None):
        self.key = pin if isinstance(pin, int) else pin.number

    def read_u16(self):
        return wiring.adc[self.key]


class WDT:
    def __init__(self, id=0, timeout=5000):  # noqa: A002 (its name there)
        if timeout > wiring.longest_watchdog_ms:
            raise ValueError("timeout")
        self.timeout = timeout
        self.feed()

    def feed(self):
        wiring.ticks.watch(self.timeout)


class Timer:
    PERIODIC = 1

    def __init__(self, number=-1, **settings):
        if settings:
            self.init(**settings)

    def init(self, period, mode, callback):
        wiring.timers.append([period * 1000, wiring.ticks.us() + period * 1000, callback, self])


def run_timers():
    """Call what is due."""
    now_us = wiring.ticks.us()
    for timer in wiring.timers:
        while now_us >= timer[1]:
            timer[1] += timer[0]
            timer[2](timer[3])


class SDCard:
    """The ESP32's: answers False where a transfer fails."""

    def __init__(self, slot=1, width=1, *, sck, cmd, data, freq=20000000):
        assert len(data) == width == 4
        if wiring.card is None:
            raise OSError(116)
        self.open = True

    def deinit(self):
        self.open = False

    def ioctl(self, request, argument):
        return wiring.card.ioctl(request, argument)

    def _try(self, function, sector, buffer):
        assert self.open
        try:
            function(sector, buffer)
        except OSError:
            return False
        return True

    def readblocks(self, sector, buffer):
        return self._try(wiring.card.readblocks, sector, buffer)

    def writeblocks(self, sector, buffer):
        return self._try(wiring.card.writeblocks, sector, buffer)


def unique_id():
    return bytes(range(1, 9))


def reset_cause():
    return PWRON_RESET


def reset():
    wiring.resets += 1
