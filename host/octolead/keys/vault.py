# SPDX-License-Identifier: Apache-2.0
"""Keys in a file: AES-256-GCM under a key that scrypt makes of a passphrase.

    {"format": "octolead keys", "version": 1, "n": 131072, "r": 8, "p": 1, "salt": hex, "nonce": hex, "sealed": base64}

`sealed` holds {device id: Entry as text}; everything beside it is authenticated with it. A change is written beside the file
and renamed into its place, with a new nonce; a lock beside it keeps two programs from losing each other's changes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..errors import KeyStoreError
from .entry import Entry
from .store import KeyStore

FORMAT, VERSION = "octolead keys", 1
N, R, P = 1 << 17, 8, 1
"""128 MiB and a few tenths of a second a guess (RFC 7914; OWASP's least for scrypt)."""
_MOST_N, _MOST_R, _MOST_P = 1 << 20, 16, 8
_MOST_BYTES = 16 << 20
LEAST_PASSPHRASE = 8


class Vault(KeyStore):
    """A file of keys. Made where there is none; the passphrase is asked for once.

    Raises:
        KeyStoreError: `passphrase`, `damaged`, `file`.
    """

    def __init__(self, path: Path, passphrase: str) -> None:
        self.where = str(path)
        self._path = path
        self._lock = threading.Lock()
        found = self._read()
        if found is None and len(passphrase) < LEAST_PASSPHRASE:
            raise KeyStoreError("passphrase", f"a passphrase of {LEAST_PASSPHRASE} letters at the least, this one has {len(passphrase)}")
        self._head = _head_of(found, self.where) if found else {"n": N, "r": R, "p": P, "salt": secrets.token_hex(16)}
        self._cipher = AESGCM(_derive(passphrase, self._head))
        if found is None:
            self._write({})
        else:
            self._open(found)

    def __repr__(self) -> str:
        return f"Vault({self.where})"

    def entry(self, device_id: str) -> Entry:
        """What is kept of a recorder."""
        text = self._all().get(device_id)
        return Entry.from_json(text, self.where) if text else Entry()

    def put(self, device_id: str, entry: Entry) -> None:
        """Keep it."""
        with self._changing() as found:
            found[device_id] = entry.to_json()

    def forget(self, device_id: str) -> None:
        """Keep nothing of this recorder."""
        with self._changing() as found:
            found.pop(device_id, None)

    def ids(self) -> list[str]:
        """Device ids that are known."""
        return sorted(self._all())

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        with self._lock, _locked(self._path):
            found = self._all()
            yield found
            self._write(found)

    def _all(self) -> dict[str, str]:
        found = self._read()
        if found is None:
            raise KeyStoreError("file", f"{self.where}: the file of keys is gone")
        return self._open(found)

    def _read(self) -> dict[str, Any] | None:
        try:
            with self._path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyStoreError("file", f"{self.where}: cannot be read: {error.strerror or error}") from None
        try:
            found = json.loads(data[:_MOST_BYTES])
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise KeyStoreError("damaged", f"{self.where}: no file of keys, or damaged: name another: --keys FILE, or OCTOLEAD_KEYS")
        return found

    def _open(self, found: dict[str, Any]) -> dict[str, str]:
        if _head_of(found, self.where) != self._head:
            raise KeyStoreError("passphrase", f"{self.where}: its passphrase was changed meanwhile: call this again")
        try:
            nonce, sealed = bytes.fromhex(found["nonce"]), base64.b64decode(found["sealed"])
            plain = self._cipher.decrypt(nonce, sealed, _bound(self._head))
        except (InvalidTag, KeyError, ValueError, TypeError):
            raise KeyStoreError("passphrase", f"{self.where}: the passphrase is wrong, or the file was altered") from None
        return dict(json.loads(plain))

    def _write(self, entries: dict[str, str]) -> None:
        nonce = secrets.token_bytes(12)
        sealed = self._cipher.encrypt(nonce, json.dumps(entries).encode(), _bound(self._head))
        found = {"format": FORMAT, "version": VERSION, **self._head, "nonce": nonce.hex(), "sealed": base64.b64encode(sealed).decode()}
        new = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
                json.dump(found, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise KeyStoreError("file", f"{self.where}: cannot be written: {error.strerror or error}") from None


def _head_of(found: dict[str, Any], where: str) -> dict[str, Any]:
    """What the key is made with, within limits: a file must not make this program take all memory."""
    head = {name: found.get(name) for name in ("n", "r", "p", "salt")}
    numbers = [value for value in head.values() if type(value) is int]
    if found.get("version") != VERSION or len(numbers) != 3 or not isinstance(head["salt"], str):
        raise KeyStoreError("damaged", f"{where}: version {found.get('version')}, this program knows {VERSION}")
    n, r, p = numbers
    if not (1 < n <= _MOST_N and n & (n - 1) == 0 and 0 < r <= _MOST_R and 0 < p <= _MOST_P):
        raise KeyStoreError("damaged", f"{where}: scrypt with n {n}, r {r}, p {p}: at most {_MOST_N}, {_MOST_R}, {_MOST_P}")
    return head


def _derive(passphrase: str, head: dict[str, Any]) -> bytes:
    salt = head["salt"].encode()
    return bytes(Scrypt(salt=salt, length=32, n=head["n"], r=head["r"], p=head["p"]).derive(passphrase.encode()))


def _bound(head: dict[str, Any]) -> bytes:
    return json.dumps([FORMAT, VERSION, head["n"], head["r"], head["p"], head["salt"]]).encode()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Held while one program changes the file; where the system has no such lock, nothing is held."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.with_name(path.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
