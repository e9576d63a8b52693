# SPDX-License-Identifier: Apache-2.0
"""Which place keys are kept in: what the caller names, the variable OCTOLEAD_KEYS, a keyring, or a file of the user's.

The passphrase of a file comes from OCTOLEAD_PASSPHRASE_FD (the number of an open file descriptor), from OCTOLEAD_PASSPHRASE,
or is asked for; never from the command line, which every process of the computer can see and which a shell remembers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import KeyStoreError
from .store import KeyStore

VARIABLE = "OCTOLEAD_KEYS"
PASSPHRASE, PASSPHRASE_FD = "OCTOLEAD_PASSPHRASE", "OCTOLEAD_PASSPHRASE_FD"
KEYRING = "keyring"
Ask = Callable[[str, bool], str]
"""(words, is it new: then it is to be typed twice) -> passphrase."""


def default_file() -> Path:
    """The user's own file of keys."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "octolead" / "keys.json"


def find_store(where: str | None, ask: Ask) -> KeyStore | None:
    """The place where keys are kept already, None where none has ever been.

    Raises:
        KeyStoreError: it is there and cannot be opened.
    """
    where = where or os.environ.get(VARIABLE)
    file = None if where == KEYRING or (not where and _has_keyring()) else Path(where) if where else default_file()
    if file and not file.exists():
        return None
    return open_store(where, ask)


def open_store(where: str | None, ask: Ask) -> KeyStore:
    """Open a place for keys: `where` is ``keyring`` or a file, None for the default. A file that is not there is made.

    Raises:
        KeyStoreError: `keyring`: there is none; `passphrase`, `damaged`, `file`.
    """
    where = where or os.environ.get(VARIABLE)
    if where == KEYRING or (not where and _has_keyring()):
        if not _has_keyring():
            raise KeyStoreError(
                "keyring",
                "this computer has no keyring that keeps secrets (pip install keyring): name a file: --keys FILE, or OCTOLEAD_KEYS",
            )
        from .ring import Keyring

        return Keyring()
    from .vault import Vault

    path = Path(where) if where else default_file()
    return Vault(path, _passphrase(path, ask))


def _has_keyring() -> bool:
    try:
        from .ring import is_there
    except ImportError:
        return False
    return is_there()


_READ: dict[int, str] = {}
"""What came from a file descriptor, which can be read once."""


def _passphrase(path: Path, ask: Ask) -> str:
    given = os.environ.get(PASSPHRASE_FD)
    if given:
        return _from_descriptor(given)
    return os.environ.get(PASSPHRASE) or ask(f"Passphrase of {path}", not path.exists())


def _from_descriptor(given: str) -> str:
    try:
        number = int(given)
        if number not in _READ:
            with open(number, encoding="utf-8", closefd=False) as file:
                _READ[number] = file.readline().rstrip("\n")
    except (OSError, ValueError) as error:
        raise KeyStoreError("passphrase", f"{PASSPHRASE_FD}={given}: no passphrase can be read from it ({type(error).__name__})") from None
    return _READ[number]
