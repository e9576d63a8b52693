# SPDX-License-Identifier: Apache-2.0
"""Keys in the system's keyring (Secret Service, macOS Keychain, Windows Credential Locker). The only file that knows `keyring`."""

from __future__ import annotations

import contextlib

import keyring
from keyring.errors import KeyringError, PasswordDeleteError

from ..errors import KeyStoreError
from .entry import Entry
from .store import KeyStore

SERVICE = "octolead"
_SECURE = 1
"""Priority from which `keyring` recommends a backend; below it are those that keep plain text, and the ones that fail."""


def is_there() -> bool:
    """Is there a keyring on this computer that keeps secrets enciphered?"""
    return float(keyring.get_keyring().priority) >= _SECURE


class Keyring(KeyStore):
    """The keyring of whoever is logged in."""

    where = "the keyring"

    def entry(self, device_id: str) -> Entry:
        """What is kept of a recorder."""
        try:
            text = keyring.get_password(SERVICE, device_id)
        except (KeyringError, OSError) as error:
            raise _refused(error) from None
        return Entry.from_json(text, self.where) if text else Entry()

    def put(self, device_id: str, entry: Entry) -> None:
        """Keep it."""
        try:
            keyring.set_password(SERVICE, device_id, entry.to_json())
        except (KeyringError, OSError) as error:
            raise _refused(error) from None

    def forget(self, device_id: str) -> None:
        """Keep nothing of this recorder."""
        try:
            with contextlib.suppress(PasswordDeleteError):
                keyring.delete_password(SERVICE, device_id)
        except (KeyringError, OSError) as error:
            raise _refused(error) from None

    def ids(self) -> None:
        """A keyring does not tell what it has."""
        return


def _refused(error: Exception) -> KeyStoreError:
    return KeyStoreError(
        "keyring", f"the keyring did not answer ({type(error).__name__}): unlock it, or name a file: --keys FILE, or OCTOLEAD_KEYS"
    )
