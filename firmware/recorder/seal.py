# SPDX-License-Identifier: Apache-2.0
"""Blocks that show what was done to them, and that only the key opens (docs/SPEC.md 3.3 and 3.4): chain tags, enciphered bodies.

One BlockSeal a session. A few hundred bytes of heap a block, none a frame. Of the port only SHA-256 and the AES block
function are taken: stock boards have no counter mode, and it is ECB over counters by definition.
"""

import struct

from . import constants as c
from .link_crypto import Hmac, port_aes

try:
    from .seal_fast import counters, xor_words
except ImportError:

    def counters(blocks, header, checkpoint, first, n):
        """Write `n` 16-byte counter blocks: block number, frames, kind of image, and `first`, `first` + 1, ... big-endian."""
        for i in range(n):
            at = 16 * i
            for k in range(4):
                blocks[at + k] = header[c.BLOCK_HEADER_BLOCK_NUMBER + k]
            blocks[at + 4] = header[c.BLOCK_HEADER_N_FRAMES]
            blocks[at + 5] = header[c.BLOCK_HEADER_N_FRAMES + 1]
            blocks[at + 6] = checkpoint
            blocks[at + 14] = first + i >> 8
            blocks[at + 15] = first + i & 255

    def xor_words(target, start, stream, n):
        """XOR the first `n` words of 4 bytes of `stream` into `target` from byte `start` on, a multiple of 4."""
        for i in range(4 * n):
            target[start + i] ^= stream[i]


BATCH = 32  # counter blocks enciphered at once: two buffers of 512 bytes
TAG_BYTES = 16
_SECTOR = bytes(c.SECTOR_BYTES)


def card_secret(key):
    """Return the Hmac that the card's keys are drawn from: HKDF-SHA256 (RFC 5869) of the device key, first step."""
    return Hmac(Hmac(b"octolead card").digest(key))


class BodyCipher:
    """AES-128 in counter mode over a block's body, in place; enciphers and deciphers."""

    def __init__(self, key, aes=None):
        self._aes = (aes or port_aes)(key)
        self._counters = bytearray(16 * BATCH)
        self._stream = bytearray(16 * BATCH)

    def apply(self, view, start, end):
        """XOR bytes `start` to `end` of the block in `view`; its header must be complete but for tag and CRCs."""
        checkpoint = view[c.BLOCK_HEADER_FLAGS] & c.FLAG_CHECKPOINT
        first = 0
        while start < end:
            counters(self._counters, view, checkpoint, first, BATCH)
            self._aes.encrypt(self._counters, self._stream)
            n = end - start
            if n > 16 * BATCH:
                n = 16 * BATCH
            xor_words(view, start, self._stream, n >> 2)
            start += n
            first += BATCH


class BlockSeal:
    """`key` is the device's, 32 bytes. The tag of the block before counts from `keep` on, that is once the card has it.

    No two plaintexts meet one key stream: the key is the session's own, a block number is sealed once, and Session makes
    a checkpoint of a block only with more frames than the one before.
    """

    def __init__(self, key, session_id, encrypt=False, aes=None):
        secret = card_secret(key)
        self._mac = Hmac(secret.digest(b"chain\1"))
        self._cipher = BodyCipher(secret.digest(b"encrypt", session_id, b"\1")[:16], aes) if encrypt else None
        self._before = bytearray(TAG_BYTES)
        self.encrypts = encrypt
        self.flags = c.FLAG_CHAINED | (c.FLAG_ENCRYPTED if encrypt else 0)

    def close(self, view, n):
        """Encipher the body of the block of `n` bytes in `view` if that is asked for, and tag it; the CRCs come after."""
        if self._cipher is not None:
            self._cipher.apply(view, c.BLOCK_HEADER_SIZE, n)
            rest = -n & c.SECTOR_BYTES - 1
            if rest:
                view[n : n + rest] = _SECTOR[:rest]  # whole sectors are written: nothing plain may stand behind
        self.tag(view, n)

    def tag(self, view, n):
        """Write the chain tag; the CRCs become zero."""
        struct.pack_into("<QQ", view, c.BLOCK_HEADER_CHAIN_TAG, 0, 0)
        struct.pack_into("<II", view, c.BLOCK_HEADER_BODY_CRC32, 0, 0)
        made = self._mac.digest(self._before, view[:n])
        view[c.BLOCK_HEADER_CHAIN_TAG : c.BLOCK_HEADER_CHAIN_TAG + TAG_BYTES] = made[:TAG_BYTES]

    def keep(self, view):
        """The sealed block in `view` is on the card: the next one follows it."""
        self._before[:] = view[c.BLOCK_HEADER_CHAIN_TAG : c.BLOCK_HEADER_CHAIN_TAG + TAG_BYTES]

    def reopen(self, view, n):
        """Make the body of a sealed block plain again, for one that no card took."""
        if self._cipher is not None:
            self._cipher.apply(view, c.BLOCK_HEADER_SIZE, n)
