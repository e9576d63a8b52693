# SPDX-License-Identifier: Apache-2.0
"""Write the vectors of the link (docs/SPEC.md 6) with the `cryptography` package alone: neither firmware nor host has a part in them.

python -m tools.link_vectors            write those that are missing; released ones never change
python -m tools.link_vectors --check    say what differs, exit 1 if anything does
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tools.released import write_or_check

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "link"
HELLO, CHALLENGE, PROOF, READY, SEALED = 1, 2, 3, 4, 5


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256."""
    made = hmac.HMAC(key, hashes.SHA256())
    for part in parts:
        made.update(part)
    return made.finalize()


def stream(key: bytes, counter: int, n: int) -> bytes:
    """The key stream, block by block as the page says it: AES(key, counter, 8 zero bytes, i big-endian)."""
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    blocks = [counter.to_bytes(4, "little") + bytes(8) + i.to_bytes(4, "big") for i in range(-(-n // 16))]
    return b"".join(ecb.update(block) for block in blocks)[:n]


def seal(keys: dict[str, bytes], side: str, kind: int, counter: int, plaintext: bytes) -> bytes:
    """A sealed packet."""
    cipher = bytes(a ^ b for a, b in zip(plaintext, stream(keys[f"{side}_encrypt"], counter, len(plaintext)), strict=True))
    body = struct.pack("<BI", kind, counter) + cipher
    return body + mac(keys[f"{side}_tag"], body)[:8]


def some(seed: str, n: int) -> bytes:
    """Bytes that follow from a word."""
    return b"".join(hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(-(-n // 32)))[:n]


def session_vector(name: str) -> dict[str, object]:
    """A handshake and what its keys are."""
    key, host_nonce, nonce, device_id = some(name + " key", 32), some(name + " host", 16), some(name + " rec", 16), some(name + " id", 8)
    context = b"\x01" + host_nonce + nonce + device_id
    secret = mac(key, b"octolead session", context)
    keys = {f"{side}_{use}": mac(secret, f"{side} {use}".encode()) for side in ("host", "recorder") for use in ("encrypt", "tag")}
    keys = {what: value[:16] if what.endswith("encrypt") else value for what, value in keys.items()}
    proofs = [mac(key, b"octolead recorder", context)[:16], mac(key, b"octolead host", context)[:16]]
    packets = [
        {"side": side, "kind": kind, "counter": counter, "plaintext": text.hex(), "packet": seal(keys, side, kind, counter, text).hex()}
        for side, kind, counter, text in (
            ("recorder", READY, 0, b""),
            ("host", SEALED, 0, b"\x01\x01\x0e" + b"ping"),
            ("recorder", SEALED, 1, b"\x02\x01\x00" + b"ping"),
            ("host", SEALED, 1, bytes([6]) + struct.pack("<BH", 5, 65535)),
            ("recorder", SEALED, 2, bytes([0x85]) + some("long", 229)),
            ("recorder", SEALED, 300, bytes([5]) + some("longer", 2033)),
            ("recorder", SEALED, 0x3FFFFFFE, b"\x03" + bytes(16)),
        )
    ]
    return {
        "spec": "6.2, 6.3",
        "key": key.hex(),
        "host_nonce": host_nonce.hex(),
        "recorder_nonce": nonce.hex(),
        "device_id": device_id.hex(),
        "context": context.hex(),
        "recorder_proof": proofs[0].hex(),
        "host_proof": proofs[1].hex(),
        "hello": (bytes([HELLO, 1]) + host_nonce).hex(),
        "challenge": (bytes([CHALLENGE, 0, 1]) + nonce + device_id + proofs[0]).hex(),
        "proof": (bytes([PROOF]) + proofs[1]).hex(),
        "keys": {what: value.hex() for what, value in keys.items()},
        "packets": packets,
    }


def cobs(packet: bytes) -> bytes:
    """COBS (doi:10.1109/90.769765): codes 1 to 254 are that many less one bytes and a zero, 255 is 254 bytes alone."""
    out, at = b"", 0
    data = packet + b"\0"  # the phantom zero
    while at < len(data):
        end = data.index(b"\0", at)
        if end - at >= 254:
            out += b"\xff" + data[at : at + 254]
            at += 254
            if at == len(packet):
                break
        else:
            out += bytes([end - at + 1]) + data[at:end]
            at = end + 1
    return out


def cobs_vector() -> dict[str, object]:
    """Packets and their frames."""
    ones = bytes(range(1, 255))
    packets = [b"\0", b"\0\0", b"\x11\x22\0\x33", b"\x11\0\0\0", ones, b"\0" + ones, ones + b"\0"]
    packets += [ones + b"\xff", ones * 2, some("cobs", 700), bytes(300)]
    return {"spec": "6.1", "frames": [{"packet": p.hex(), "frame": (b"\0" + cobs(p) + b"\0").hex()} for p in packets]}


def notice(kind: int, frame: int, layout: str, *values: object) -> dict[str, object]:
    """A notice of SPEC 6.5 with what it says."""
    data = b"".join(v.encode() for v in values if isinstance(v, str)) if layout == "text" else struct.pack(layout, *values)
    whole = bytes([kind]) + frame.to_bytes(8, "little") + data
    return {"kind": kind, "frame": frame, "data": data.hex(), "values": list(values), "message": whole.hex()}


def notices_vector() -> dict[str, object]:
    """Notices of the heart, the battery, the electrodes and the card, as messages of channel NOTICE."""
    return {
        "spec": "6.5",
        "notices": {
            "LEAD_OFF": notice(2, 1234, "<H", 0b1001),
            "BATTERY": notice(3, 2**32 + 5, "<H", 3499),
            "CARD": notice(4, 7, "text", "the card did not take a block: its frames are missing"),
            "RATE": notice(8, 45000, "<H", 151),
            "PAUSE": notice(9, 2**40, "<H", 3310),
        },
    }


def vectors() -> dict[str, str]:
    """File names and what stands in them."""
    made = {"notices": notices_vector(), "session_a": session_vector("a"), "session_b": session_vector("b"), "cobs": cobs_vector()}
    return {f"{name}.json": json.dumps(value, indent=1) + "\n" for name, value in made.items()}


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, {name: text.encode() for name, text in vectors().items()}))
