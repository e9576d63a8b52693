# SPDX-License-Identifier: Apache-2.0
"""Small recordings for tests, made from docs/SPEC.md by the library's own sealing: blocks, `.olr` files, rings, WFDB records."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from octolead import _constants as c
from octolead import native

DEVICE = bytes.fromhex("00112233445566aa")
OTHER_DEVICE = bytes.fromhex("ffeeddccbbaa9988")
RING = b"ring-001"
SESSION = bytes.fromhex("0102030405060708")
EIGHT = (1, 2, 7, 8, 9, 10, 11, 12)
FRAMES_PER_BLOCK = 100
SLOT = 4096


def data_folder(name: str) -> Path:
    """A folder of real records, or skip with the reason."""
    given = os.environ.get("OCTOLEAD_DATA")
    root = Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"
    if not (root / name).is_dir():
        pytest.skip(f"no real records: {root / name} is not there (set OCTOLEAD_DATA)")
    return root / name


def some_frames(n: int, n_leads: int = 8, seed: int = 1) -> np.ndarray:
    """A random walk, int32 (n, n_leads), within 24 bits."""
    steps = np.random.default_rng(seed).integers(-40, 41, (n, n_leads))
    return np.cumsum(steps, axis=0).astype(np.int32)


def block(frames: np.ndarray, number: int = 0, first_frame: int = 0, events: Sequence[native.Event] = (), **fields: Any) -> bytes:
    """One sealed block."""
    values: dict[str, Any] = {
        "first_frame": first_frame,
        "n_frames": len(frames),
        "rate_mhz": 500_000,
        "lead_ids": EIGHT[: frames.shape[1]],
        "step_nv_num": 5000,
        "step_nv_den": 2,
        "device_id": DEVICE,
        "session_id": SESSION,
        "block_number": number,
        "ring_seq": number,
        "slot_sectors": SLOT // 512,
        "ring_tag": int.from_bytes(RING[:2], "little"),
        **fields,
    }
    header = native.BlockHeader(**values)
    payload = native.encode_payload(frames, codec_id=header.codec_id, lead_ids=header.lead_ids, rate_mhz=header.rate_mhz)
    return native.seal_block(header, payload, list(events))


def blocks(
    frames: np.ndarray,
    *,
    stopped: bool = True,
    start: int = 0,
    first_number: int = 0,
    per_block: int = FRAMES_PER_BLOCK,
    events: dict[int, list[native.Event]] | None = None,
    **fields: Any,
) -> list[bytes]:
    """A session cut into blocks of `per_block` frames."""
    made = []
    for i, at in enumerate(range(0, len(frames), per_block)):
        last = stopped and at + per_block >= len(frames)
        number = first_number + i
        extra = {"flags": c.FLAG_LAST if last else 0, **{k: v + i if k == "ring_seq" else v for k, v in fields.items()}}
        made.append(block(frames[at : at + per_block], number, start + at, (events or {}).get(i, ()), **extra))
    return made


def write_olr(path: Path, parts: Sequence[bytes]) -> Path:
    """Blocks one after another."""
    path.write_bytes(b"".join(parts))
    return path


def segment_header(
    index: int,
    count: int,
    slots: int,
    *,
    device: bytes = DEVICE,
    ring: bytes = RING,
    slot_bytes: int = SLOT,
    major: int = c.VERSION_MAJOR,
) -> bytes:
    """A segment header with its CRC."""
    head = struct.pack(
        c.SEGMENT_HEADER_FORMAT,
        c.SEGMENT_MAGIC,
        major,
        0,
        64,
        ring,
        device,
        index,
        count,
        slot_bytes,
        slots,
        bytes(24),
        0,
    )
    return head[:60] + struct.pack("<I", zlib.crc32(head[:60]))


def write_ring(folder: Path, placed: dict[int, bytes], *, n_segments: int = 2, slots: int = 16, **header: Any) -> Path:
    """Segment files whose ring slots hold `placed` (ring slot -> block)."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(n_segments):
        data = bytearray((slots + 1) * SLOT)
        data[:64] = segment_header(index, n_segments, slots, **header)
        for slot in range(slots):
            part = placed.get(index * slots + slot, b"")
            data[(slot + 1) * SLOT : (slot + 1) * SLOT + len(part)] = part
        (folder / f"SEG{index:05d}.OLS").write_bytes(data)
    return folder


def write_wfdb(folder: Path, name: str, raw: np.ndarray, signals: Sequence[str], record: str = "") -> Path:
    """A WFDB record in format 16; `signals` are the header's lines after the file name and the format."""
    folder.mkdir(parents=True, exist_ok=True)
    np.asarray(raw, "<i2").tofile(folder / f"{name}.dat")
    lines = [f"{name} {raw.shape[1]} {record or f'500 {len(raw)}'}", *(f"{name}.dat 16 {line}" for line in signals)]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return folder / name
