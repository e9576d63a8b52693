# SPDX-License-Identifier: Apache-2.0
"""Sound sources to begin with, as {file name: bytes}: an `.olr`, segments, a card image. Their samples carry their origin."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import numpy as np

from octolead import _constants as c
from octolead import native

DEVICE = b"devicefz"
RING = b"ring-fzz"
SLOT = 4096
SLOTS = 12  # of each of two segments
LEADS = (1, 2, 7, 8, 9, 10, 11, 12)
Files = dict[str, bytes]


def origin(session: bytes, first_frame: int, n_frames: int, n_leads: int = 8) -> np.ndarray:
    """The samples of a session: each is a hash of session, frame and lead, 16 bits; int32 (frames, leads)."""
    frames = np.arange(first_frame, first_frame + n_frames, dtype=np.uint64)[:, None]
    x = frames * np.uint64(8) + np.arange(n_leads, dtype=np.uint64) + np.uint64(int.from_bytes(session, "little"))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x >> np.uint64(40)) & np.uint64(0xFFFF)).astype(np.int32) - 32768


def block(session: bytes, number: int, first_frame: int, n_frames: int, seq: int, flags: int = 0, tag: bytes = RING) -> bytes:
    """A block of the recorder whose samples carry their origin; every third has events."""
    frames = origin(session, first_frame, n_frames)
    events = []
    if number % 3 == 0 and n_frames > 40:
        events = [
            native.Event(c.EVENT_LEAD_OFF, 3, b"\x01\x00"),
            native.Event(c.EVENT_MARK, 20, b"\x01text"),
            native.Event(c.EVENT_ANCHOR, 30, struct.pack("<qI", 1_700_000_000_000_000 + first_frame * 2000, 500)),
            native.Event(c.EVENT_LEAD_OFF, 33, b"\x00\x00"),
            native.Event(c.EVENT_NOTE, 40, b"record=fuzz"),
        ]
    header = native.BlockHeader(
        first_frame=first_frame,
        n_frames=n_frames,
        rate_mhz=500_000,
        lead_ids=LEADS,
        step_nv_num=5000,
        step_nv_den=2,
        device_id=DEVICE,
        session_id=session,
        block_number=number,
        ring_seq=seq,
        flags=flags,
        codec_id=number % 2,
        slot_sectors=SLOT // 512,
        ring_tag=int.from_bytes(tag[:2], "little"),
        battery_mv=3700,
    )
    payload = native.encode_payload(frames, codec_id=header.codec_id, lead_ids=LEADS, rate_mhz=header.rate_mhz)
    return native.seal_block(header, payload, events)


def session_blocks(session: bytes, n_blocks: int, first_seq: int, stopped: bool = True) -> list[bytes]:
    """A session; the last block is a checkpoint if it was not stopped."""
    made, frame = [], 0
    for number in range(n_blocks):
        last = number == n_blocks - 1
        flags = (c.FLAG_LAST if stopped else c.FLAG_CHECKPOINT) if last else 0
        n = 50 + 17 * (number % 4)
        made.append(block(session, number, frame, n, first_seq + number, flags))
        frame += n
    return made


def ring_files() -> Files:
    """Two segments: a session by a cut, one stopped in order, one of an earlier ring in a slot that was not used since."""
    first = session_blocks(b"session1", 9, 0, stopped=False)
    second = session_blocks(b"session2", 10, 11)
    stale = block(b"session0", 4, 700, 60, 22, tag=b"old-ring")
    slots = dict(enumerate(first[:-1])) | {9: first[-1]} | {11 + i: b for i, b in enumerate(second)} | {22: stale}
    files = {}
    for index in range(2):
        data = bytearray((SLOTS + 1) * SLOT)
        data[:64] = segment_header(index, 2)
        for i in range(SLOTS):
            part = slots.get(index * SLOTS + i, b"")
            data[(i + 1) * SLOT : (i + 1) * SLOT + len(part)] = part
        files[f"SEG{index:05d}.OLS"] = bytes(data)
    return files


def segment_header(index: int, count: int) -> bytes:
    """A segment header with its CRC."""
    fields = (c.SEGMENT_MAGIC, 1, 0, 64, RING, DEVICE, index, count, SLOT, SLOTS, bytes(24), 0)
    head = struct.pack(c.SEGMENT_HEADER_FORMAT, *fields)
    return head[:60] + struct.pack("<I", zlib.crc32(head[:60]))


def card_image(files: Files) -> bytes:
    """A FAT32 volume with these files in /OCTOLEAD: too small for the name, but laid out like a big one."""
    per = [-(-len(data) // 512) for data in files.values()]
    clusters = 4 + sum(per)
    fat_sectors = -(-(clusters + 2) * 4 // 512)
    first_fat, data_at = 32, 32 + 2 * fat_sectors
    image = bytearray((data_at + clusters) * 512)
    boot = bytearray(512)
    struct.pack_into("<3s8sHBHB", boot, 0, b"\xeb\x58\x90", b"FUZZ    ", 512, 1, first_fat, 2)
    struct.pack_into("<I", boot, 32, data_at + clusters)
    struct.pack_into("<I4xIHH", boot, 36, fat_sectors, 2, 1, 6)
    boot[82:90], boot[510:512] = b"FAT32   ", b"\x55\xaa"
    image[:512] = image[6 * 512 : 7 * 512] = boot
    fat = [0x0FFFFFF8, 0x0FFFFFFF, 0x0FFFFFFF, 0x0FFFFFFF] + [0] * (clusters - 2)
    folder, at = b"", 4
    for (name, data), n in zip(files.items(), per, strict=True):
        fat[at : at + n] = [*range(at + 1, at + n), 0x0FFFFFFF]
        stem, _, suffix = name.partition(".")
        folder += struct.pack("<8s3sB8xH4xHI", stem.encode().ljust(8), suffix.encode().ljust(3), 0x20, at >> 16, at & 0xFFFF, len(data))
        place = (data_at + at - 2) * 512
        image[place : place + len(data)] = data
        at += n
    table = struct.pack(f"<{len(fat)}I", *fat)
    for copy in range(2):
        start = (first_fat + copy * fat_sectors) * 512
        image[start : start + len(table)] = table
    root = struct.pack("<8s3sB8xH4xHI", b"OCTOLEAD", b"   ", 0x10, 0, 3, 0)
    image[data_at * 512 : data_at * 512 + 32] = root
    image[(data_at + 1) * 512 : (data_at + 1) * 512 + len(folder)] = folder
    return bytes(image)


@cache
def sources() -> dict[str, Files]:
    """All seeds by name."""
    ring = ring_files()
    one = session_blocks(b"session3", 7, 0)
    two = session_blocks(b"session4", 5, 7, stopped=False)
    return {
        "olr": {"a.olr": b"".join(one)},
        "olr of two sessions": {"a.olr": b"".join(one + two)},
        "folder": ring,
        "segment": {"SEG00000.OLS": ring["SEG00000.OLS"]},
        "card": {"card.img": card_image(ring)},
    }
