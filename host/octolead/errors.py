# SPDX-License-Identifier: Apache-2.0
"""The kinds of errors. Calling a function wrongly is a ValueError and none of these."""

from __future__ import annotations

from enum import StrEnum


class OctoleadError(Exception):
    """Base of everything that can be wrong with data, a file, a card or a device."""


class BlockFault(StrEnum):
    """What can be wrong with a block (docs/SPEC.md, section 3)."""

    MAGIC = "magic"
    CUT = "cut"
    HEADER_BYTES = "header_bytes"
    BLOCK_BYTES = "block_bytes"
    HEADER_CRC = "header_crc"
    N_FRAMES = "n_frames"
    N_LEADS = "n_leads"
    RATE = "rate_mhz"
    STEP = "step"
    PAYLOAD_BYTES = "payload_bytes"
    MAJOR_VERSION = "major_version"
    FLAGS = "flags"
    ENCRYPTED = "encrypted"
    CODEC = "codec"
    BODY_CRC = "body_crc"
    PAYLOAD = "payload"
    EVENT = "event"


class BlockError(OctoleadError):
    """The bytes of a block are bad, or of a kind this version does not read.

    Attributes:
        kind: what is wrong.
        offset: byte at which the block begins.
        expected: the number that should stand there (for a CRC: the stored one), where there is one.
        got: the number that stands there (for a CRC: the computed one).
    """

    def __init__(self, kind: BlockFault, offset: int, expected: int | None = None, got: int | None = None, message: str = "") -> None:
        super().__init__(message or f"block at byte {offset}: {kind}: expected {expected}, got {got}")
        self.kind = kind
        self.offset = offset
        self.expected = expected
        self.got = got


class SourceError(OctoleadError):
    """A file, folder, image or card cannot be read as a recording.

    Attributes:
        path: what was opened.
        kind: one word or two, for programs.
        offset: byte at which it shows, where there is one.
    """

    def __init__(self, message: str, *, path: str = "", kind: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.kind = kind
        self.offset = offset


class CardKeyError(SourceError):
    """A recording is enciphered and there is no key (kind ``encrypted``), or the key is another recorder's (``wrong-key``).

    Attributes:
        device_id: of the recorder whose key it takes, 16 hexadecimal digits.
    """

    def __init__(self, message: str, *, path: str = "", kind: str = "", device_id: str = "") -> None:
        super().__init__(message, path=path, kind=kind)
        self.device_id = device_id


class ImportRefused(OctoleadError):
    """A record of another format is sound, but of a kind that is not converted."""


class SessionError(SourceError):
    """A source holds no readable session, or not the one asked for."""


class SignalRangeError(OctoleadError, ValueError):
    """Frames outside a recording were asked for.

    Attributes:
        start, stop: what was asked for.
        n_frames: what is there.
    """

    def __init__(self, message: str, *, start: int, stop: int, n_frames: int) -> None:
        super().__init__(message)
        self.start, self.stop, self.n_frames = start, stop, n_frames


class UnknownLeadError(OctoleadError, ValueError):
    """A lead was asked for that is not there.

    Attributes:
        lead: its name.
        leads: those that are there.
    """

    def __init__(self, message: str, *, lead: str, leads: tuple[str, ...]) -> None:
        super().__init__(message)
        self.lead, self.leads = lead, leads


class SimulatorError(OctoleadError):
    """The simulated recorder could not be run, or failed.

    Attributes:
        returncode: of its process, where there was one.
    """

    def __init__(self, message: str, *, returncode: int | None = None) -> None:
        super().__init__(message)
        self.returncode = returncode


class LinkError(OctoleadError):
    """Base of what goes wrong between this computer and a recorder."""


class LinkLostError(LinkError):
    """The connection is gone, or the recorder does not answer; trying again may help."""


class LinkProtocolError(LinkError):
    """What came is not what docs/SPEC.md section 6 says; the session is over."""


class KeyRefusedError(LinkError):
    """The key is not that of this recorder."""


class LinkRefusedError(LinkError):
    """The recorder takes no session now.

    Attributes:
        refusal: a value of `refusal`.
        wait_s: seconds after which it takes one, 0 if waiting does not help.
    """

    def __init__(self, message: str, *, refusal: int, wait_s: int = 0) -> None:
        super().__init__(message)
        self.refusal, self.wait_s = refusal, wait_s


class AnswerError(LinkError):
    """The recorder answered a request with something else than OK.

    Attributes:
        command: a value of `command`.
        answer: a value of `answer`.
        words: what the recorder said.
    """

    def __init__(self, message: str, *, command: int, answer: int, words: str) -> None:
        super().__init__(message)
        self.command, self.answer, self.words = command, answer, words


class ArchiveError(OctoleadError):
    """A folder that cannot take recordings home."""


class PyramidError(OctoleadError):
    """A file that is no sound pyramid; the message says what is wrong with it. It can be made anew."""


class EditError(OctoleadError):
    """A change of beats or episodes that cannot be made, or a log of changes that cannot be read."""


class CalibrationError(OctoleadError):
    """A calibration that cannot be used, or a recorder that could not be calibrated.

    Attributes:
        kind: one word, for programs: damaged, version, altered, device, other, signature, leads, gain; while calibrating: not_connected,
            dead_lead, saturated, frequency, amplitude, shape, limits, repeatability, frames, refused.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class MeasureError(OctoleadError):
    """What was recorded does not hold what is to be measured; the message says what to look at."""


class FlashError(OctoleadError):
    """A board could not be given its firmware.

    Attributes:
        kind: one word or two, for programs: no_board, several_boards, in_use, wrong_board, wrong_micropython, full, damaged,
            unplugged, release, drive, download, no_release, provisioned, settings,
            no_bootloader, esptool.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class KeyStoreError(OctoleadError):
    """The place where device keys are kept on this computer cannot be used, or holds no such key.

    Attributes:
        kind: one word, for programs: keyring, file, passphrase, damaged, unknown, label.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
