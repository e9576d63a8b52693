# SPDX-License-Identifier: Apache-2.0
"""Write the vectors of chain tags and enciphered bodies (docs/SPEC.md 3.3, 3.4; tests/vectors/seal).

    python -m tools.seal_vectors            write those that are missing; released ones never change
    python -m tools.seal_vectors --check    say what differs, exit 1 if anything does

The plain blocks are packed by tools/vectors.py; keys, tags and ciphertexts come from the `cryptography` package alone (HKDF,
HMAC, AES-CTR): neither firmware nor host has a part in them.

plain.bin      the blocks of a session, one after another, with neither flag
chained.bin    the same, chained
encrypted.bin  the same, enciphered and chained
samples.i32    what is in them, int32 little-endian, frame after frame
seal.json      keys, tags, first counter blocks
"""

import binascii
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tools import vectors
from tools.released import write_or_check
from tools.vectors import c

FOLDER = vectors.ROOT / "tests" / "vectors" / "seal"
KEY = hashlib.sha256(b"octolead seal vectors").digest()
TAG, BODY_CRC, HEADER_CRC = slice(116, 132), slice(136, 140), slice(140, 144)
HEADER_BYTES = 144


def derived(info: bytes, n: int) -> bytes:
    """Return `n` bytes by HKDF-SHA256 from the device key."""
    return HKDF(hashes.SHA256(), n, b"octolead card", info).derive(KEY)


def plain_session() -> tuple[list[bytes], vectors.Frames]:
    """Return the blocks and samples: START, a long block of codec 1, a mark, a block of no frames, two checkpoints of one never sealed."""
    ecg = vectors.synthetic_ecg(1600, 8, seed=5)
    adaptive = {"codec": c.CODEC_ADAPTIVE}
    mark = vectors.event(c.EVENT_MARK, bytes([c.MARK_ORIGIN_PATIENT]), 3)
    start = vectors.event(c.EVENT_START, b"\x00") + vectors.event(c.EVENT_NOTE, b"firmware=0.1.0")
    plan: list[tuple[vectors.Frames, dict[str, object]]] = [
        (ecg[:40], {"events": start}),
        (ecg[40:1240], adaptive),
        (ecg[1240:1300], {"events": mark}),
        ([], {"first_frame": 1300}),
        (ecg[1300:1400], adaptive | {"flags": c.FLAG_CHECKPOINT, "block_number": 4}),
        (ecg[1300:1600], adaptive | {"flags": c.FLAG_CHECKPOINT, "block_number": 4}),
    ]
    blocks, first = [], 0
    for number, (frames, options) in enumerate(plan):
        changes = {"block_number": number, "ring_seq": min(number, 4), "first_frame": min(first, 1300)} | options
        blocks.append(vectors.block(frames, **changes)[0])  # type: ignore[arg-type]
        first += len(frames)
    return blocks, ecg


def with_flags(block: bytes, flags: int) -> bytearray:
    """Return the block with these flags besides its own."""
    out = bytearray(block)
    struct.pack_into("<H", out, 10, struct.unpack_from("<H", out, 10)[0] | flags)
    return out


def counter_block(block: bytes) -> bytes:
    """Return the first counter block of an image."""
    number, frames, flags = (struct.unpack_from(form, block, at)[0] for form, at in (("<I", 12), ("<H", 24), ("<H", 10)))
    return struct.pack("<IHB", number, frames, flags & c.FLAG_CHECKPOINT) + bytes(9)


def enciphered(block: bytearray, key: bytes) -> bytearray:
    """Return the block with its body enciphered."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter_block(block))).encryptor()
    return block[:HEADER_BYTES] + cipher.update(bytes(block[HEADER_BYTES:]))


def tagged(block: bytearray, before: bytes, chain_key: bytes) -> bytes:
    """Return the block with its tag and its CRCs."""
    for place in (TAG, BODY_CRC, HEADER_CRC):
        block[place] = bytes(place.stop - place.start)
    mac = hmac.HMAC(chain_key, hashes.SHA256())
    mac.update(before + bytes(block))
    block[TAG] = mac.finalize()[:16]
    block[BODY_CRC] = struct.pack("<I", binascii.crc32(block[HEADER_BYTES:]))
    block[HEADER_CRC] = struct.pack("<I", binascii.crc32(block[:140]))
    return bytes(block)


def chain(blocks: list[bytes], encrypt_key: bytes | None) -> list[bytes]:
    """Return the blocks, chained, and enciphered if there is a key for it."""
    made, before = [], bytes(16)
    for plain in blocks:
        block = with_flags(plain, c.FLAG_CHAINED | (c.FLAG_ENCRYPTED if encrypt_key else 0))
        done = tagged(enciphered(block, encrypt_key) if encrypt_key else block, before, derived(b"chain", 32))
        if not block[10] & c.FLAG_CHECKPOINT:
            before = done[TAG]
        made.append(done)
    return made


def files() -> dict[str, bytes]:
    """Return file names and what stands in them."""
    plain, samples = plain_session()
    encrypt_key = derived(b"encrypt" + vectors.SESSION, 16)
    sealed = {"chained": chain(plain, None), "encrypted": chain(plain, encrypt_key)}
    meta = {
        "spec": "3.3, 3.4",
        "made_by": "python -m tools.seal_vectors",
        "device_key": KEY.hex(),
        "session_id": vectors.SESSION.hex(),
        "chain_key": derived(b"chain", 32).hex(),
        "encrypt_key": encrypt_key.hex(),
        "block_bytes": [len(block) for block in plain],
        "counter_blocks": [counter_block(block).hex() for block in plain],
        "tags": {name: [block[TAG].hex() for block in blocks] for name, blocks in sealed.items()},
    }
    flat = [value for row in samples for value in row]
    made = {"plain.bin": b"".join(plain), "samples.i32": struct.pack(f"<{len(flat)}i", *flat)}
    made |= {f"{name}.bin": b"".join(blocks) for name, blocks in sealed.items()}
    return made | {"seal.json": (json.dumps(meta, indent=1) + "\n").encode()}


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, files()))
