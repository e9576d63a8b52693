# SPDX-License-Identifier: Apache-2.0
"""Settings (SPEC 6.5.1), how they are kept, and the battery's per cent: the firmware's files under CPython."""

import io
import json

import pytest
from recorder import battery
from recorder.errors import SettingError
from recorder.kept import Kept
from recorder.settings import TABLE, Settings

from octolead import _constants as c


class Flash:
    """Files in memory; power goes after `left` more bytes written."""

    def __init__(self):
        self.files = {}
        self.left = None

    def open(self, path, mode):
        if mode == "rb":
            if path not in self.files:
                raise OSError(2)
            return io.BytesIO(self.files[path])
        self.files[path] = b""
        return Writing(self, path)


class Writing:
    def __init__(self, flash, path):
        self.flash, self.path = flash, path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, data):
        flash = self.flash
        n = len(data) if flash.left is None else min(flash.left, len(data))
        flash.files[self.path] += bytes(data[:n])
        if n < len(data):
            raise OSError(5)


def test_what_was_saved_last_is_loaded_and_nothing_is_none():
    kept = Kept("settings", Flash().open)
    assert kept.load() is None
    for n in range(5):
        kept.save(b"x" * n)
        assert kept.load() == b"x" * n


@pytest.mark.parametrize("saves", [0, 1, 2, 3])
def test_power_that_goes_at_any_byte_of_a_save_leaves_the_old_or_the_new(saves):
    for cut in range(60):
        flash = Flash()
        kept = Kept("settings", flash.open)
        old = None
        for n in range(saves):
            old = b"old %d" % n
            kept.save(old)
        flash.left = cut
        try:
            kept.save(b"the new one, longer")
            expected = b"the new one, longer"
        except OSError:
            expected = old
        assert Kept("settings", flash.open).load() == expected, cut
        flash.left = None
        kept.save(b"after")
        assert kept.load() == b"after"


def test_any_flipped_bit_of_a_file_is_not_believed():
    flash = Flash()
    kept = Kept("settings", flash.open)
    kept.save(b"first")
    kept.save(b"second")
    sound = dict(flash.files)
    for path in sound:
        other = {"settings.0": b"second", "settings.1": b"first"}[path]
        for bit in range(8 * len(sound[path])):
            broken = bytearray(sound[path])
            broken[bit // 8] ^= 1 << bit % 8
            flash.files[path] = bytes(broken)
            assert kept.load() == other
        flash.files[path] = sound[path]


def test_a_change_is_taken_whole_or_not_at_all_and_survives():
    flash = Flash()
    settings = Settings(Kept("s", flash.open))
    settings.change({"rate_hz": 1000, "name": "Zoë", "open_heart_rate": True})
    with pytest.raises(SettingError, match="shift: 0 to 15, got 99"):
        settings.change({"gain": 12, "shift": 99})
    again = Settings(Kept("s", flash.open))
    assert again.all() == {**{name: value for name, value, _ in TABLE}, "rate_hz": 1000, "name": "Zoë", "open_heart_rate": True}
    assert (again.signal().rate_hz, again.signal().gain, again.signal().shift) == (1000, 6, 6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate_hz": 501}, "rate_hz: one of 250, 500, 1000, got 501"),
        ({"rate_hz": True}, "rate_hz"),
        ({"gain": "6"}, 'gain: .* got "6"'),
        ({"open_heart_rate": 1}, "true or false, got 1"),
        ({"name": "x" * 21}, "at most 20 bytes"),
        ({"name": "é" * 11}, "at most 20 bytes"),
        ({"volume": 3, "codec": 7}, "no such setting; codec|codec.*no such setting"),
        ({"pause_ms": 200}, "1500 to 30000, or 0 for none"),
        ({"rate_low_bpm": 110, "rate_high_bpm": 100}, "110 is not below rate_high_bpm 100"),
        ([], "JSON object"),
    ],
)
def test_what_cannot_be_is_refused_in_words(changes, words):
    settings = Settings()
    with pytest.raises(SettingError, match=words):
        settings.change(changes)
    assert settings.chosen == {}


def test_a_flash_that_fails_changes_nothing():
    flash = Flash()
    settings = Settings(Kept("s", flash.open))
    flash.left = 3
    with pytest.raises(OSError, match="5"):
        settings.change({"gain": 12})
    assert settings["gain"] == 6


def test_what_a_newer_firmware_kept_is_passed_over_setting_by_setting():
    flash = Flash()
    Kept("s", flash.open).save(json.dumps({"gain": 4, "loudness": 9, "rate_hz": 2000}).encode())
    assert Settings(Kept("s", flash.open)).chosen == {"gain": 4}
    Kept("s", flash.open).save(b"\xff{")
    assert Settings(Kept("s", flash.open)).chosen == {}


def test_the_spec_has_a_row_for_every_setting(request):
    spec = (request.config.rootpath / "docs" / "SPEC.md").read_text()
    table = spec.split("#### 6.5.1 Settings")[1].split("#### 6.5.2")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows == [name for name, _, _ in TABLE]
    assert all(name in [r.lower() for r in c.COMMAND_NAMES.values()] for name in ("settings", "self_test", "erase"))


def test_the_battery_falls_by_the_table_and_rises_in_steps():
    percents = [battery.percent_of(mv) for mv in range(3000, 4300)]
    assert percents == sorted(percents) and percents[0] == 0 and percents[-1] == 100
    shown, seen = battery.UNKNOWN, []
    for mv in (3840, 3842, 3838, 3841, 3780, 3790, 3900, 0):
        shown = battery.shown(shown, mv)
        seen.append(shown)
    assert seen == [50, 50, 49, 49, 32, 32, 63, battery.UNKNOWN]
