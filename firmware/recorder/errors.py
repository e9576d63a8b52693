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


class NotThereError(RecorderError):
    """What was asked for was never kept, or is no more."""

    kind = "not_there"


class CardError(RecorderError):
    """The card cannot be used; `kind` says why, the message says what to do.

    Kinds: card_not_fat32, card_fragmented, card_too_small, card_write_protected, card_damaged, card_write,
    card_gone, card_false_size.
    """

    kind = "card"


class StateError(RecorderError):
    """Asked for something that the present state does not allow (start while recording)."""

    kind = "state"


class SdError(OSError):
    """Something about the SD card on its wires. An OSError, so that FatFs and the store take it for what it is.

    `kind` is for programs, `errno` (the first argument) for file systems, `message` for people. `again`: the wires or
    the moment may be to blame, trying again at once makes sense. `whole_card`: no other sector would fare better.
    """

    kind = "sd"
    code = 5  # EIO
    again = False
    whole_card = False

    def __init__(self, message):
        super().__init__(self.code, message)
        self.message = message


class SdAbsent(SdError):
    """Nothing answers, or what answers was reset: no card, pulled, or no contact."""

    kind = "sd_absent"
    code = 19  # ENODEV
    again = True
    whole_card = True


class SdTimeout(SdError):
    """The card (or a line held low) kept the recorder waiting for longer than it waits."""

    kind = "sd_timeout"
    code = 110  # ETIMEDOUT
    again = True
    whole_card = True


class SdCrc(SdError):
    """A command or a data block did not get over the wires."""

    kind = "sd_crc"
    again = True


class SdRefused(SdError):
    """The card did not write or read this: its own error bits are in the message."""

    kind = "sd_refused"


class SdRange(SdError):
    """A sector that the card does not have, whatever its registers say."""

    kind = "sd_range"
    code = 22  # EINVAL


class SdProtected(SdError):
    """The card is write-protected."""

    kind = "sd_protected"
    code = 30  # EROFS
    whole_card = True


class SdChanged(SdError):
    """The card that was put in is not the one that was taken out."""

    kind = "sd_changed"
    code = 6  # ENXIO
    whole_card = True


class SdUnusable(SdError):
    """This is no card for the recorder: not SD, not at 3.3 V, or it never gets ready."""

    kind = "sd_unusable"
    code = 95  # EOPNOTSUPP
    again = True  # a card that is just being pushed in says odd things
    whole_card = True
