# SPDX-License-Identifier: Apache-2.0
"""Requests of the link (docs/SPEC.md 6.5) and their answers, as methods; whoever carries them gives `request`."""

from __future__ import annotations

import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import _constants as c
from ..errors import AnswerError, LinkProtocolError

ANSWER_S = 10.0
NO_FRAME = 2**64 - 1


@dataclass(frozen=True)
class Status:
    """`link_status` of docs/SPEC.md 6.5; `more` is everything else the recorder says."""

    fields: dict[str, Any]
    more: dict[str, Any]

    @property
    def state(self) -> str:
        """Such as ``idle`` or ``recording``."""
        return c.RECORDER_STATE_NAMES.get(self.fields["state"], str(self.fields["state"])).lower()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        fields = {name: value.hex() if isinstance(value, bytes) else value for name, value in self.fields.items()}
        return {**fields, "state": self.state, "more": self.more}


@dataclass(frozen=True)
class Range:
    """`link_range` of docs/SPEC.md 6.5: which blocks can be fetched."""

    ring_id: bytes
    oldest_seq: int
    next_seq: int
    n_slots: int
    slot_bytes: int


class Requests(ABC):
    """What a recorder can be asked for."""

    @abstractmethod
    async def request(self, command: int, arguments: bytes = b"", *, timeout_s: float = ANSWER_S) -> bytes:
        """Send a request and return the data of its answer.

        Raises:
            AnswerError: the recorder answered with something else than OK.
            LinkError: the session is over, or nothing came in time.
        """

    async def status(self) -> Status:
        """What the recorder is doing."""
        data = await self.request(c.COMMAND_STATUS)
        fields = _unpack(c.LINK_STATUS_FORMAT, data[: c.LINK_STATUS_SIZE])
        more = json.loads(data[c.LINK_STATUS_SIZE :] or b"{}")
        return Status(dict(zip(c.LINK_STATUS_FIELDS, fields, strict=True)), more)

    async def identity(self) -> dict[str, Any]:
        """Device id, board, firmware, calibration."""
        return dict(json.loads(await self.request(c.COMMAND_IDENTITY)))

    async def start(
        self, *, rate_hz: int = 500, gain: int = 6, shift: int = 6, source: int = c.SIGNAL_SOURCE_ELECTRODES, codec: int = c.CODEC_ADAPTIVE
    ) -> bytes:
        """Begin to record; return the session's id, 8 bytes."""
        return await self.request(c.COMMAND_START, struct.pack("<HBBBB", rate_hz, gain, shift, source, codec))

    async def start_as_set(self) -> bytes:
        """Begin to record as the recorder's settings say; return the session's id, 8 bytes."""
        return await self.request(c.COMMAND_START)

    async def settings(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All settings, after `changes` (docs/SPEC.md 6.5).

        Raises:
            AnswerError: one of them cannot be; nothing is changed then.
        """
        words = json.dumps(changes, ensure_ascii=False, separators=(",", ":")).encode() if changes else b""
        return dict(json.loads(await self.request(c.COMMAND_SETTINGS, words)))

    async def self_test(self) -> dict[str, Any]:
        """What the recorder finds when it tests itself: {part: {"ok": bool | None, "words", ...}, "ok": bool, "took_ms"}."""
        return dict(json.loads(await self.request(c.COMMAND_SELF_TEST, timeout_s=3 * ANSWER_S)))

    async def calibration(self) -> bytes | None:
        """The record of the calibration that the recorder keeps (`octolead.calibration.parse` reads it), None when it has none."""
        try:
            return await self.request(c.COMMAND_CALIBRATION)
        except AnswerError as error:
            if error.answer in (c.ANSWER_NOT_THERE, c.ANSWER_UNKNOWN_COMMAND):  # none yet, or firmware of before
                return None
            raise

    async def calibrate(self, record: bytes) -> None:
        """Have an idle recorder keep this record, for its sessions to come.

        Raises:
            AnswerError: it records, or the record is not sound and signed for it; it keeps the one it had.
        """
        await self.request(c.COMMAND_CALIBRATION, record)

    async def erase(self, newest_session: bytes) -> None:
        """Forget all recordings on the card; `newest_session` shows which card is meant (`more["newest_session"]` of the status).

        The samples stay on the card until they are overwritten.

        Raises:
            AnswerError: it records, or another session is the newest.
        """
        await self.request(c.COMMAND_ERASE, newest_session, timeout_s=3 * ANSWER_S)

    async def stop(self) -> int:
        """End the session in order; return its number of frames."""
        return int(_unpack("<Q", await self.request(c.COMMAND_STOP, timeout_s=3 * ANSWER_S))[0])

    async def mark(self, text: str = "") -> int:
        """Mark this moment; return its frame."""
        return int(_unpack("<Q", await self.request(c.COMMAND_MARK, text.encode()))[0])

    async def set_time(self, utc_us: int, uncertainty_ms: int) -> int | None:
        """Tell the time of day; return the frame it was told at, None when nothing is recorded."""
        frame = int(_unpack("<Q", await self.request(c.COMMAND_SET_TIME, struct.pack("<qI", utc_us, uncertainty_ms)))[0])
        return None if frame == NO_FRAME else frame

    async def range(self) -> Range:
        """Which blocks can be fetched."""
        return Range(*_unpack(c.LINK_RANGE_FORMAT, await self.request(c.COMMAND_RANGE)))

    async def ping(self, data: bytes = b"") -> bytes:
        """The same bytes, there and back."""
        return await self.request(c.COMMAND_PING, data)


def _unpack(layout: str, data: bytes) -> tuple[Any, ...]:
    if struct.calcsize(layout) != len(data):
        raise LinkProtocolError(f"an answer of {len(data)} bytes, {struct.calcsize(layout)} are due: is the recorder's firmware older?")
    return struct.unpack(layout, data)
