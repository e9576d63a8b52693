# SPDX-License-Identifier: Apache-2.0
"""Chain tags and enciphered bodies (docs/SPEC.md 3.3, 3.4): the keys of a recorder's cards, bytes in, bytes out.

Tags need the standard library only; deciphering needs the extra `link` (`cryptography`).
"""

from __future__ import annotations

import hmac
import struct
import zlib

from . import _constants as c

KEY_BYTES = 32
TAG_BYTES = 16
NO_TAG = bytes(TAG_BYTES)
"""What the first block of a session follows."""

_FLAGS_OF_A_SEAL = c.FLAG_ENCRYPTED | c.FLAG_CHAINED


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


class CardKeys:
    """What is drawn from a device key, 32 bytes. HKDF-SHA256 (RFC 5869).

    Raises:
        ValueError: a key of another length.
    """

    def __init__(self, device_key: bytes) -> None:
        if len(device_key) != KEY_BYTES:
            raise ValueError(f"a device key has {KEY_BYTES} bytes, this one {len(device_key)}")
        self._secret = _mac(b"octolead card", device_key)
        self._chain = _mac(self._secret, b"chain\x01")

    def session_key(self, session_id: bytes) -> bytes:
        """AES-128 key of a session's bodies."""
        return _mac(self._secret, b"encrypt" + session_id + b"\x01")[:16]

    def tag(self, before: bytes, block: bytes) -> bytes:
        """Chain tag of a whole block that follows the sealed block with the tag `before`."""
        bare = bytearray(block)
        at, end = c.BLOCK_HEADER_CHAIN_TAG, struct.unpack_from("<H", bare, c.BLOCK_HEADER_HEADER_BYTES)[0]
        bare[at : at + TAG_BYTES] = NO_TAG
        bare[c.BLOCK_HEADER_BODY_CRC32 : c.BLOCK_HEADER_BODY_CRC32 + 4] = bytes(4)
        bare[end - 4 : end] = bytes(4)
        return _mac(self._chain, before + bytes(bare))[:TAG_BYTES]

    def fits(self, before: bytes, block: bytes) -> bool:
        """Whether the block carries the tag it has after `before`; in constant time."""
        return hmac.compare_digest(self.tag(before, block), tag_of(block))

    def plain(self, block: bytes) -> bytes:
        """A block with its body deciphered and without the two flags, sound by itself; as it is where its body is not the one sealed."""
        header_bytes, flags = _of_header(block)
        body = block[header_bytes:]
        if not flags & c.FLAG_ENCRYPTED or zlib.crc32(body) != struct.unpack_from("<I", block, c.BLOCK_HEADER_BODY_CRC32)[0]:
            return block
        session_id = block[c.BLOCK_HEADER_SESSION_ID : c.BLOCK_HEADER_SESSION_ID + 8]
        body = _apply(self.session_key(session_id), _counter_block(block, flags), body)
        head = bytearray(block[:header_bytes])
        struct.pack_into("<H", head, c.BLOCK_HEADER_FLAGS, flags & ~_FLAGS_OF_A_SEAL)
        head[c.BLOCK_HEADER_CHAIN_TAG : c.BLOCK_HEADER_CHAIN_TAG + TAG_BYTES] = NO_TAG
        struct.pack_into("<I", head, c.BLOCK_HEADER_BODY_CRC32, zlib.crc32(body))
        struct.pack_into("<I", head, header_bytes - 4, zlib.crc32(head[:-4]))
        return bytes(head) + body


def tag_of(block: bytes) -> bytes:
    """The tag that a block carries."""
    return block[c.BLOCK_HEADER_CHAIN_TAG : c.BLOCK_HEADER_CHAIN_TAG + TAG_BYTES]


def _of_header(block: bytes) -> tuple[int, int]:
    header_bytes, _, flags = struct.unpack_from("<HHH", block, c.BLOCK_HEADER_HEADER_BYTES)
    return header_bytes, flags


def _counter_block(block: bytes, flags: int) -> bytes:
    number = struct.unpack_from("<I", block, c.BLOCK_HEADER_BLOCK_NUMBER)[0]
    n_frames = struct.unpack_from("<H", block, c.BLOCK_HEADER_N_FRAMES)[0]
    return struct.pack(c.BODY_COUNTER_FORMAT, number, n_frames, int(bool(flags & c.FLAG_CHECKPOINT)), bytes(5), bytes(4))


def _apply(key: bytes, first: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR

    cipher = Cipher(AES(key), CTR(first)).encryptor()
    return cipher.update(data) + cipher.finalize()
