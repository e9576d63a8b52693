# SPDX-License-Identifier: Apache-2.0
"""Golden vectors of calibration records (docs/SPEC.md 6.5.4), made with the `cryptography` package and `struct` alone.

python -m tools.calibration_vectors [--check]
"""

import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tools.released import write_or_check

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "calibration"
KEY = bytes(range(100, 132))
DEVICE = bytes.fromhex("0123456789abcdef")

PLAIN = {
    "made_utc_us": 1_785_000_000_123_456,
    "gain": 6,
    "temperature_cdeg": 2345,
    "rate_error_ppb": -17_250,
    "rate_u_ppb": 300,
    "leads": [[1_234_567 * (k - 4), 1000 * k - 3500, 40 * k - 150, 60 + k, 35 * k] for k in range(8)],
    "operator": "Zoë at bench 2",
    "reference": "1 mV 1 Hz, no. 4711",
    "report_sha256": "00112233445566778899aabbccddeeff",
}
EXTREME = PLAIN | {
    "made_utc_us": -1,
    "gain": 12,
    "temperature_cdeg": -0x8000,
    "rate_error_ppb": 0,
    "rate_u_ppb": 0xFFFFFFFF,
    "leads": [[-(2**31), 2**31 - 1, -(2**31), 0xFFFF, 0] for _ in range(8)],
    "operator": "twenty bytes exactly",
    "reference": "",
}


def digest(data: bytes) -> bytes:
    """SHA-256."""
    made = hashes.Hash(hashes.SHA256())
    made.update(data)
    return made.finalize()


def record(values: dict) -> bytes:
    """A record, signed with KEY."""
    leads = b"".join(struct.pack("<iiiHH", *lead) for lead in values["leads"])
    text = values["operator"].encode().ljust(20, b"\0") + values["reference"].encode().ljust(24, b"\0")
    rest = DEVICE + struct.pack("<qBBh", values["made_utc_us"], values["gain"], 8, values["temperature_cdeg"])
    rest += struct.pack("<iI", values["rate_error_ppb"], values["rate_u_ppb"]) + leads + text + bytes.fromhex(values["report_sha256"])
    number = int.from_bytes(digest(rest)[:4], "little") & 0x7FFFFFFF or 1
    whole = b"\x8fOLC" + struct.pack("<BBHI", 1, 0, 244, number) + rest
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"octolead calibration", info=b"sign").derive(KEY)
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(whole)
    return whole + mac.finalize()[:16]


def files() -> dict[str, bytes]:
    """File names and what stands in them."""
    made = {name: record(values) for name, values in (("plain", PLAIN), ("extreme", EXTREME))}
    meta = {
        "spec": "6.5.4",
        "made_by": "python -m tools.calibration_vectors",
        "device_key": KEY.hex(),
        "device_id": DEVICE.hex(),
        "records": {"plain": PLAIN, "extreme": EXTREME},
        "ids": {name: int.from_bytes(data[8:12], "little") for name, data in made.items()},
    }
    text = (json.dumps(meta, indent=1, ensure_ascii=False) + "\n").encode()
    return {f"{name}.olc": data for name, data in made.items()} | {"calibration.json": text}


if __name__ == "__main__":
    sys.exit(write_or_check(FOLDER, files()))
