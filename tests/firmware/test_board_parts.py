# SPDX-License-Identifier: Apache-2.0
"""The parts that real boards share, under CPython: watchdog's budget, button, supply, settings, the ESP32's card."""

import json

import pytest
from boards.esp32s3.sdmmc import SdMmc
from boards.parts import settings
from boards.parts.budget import Budget
from boards.parts.button import SETTLE_MS, Button
from boards.parts.supply import Supply, rp2_temperature
from recorder.errors import SdAbsent, SdRange, SdRefused
from recorder.kept import Kept


class Hardware:
    """A watchdog that counts `longest` ms at most, and a timer, on a clock of the test's."""

    def __init__(self, longest):
        self.longest = longest
        self.now = 0
        self.fed_at = None
        self.timer = None

    def watchdog(self, timeout_ms):
        if timeout_ms > self.longest:
            raise ValueError("timeout")
        self.timeout = timeout_ms
        self.feed()
        return self

    def feed(self):
        self.fed_at = self.now

    def make_timer(self, period_ms, function):
        self.timer = (period_ms, function)
        return self.timer

    def reset_after(self, most=100000):
        """Let time pass without progress; return when the hardware bites."""
        began = self.now
        while self.now - began < most:
            self.now += 1
            if self.now - self.fed_at >= self.timeout:
                return self.now - began
            if self.timer and self.now % self.timer[0] == 0:
                self.timer[1](None)
        return None


@pytest.mark.parametrize("longest", [8388, 16777])
def test_without_progress_the_board_resets_after_16_s_whatever_the_hardware_counts(longest):
    """DESIGN 5: longer than a stall that a recording should live through, and bounded."""
    hardware = Hardware(longest)
    budget = Budget(hardware.watchdog, hardware.make_timer)
    for _ in range(3):
        budget.feed()
        hardware.now += 5000
    budget.feed()
    assert 15000 <= hardware.reset_after() <= 17000


class ButtonPin:
    def __init__(self):
        self.level = 1
        self.irqs = {}

    def value(self):
        return self.level

    def irq(self, **settings):
        self.irqs = settings


class Clock:
    def __init__(self):
        self.now = 1000

    def ms(self):
        return self.now

    def diff(self, a, b):
        return a - b


def test_the_first_edge_counts_and_bouncing_does_not():
    pin, clock, seen = ButtonPin(), Clock(), []
    button = Button(pin, lambda pressed: seen.append((clock.now, pressed)), clock, 12, hard=True)
    assert pin.irqs["hard"] and pin.irqs["trigger"] == 12

    def edge(ms, level):
        clock.now += ms
        pin.level = level
        pin.irqs["handler"](pin)

    edge(100, 0)
    for level in (1, 0, 1, 0):
        edge(2, level)
    assert seen == [(1100, True)]
    edge(400, 1)
    edge(1, 0)  # released, and the last bounce ends high with no edge that is seen
    pin.level = 1
    clock.now += SETTLE_MS
    button.look()
    assert seen == [(1100, True), (1508, False)]


def test_a_short_press_whose_release_bounces_away_is_released_at_a_later_look():
    pin, clock, seen = ButtonPin(), Clock(), []
    button = Button(pin, seen.append, clock, 12)
    clock.now += 50
    pin.level = 0
    pin.irqs["handler"](pin)
    clock.now += 5
    pin.level = 1
    pin.irqs["handler"](pin)
    assert seen == [True]
    clock.now += SETTLE_MS
    button.look()
    assert seen == [True, False]


class Adc:
    def __init__(self, value):
        self.value = value

    def read_u16(self):
        return self.value


def test_battery_and_temperature():
    """27 degrees at 706 mV, and 1.721 mV a degree: RP2350 data sheet 12.4.6."""
    at_27 = rp2_temperature(Adc(round(706 / 3300 * 65535)))
    at_37 = rp2_temperature(Adc(round((706 - 17.21) / 3300 * 65535)))
    supply = Supply(Adc(65535), 3300, (2, 1), at_27)
    assert supply()[0] == 6600
    assert abs(supply()[1] - 2700) < 4
    assert abs(at_37() - 3700) < 4


@pytest.mark.parametrize("words", ["", "{", "[1]", '{"rate_hz": "01"}'])
def test_a_settings_file_that_is_damaged_is_as_none(tmp_path, words):
    (tmp_path / "recording.json").write_text(words)
    assert settings.recording(str(tmp_path)) == settings.RECORDING


def test_settings_and_proofs(tmp_path):
    folder = str(tmp_path / "settings")
    counter = settings.ProofCounter(folder)
    assert counter.load() == 0
    counter.save(7)
    assert settings.ProofCounter(folder).load() == 7
    (tmp_path / "settings/recording.json").write_text(json.dumps({"rate_hz": 250, "gain": "6", "other": 1}))
    assert settings.recording(folder) == {**settings.RECORDING, "rate_hz": 250}


def test_an_identity_outlives_a_copy_and_the_old_key_is_gone(tmp_path):
    """SPEC 6.9."""
    folder, chip = str(tmp_path / "settings"), b"\1\2\3\4\5\6\7\x08\x09"
    assert settings.identity(chip, folder) == (chip[:8], None)
    settings.provision(b"\0\xff" * 4, b"\xab" * 32, folder)
    settings.provision(b"\0\xff" * 4, b"\xcd" * 32, folder)
    copies = [tmp_path / "settings" / f"identity.{n}" for n in range(2)]
    assert all(b"\xab" * 32 not in copy.read_bytes() for copy in copies)
    for damaged in copies:
        sound = damaged.read_bytes()
        damaged.write_bytes(sound[:20] + bytes([sound[20] ^ 1]) + sound[21:])
        assert settings.identity(chip, folder) == (b"\0\xff" * 4, b"\xcd" * 32)
        damaged.write_bytes(sound)
    for copy in copies:
        copy.write_bytes(copy.read_bytes()[:-1])
    assert settings.identity(chip, folder) == (chip[:8], None)


@pytest.mark.parametrize("content", [b"", b"\2" + bytes(40), b"\1" + bytes(39), b"\1" + bytes(41)])
def test_an_identity_of_another_kind_is_as_none(tmp_path, content):
    Kept(str(tmp_path / "identity")).save(content)
    assert settings.identity(b"\7" * 9, str(tmp_path)) == (b"\7" * 8, None)


class Card:
    """machine.SDCard of the ESP32: False for failure."""

    def __init__(self, fails):
        self.fails = fails
        self.closed = False

    def ioctl(self, request, argument):
        return 100

    def deinit(self):
        self.closed = True

    def writeblocks(self, sector, buffer):
        if self.fails:
            return self.fails.pop(0)
        return True


def test_what_the_esp32s_card_answers_with_false_is_an_error():
    """Its driver says False where FatFs and most callers take any answer for success."""
    cards = []

    def make():
        cards.append(Card(fails))
        return cards[-1]

    fails = [False]
    card = SdMmc(make)
    card.begin()
    card.writeblocks(0, bytes(1024))  # began anew, written the second time
    assert cards[0].closed and not cards[1].closed and card.repeated == 1 and card.started == 2
    fails.extend([False, False])
    with pytest.raises(SdRefused, match="2 sectors from 7"):
        card.writeblocks(7, bytes(1024))
    with pytest.raises(SdRange, match="sector 99 of 100"):
        card.writeblocks(99, bytes(1024))


def test_no_card_in_the_esp32s_slot():
    def make():
        raise OSError(116)

    card = SdMmc(make)
    with pytest.raises(SdAbsent, match="no card"):
        card.begin()
