# SPDX-License-Identifier: Apache-2.0
"""The link's cryptography (docs/SPEC.md 6.2, 6.3): HMAC-SHA256 of the standard library, AES of the `cryptography` package."""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from .. import _constants as c
from ..errors import LinkError

KEY_BYTES = 32
KeySource = bytes | Callable[[bytes], Iterable[bytes]]
"""A device key, or what returns those that a recorder of this device id (8 bytes) may have."""


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def recorder_proof(key: bytes, context: bytes) -> bytes:
    """What the recorder must show."""
    return mac(key, b"octolead recorder" + context)[: c.LINK_PROOF_BYTES]


def host_proof(key: bytes, context: bytes) -> bytes:
    """What the host must show."""
    return mac(key, b"octolead host" + context)[: c.LINK_PROOF_BYTES]


def same(a: bytes, b: bytes) -> bool:
    """Whether two strings of bytes are equal, in constant time."""
    return hmac.compare_digest(a, b)


@dataclass(frozen=True)
class DirectionKeys:
    """Keys of what one side sends."""

    encrypt: bytes
    tag: bytes


def session_keys(key: bytes, context: bytes) -> tuple[DirectionKeys, DirectionKeys]:
    """Keys of a session: (host's, recorder's)."""
    secret = mac(key, b"octolead session" + context)
    return (
        DirectionKeys(mac(secret, b"host encrypt")[:16], mac(secret, b"host tag")),
        DirectionKeys(mac(secret, b"recorder encrypt")[:16], mac(secret, b"recorder tag")),
    )


def apply_keystream(key: bytes, counter: int, data: bytes) -> bytes:
    """Encipher or decipher the plaintext of the packet with this counter."""
    cipher = Cipher(AES(key), CTR(counter.to_bytes(4, "little") + bytes(12))).encryptor()
    return cipher.update(data) + cipher.finalize()


def read_key(path: str | os.PathLike[str]) -> bytes:
    """Read a device key: a file of 32 bytes, or of 64 hexadecimal digits.

    Raises:
        LinkError: the file cannot be read, holds something else, or others may read it.
    """
    where = Path(path)
    try:
        data = where.read_bytes()
        mode = where.stat().st_mode
    except OSError as error:
        raise LinkError(f"{where}: the key cannot be read: {error.strerror or error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LinkError(f"{where}: others may read this key; take it from them first: chmod 600 {where}")
    if len(data) == KEY_BYTES:
        return data
    try:
        key = bytes.fromhex(data.decode("ascii").strip())
    except (UnicodeDecodeError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise LinkError(f"{where}: a key is {KEY_BYTES} bytes or {2 * KEY_BYTES} hexadecimal digits; this file has {len(data)} bytes")
    return key
