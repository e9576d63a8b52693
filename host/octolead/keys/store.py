# SPDX-License-Identifier: Apache-2.0
"""What a place for keys must do, and what is the same in all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import KeyStoreError
from .entry import KEY_BYTES, Entry


class KeyStore(ABC):
    """Keys by device id (16 hexadecimal digits, small letters).

    Attributes:
        where: what to call the place in messages.
    """

    where: str

    @abstractmethod
    def entry(self, device_id: str) -> Entry:
        """What is kept of a recorder; an empty Entry where nothing is.

        Raises:
            KeyStoreError: the place cannot be read.
        """

    @abstractmethod
    def put(self, device_id: str, entry: Entry) -> None:
        """Keep it.

        Raises:
            KeyStoreError: the place cannot be written.
        """

    @abstractmethod
    def forget(self, device_id: str) -> None:
        """Keep nothing of this recorder."""

    @abstractmethod
    def ids(self) -> list[str] | None:
        """Device ids that are known, sorted; None where the place does not tell."""

    def candidates(self, device_id: bytes) -> list[bytes]:
        """Keys that a recorder may have, the likeliest first.

        Raises:
            KeyStoreError: `unknown`: there is none.
        """
        found = self.entry(device_id.hex()).candidates()
        if not found:
            raise KeyStoreError(
                "unknown",
                f"no key of recorder {device_id.hex()} in {self.where}: `octolead keys add` takes it from the label, "
                "`octolead provision` gives the recorder a new one, --key FILE names a file with it",
            )
        return found

    def begin(self, device_id: str, key: bytes) -> None:
        """A key is about to be sent to the recorder."""
        self.put(device_id, self.entry(device_id).begun(_checked(key)))

    def settle(self, device_id: str, key: bytes) -> None:
        """The recorder has this key."""
        before = self.entry(device_id)
        if before != before.settled(_checked(key)):
            self.put(device_id, before.settled(key))


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
    return key
