# SPDX-License-Identifier: Apache-2.0
"""What is kept of one recorder: the key it has, the one that is on its way to it, those it had."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ..errors import KeyStoreError

KEY_BYTES = 32
MOST_OLDER = 4


@dataclass(frozen=True)
class Entry:
    """Keys of 32 bytes each; none of them stands in the text of this object.

    Attributes:
        current: the key that the recorder confirmed, None before.
        pending: one that was sent, and perhaps arrived.
        older: those before, the newest first: recordings that were enciphered with them stay readable.
    """

    current: bytes | None = field(default=None, repr=False)
    pending: bytes | None = field(default=None, repr=False)
    older: tuple[bytes, ...] = field(default=(), repr=False)

    def candidates(self) -> list[bytes]:
        """All keys, the likeliest first."""
        return [key for key in (self.current, self.pending, *self.older) if key is not None]

    def begun(self, key: bytes) -> Entry:
        """With a key that is about to be sent; one that was sent before stays among the older ones, for it may have arrived."""
        return Entry(self.current, key, _older(self.older, self.pending))

    def settled(self, key: bytes) -> Entry:
        """With the key that the recorder has."""
        before = [each for each in self.candidates() if each != key]
        return Entry(key, None, tuple(before)[:MOST_OLDER])

    def to_json(self) -> str:
        """As text, for a keyring or inside an enciphered file."""
        found = {"current": _hex(self.current), "pending": _hex(self.pending), "older": [key.hex() for key in self.older]}
        return json.dumps({name: value for name, value in found.items() if value})

    @classmethod
    def from_json(cls, text: str, where: str) -> Entry:
        """Read `to_json`'s text.

        Raises:
            KeyStoreError: `damaged`; the message holds nothing of the text.
        """
        try:
            found = json.loads(text)
            older = tuple(_key(key) for key in found.get("older", []))
            current, pending = (_key(found[name]) if name in found else None for name in ("current", "pending"))
        except (ValueError, TypeError, AttributeError):
            raise KeyStoreError("damaged", f"{where}: what is kept of this recorder is damaged") from None
        return cls(current, pending, older)


def _older(older: tuple[bytes, ...], key: bytes | None) -> tuple[bytes, ...]:
    return older if key is None else (key, *older)[:MOST_OLDER]


def _hex(key: bytes | None) -> str:
    return key.hex() if key else ""


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key
