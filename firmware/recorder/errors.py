# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in the recorder, by kind: each error carries the offending thing as attributes."""


class RecorderError(Exception):
    """Base of all errors of the recorder; `kind` is what a program looks at, the message is for people."""

    kind = "recorder"

    def __init__(self, message, kind=None):
        super().__init__(message)
        self.message = message
        if kind is not None:
            self.kind = kind


class FrontEndError(RecorderError):
    """The converter does not answer as an ADS1298 must."""

    kind = "front_end"


class IdError(FrontEndError):
    """The ID register is not that of an ADS1298: another chip, no power, or no wire."""

    kind = "front_end_id"

    def __init__(self, got, expected):
        super().__init__("register ID reads 0x%02x, an ADS1298 answers 0x%02x: check power, clock and wires" % (got, expected))
        self.got = got
        self.expected = expected


class RegisterError(FrontEndError):
    """A register did not keep what was written to it."""

    kind = "front_end_register"

    def __init__(self, name, wrote, got):
        super().__init__("register %s: wrote 0x%02x, reads 0x%02x" % (name, wrote, got))
        self.name = name
        self.wrote = wrote
        self.got = got


class SettingError(RecorderError):
    """A setting that the recorder does not have: the caller's mistake, not the hardware's."""

    kind = "setting"


class CardError(RecorderError):
    """The card cannot be used; `kind` says why, the message says what to do.

    Kinds: card_not_fat32, card_fragmented, card_too_small, card_write_protected, card_damaged, card_write.
    """

    kind = "card"


class StateError(RecorderError):
    """Asked for something that the present state does not allow (start while recording)."""

    kind = "state"
