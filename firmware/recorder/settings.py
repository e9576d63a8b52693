# SPDX-License-Identifier: Apache-2.0
"""What the owner may choose (docs/SPEC.md 6.5, settings): names, types, limits, and how they are kept.

A change is taken whole or not at all, and counts once the box's flash has it. What is kept under a name or with a value that
this firmware does not know is passed over, not thrown away by reading.
"""

import json

from . import constants as c
from .ads1298_map import GAIN_BITS, RATE_BITS
from .errors import SettingError
from .recorder import Signal

NAME_BYTES = 20


def _one_of(*allowed):
    def check(value):
        return type(value) is int and value in allowed, "one of %s" % ", ".join(str(v) for v in sorted(allowed))

    return check


def _whole(low, high, zero=False):
    def check(value):
        words = "%d to %d%s" % (low, high, ", or 0 for none" if zero else "")
        return type(value) is int and (low <= value <= high or (zero and value == 0)), words

    return check


def _flag(value):
    return type(value) is bool, "true or false"


def _name(value):
    return type(value) is str and len(value.encode()) <= NAME_BYTES, "text of at most %d bytes" % NAME_BYTES


TABLE = (
    ("name", "", _name),
    ("rate_hz", 500, _one_of(*RATE_BITS)),
    ("gain", 6, _one_of(*GAIN_BITS)),
    ("shift", 6, _whole(0, 15)),
    ("codec", c.CODEC_ADAPTIVE, _one_of(c.CODEC_RAW24, c.CODEC_ADAPTIVE)),
    ("rate_low_bpm", 40, _whole(20, 120, zero=True)),
    ("rate_high_bpm", 150, _whole(60, 300, zero=True)),
    ("pause_ms", 3000, _whole(1500, 30000, zero=True)),
    ("battery_low_mv", 3500, _whole(2500, 4200, zero=True)),
    ("open_heart_rate", False, _flag),
    ("encrypt_card", False, _flag),
)
_CHECKS = {name: check for name, _, check in TABLE}
_OF_RECORDER = ("name", "open_heart_rate", "encrypt_card")


def checked(changes):
    """Raise SettingError, naming all that is wrong, unless `changes` is {name: value} of settings there are."""
    if type(changes) is not dict:
        raise SettingError("settings are a JSON object of names and values")
    wrong = []
    for name, value in changes.items():
        if name not in _CHECKS:
            wrong.append("%s: there is no such setting" % name)
            continue
        good, words = _CHECKS[name](value)
        if not good:
            wrong.append("%s: %s, got %s" % (name, words, json.dumps(value)))
    if wrong:
        raise SettingError("; ".join(wrong))


class Settings:
    """`kept` is a Kept, or None where nothing outlives the power; `defaults` are the board's own, instead of those of TABLE.

    `chosen` holds what was ever chosen.
    """

    def __init__(self, kept=None, defaults=None):
        self._kept = kept
        self._defaults = defaults or {}
        self.chosen = {}
        data = kept.load() if kept else None
        if data:
            self._read(data)

    def _read(self, data):
        try:
            found = json.loads(data.decode())
        except ValueError:
            return
        if type(found) is dict:
            for name, value in found.items():
                if name in _CHECKS and _CHECKS[name](value)[0]:
                    self.chosen[name] = value

    def __getitem__(self, name):
        if name in self.chosen:
            return self.chosen[name]
        if name in self._defaults:
            return self._defaults[name]
        for known, value, _ in TABLE:
            if known == name:
                return value
        raise KeyError(name)

    def all(self):
        """Return {name: value} of all settings."""
        return {name: self[name] for name, _, _ in TABLE}

    def change(self, changes):
        """Take `changes` and keep them; raises SettingError or, when the flash fails, OSError: nothing is changed then."""
        checked(changes)
        chosen = dict(self.chosen)
        chosen.update(changes)
        low, high = (chosen.get(name, self[name]) for name in ("rate_low_bpm", "rate_high_bpm"))
        if low and high and low >= high:
            raise SettingError("rate_low_bpm %d is not below rate_high_bpm %d" % (low, high))
        if self._kept:
            self._kept.save(json.dumps(chosen).encode())
        self.chosen = chosen

    def apply(self, recorder):
        """Hand the recorder what it looks at itself."""
        for name in _OF_RECORDER:
            if name in self.chosen:
                setattr(recorder, name, self.chosen[name])

    def signal(self):
        """Return the Signal to record when nobody says otherwise."""
        return Signal(int(self["rate_hz"]), int(self["gain"]), int(self["shift"]))
