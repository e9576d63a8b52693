# SPDX-License-Identifier: Apache-2.0
"""The link's cryptography (docs/SPEC.md 6.2 and 6.3): HMAC-SHA256, AES-128 in counter mode, comparison in constant time.

Only SHA-256 and the AES block function are taken from the port: its Unix build has no counter mode and no HMAC. An AES is
a function (key) -> object with encrypt(source, target) for whole blocks, so that the same file runs where there is no `cryptolib`.
"""

from hashlib import sha256

try:
    from cryptolib import aes as _aes
except ImportError:  # CPython: the caller hands in another
    _aes = None

try:
    from .link_crypto_fast import stamp, xor
except ImportError:

    def stamp(blocks, counter, n):
        """Write `counter`, u32 little-endian, at the start of each of `n` 16-byte counter blocks."""
        for at in range(0, 16 * n, 16):
            blocks[at] = counter & 255
            blocks[at + 1] = counter >> 8 & 255
            blocks[at + 2] = counter >> 16 & 255
            blocks[at + 3] = counter >> 24

    def xor(target, offset, stream, n):
        """XOR the first `n` bytes of `stream` into `target` from `offset` on."""
        for i in range(n):
            target[offset + i] ^= stream[i]


_ECB = 1
_HASH_BLOCK = 64


def port_aes(key):
    """Return AES of the port for `key` (16 bytes), block by block."""
    return _aes(key, _ECB)


class Hmac:
    """HMAC-SHA256 (RFC 2104) with one key, as often as needed."""

    def __init__(self, key):
        if len(key) > _HASH_BLOCK:
            key = sha256(key).digest()
        padded = bytes(key) + bytes(_HASH_BLOCK - len(key))
        self._inner = bytes([b ^ 0x36 for b in padded])
        self._outer = bytes([b ^ 0x5C for b in padded])

    def digest(self, *parts):
        """Return the 32 bytes over all `parts`, one after another."""
        inner = sha256(self._inner)
        for part in parts:
            inner.update(part)
        outer = sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()


def same(a, b):
    """True when two strings of bytes are equal; takes as long wherever they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


class CounterMode:
    """AES-128 in counter mode over packets of at most `max_bytes`; the buffers are made once."""

    def __init__(self, key, max_bytes, aes=None):
        self._aes = (aes or port_aes)(key)
        n = (max_bytes + 15) // 16
        blocks = bytearray(16 * n)
        for i in range(n):
            blocks[16 * i + 14] = i >> 8
            blocks[16 * i + 15] = i & 255
        self._blocks = memoryview(blocks)
        self._stream = memoryview(bytearray(16 * n))

    def apply(self, counter, data, offset, n):
        """Encipher or decipher `n` bytes of `data` from `offset` on, in place."""
        blocks = (n + 15) // 16
        if not blocks:
            return
        stamp(self._blocks, counter, blocks)
        self._aes.encrypt(self._blocks[: 16 * blocks], self._stream[: 16 * blocks])
        xor(data, offset, self._stream, n)


def proofs(key, context):
    """Return (proof of the recorder, proof of the host), 16 bytes each, over the context of a session."""
    mac = Hmac(key)
    return mac.digest(b"octolead recorder", context)[:16], mac.digest(b"octolead host", context)[:16]


def session_keys(key, context):
    """Return (host encrypt, host tag, recorder encrypt, recorder tag): 16 and 32 bytes for each side."""
    mac = Hmac(Hmac(key).digest(b"octolead session", context))
    return (
        mac.digest(b"host encrypt")[:16],
        mac.digest(b"host tag"),
        mac.digest(b"recorder encrypt")[:16],
        mac.digest(b"recorder tag"),
    )
