# SPDX-License-Identifier: Apache-2.0
"""Write the golden vectors of the record format (tests/vectors/v1).

    python -m tools.vectors             write what is missing; never changes a vector that exists
    python -m tools.vectors --check     make all of them again in memory, exit 1 if one differs

Each vector is NAME.bin (bytes as on the card), NAME.json (what a reader must find there) and, where samples are
read back, NAME.i32 (int32 little-endian, frame after frame). The blocks are packed here from docs/SPEC.md with
`struct` and `binascii`, by none of the three implementations; only the payload of codec 1 comes from the
firmware's plain encoder, and every implementation must reproduce it.
"""

import argparse
import binascii
import hashlib
import json
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "firmware")]

from octolead import _constants as c  # noqa: E402

FOLDER = ROOT / "tests" / "vectors" / "v1"
DEVICE = bytes.fromhex("0c701ead00000001")
OTHER_DEVICE = bytes.fromhex("0c701ead000000ff")
SESSION = bytes.fromhex("5e5510110badcafe")
EIGHT = (1, 2, 7, 8, 9, 10, 11, 12)
SHIFT_6 = (2_400_000_000 * 64, 6 * 8_388_607)
"""Step at gain 6 and shift 6, in nanovolt: numerator, denominator."""

Frames = list[list[int]]


@dataclass
class Vector:
    """One vector: its bytes, what a reader must find, and the samples."""

    name: str
    what: str
    data: bytes
    kind: str = "block"
    blocks: list[dict[str, object]] = field(default_factory=list)
    error: str | None = None
    samples: Frames | None = None


def synthetic_ecg(n_frames: int, n_leads: int, seed: int = 1) -> Frames:
    """Return an ECG-like signal in whole steps, made of integers only so that it is the same everywhere."""
    state, frames = seed, []
    for n in range(n_frames):
        phase = n % 400
        wave = _bump(phase, 60, 22, 45) - _bump(phase, 132, 6, 60) + _bump(phase, 140, 8, 420) - _bump(phase, 150, 7, 110)
        wave += _bump(phase, 265, 45, 90)
        common = 0
        row = []
        for lead in range(n_leads):
            state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
            noise = (state >> 20) % 7 - 3
            common = noise if lead == 0 else common
            row.append(wave * (lead * 3 - 5) // 8 + 9_000 * lead - 20_000 + noise + common + n // 50)
        frames.append(row)
    return frames


def _bump(phase: int, centre: int, half_width: int, height: int) -> int:
    distance = abs(phase - centre)
    return height * (half_width - distance) // half_width if distance < half_width else 0


def raw24(frames: Frames) -> bytes:
    """Return the payload of codec 0."""
    data = b"".join((value & 0xFFFFFF).to_bytes(3, "little") for row in frames for value in row)
    return data + bytes(-len(data) % 4)


def adaptive(frames: Frames, lead_ids: tuple[int, ...], rate_mhz: int) -> bytes:
    """Return the payload of codec 1, from the firmware's plain encoder."""
    from array import array

    from recorder.codec import Encoder

    encoder = Encoder(len(lead_ids), bytes(lead_ids), rate_mhz)
    buffer = bytearray(c.MAX_BLOCK_BYTES)
    encoder.begin(buffer, 0, len(buffer))
    flat = array("i", [value for row in frames for value in row])
    if encoder.encode(flat, 0, len(frames)) != len(frames):
        raise ValueError("the vector's frames do not fit one block")
    return bytes(buffer[: encoder.payload_bytes()])


def event(kind: int, data: bytes = b"", offset: int = 0) -> bytes:
    """Return one event."""
    return struct.pack(c.EVENT_HEADER_FORMAT, kind, len(data), offset) + data


def header_fields(**changes: object) -> dict[str, object]:
    """Return a header's fields with sensible values, changed as asked."""
    fields: dict[str, object] = {
        "magic": c.BLOCK_MAGIC, "version_major": 1, "version_minor": 0, "header_bytes": c.BLOCK_HEADER_SIZE,
        "block_bytes": 0, "flags": 0, "block_number": 0, "first_frame": 0, "n_frames": 0, "n_leads": 8,
        "codec_id": c.CODEC_RAW24, "rate_mhz": 500_000, "device_id": DEVICE, "session_id": SESSION, "ring_seq": 0,
        "step_nv_den": SHIFT_6[1], "step_nv_num": SHIFT_6[0], "lead_ids": bytes(EIGHT), "anchor_frame": 0,
        "anchor_utc_us": c.ANCHOR_UNKNOWN, "anchor_uncertainty_ms": c.UNCERTAINTY_UNKNOWN, "gain": 6, "shift": 6,
        "signal_source": c.SIGNAL_SOURCE_ELECTRODES, "slot_sectors": 16, "lead_off": 0, "saturated": 0, "inputs": 0,
        "battery_mv": 0, "temperature_cdeg": c.TEMPERATURE_UNKNOWN, "write_last_ms": 0, "write_max_ms": 0,
        "frames_lost": 0, "calibration_id": 0, "chain_tag": bytes(16), "payload_bytes": 0, "ring_tag": 0x2301,
        "body_crc32": 0, "header_crc32": 0,
    }  # fmt: skip
    unknown = set(changes) - set(fields)
    if unknown:
        raise ValueError(f"no such header fields: {unknown}")
    return fields | changes


def seal(fields: dict[str, object], payload: bytes, events: bytes = b"", extension: bytes = b"") -> bytes:
    """Return the whole block: header (with an extension of a newer minor version), payload, events, CRCs."""
    body = payload + events
    body += bytes(-len(body) % 4)
    header_bytes = c.BLOCK_HEADER_SIZE + len(extension)
    fields = fields | {
        "header_bytes": header_bytes,
        "block_bytes": header_bytes + len(body),
        "payload_bytes": len(payload),
        "body_crc32": binascii.crc32(body),
    }
    packed = struct.pack(c.BLOCK_HEADER_FORMAT, *(fields[name] for name in c.BLOCK_HEADER_FIELDS))
    head = packed[:-4] + extension
    return head + struct.pack("<I", binascii.crc32(head)) + body


def block(
    frames: Frames, events: bytes = b"", codec: int = c.CODEC_RAW24, extension: bytes = b"", **changes: object
) -> tuple[bytes, dict[str, object]]:
    """Return (bytes, fields) of a block with these frames."""
    fields = header_fields(n_frames=len(frames), codec_id=codec, **changes)
    leads = bytes(fields["lead_ids"])[: int(fields["n_leads"])]  # type: ignore[call-overload, arg-type]
    payload = raw24(frames) if codec == c.CODEC_RAW24 else adaptive(frames, tuple(leads), int(fields["rate_mhz"]))  # type: ignore[call-overload]
    return seal(fields, payload, events, extension), fields


def damaged(data: bytes, position: int) -> bytes:
    """Return the bytes with one bit flipped."""
    out = bytearray(data)
    out[position] ^= 0x10
    return bytes(out)


ALL_EVENTS = (
    event(c.EVENT_START, bytes([c.START_REASON_COMMAND]))
    + event(c.EVENT_NOTE, b"firmware=0.1.0")
    + event(c.EVENT_GAP, struct.pack("<BQ", c.GAP_CAUSE_OVERFLOW, 77))
    + event(c.EVENT_LEAD_SCALE, struct.pack("<BBiQI", 1, 0, 1024, 5000, 1))
    + event(c.EVENT_ANCHOR, struct.pack("<qI", 1_790_000_000_000_000, 250), 1)
    + event(c.EVENT_LEAD_OFF, struct.pack("<H", 1 << c.ELECTRODE_LA), 2)
    + event(c.EVENT_SATURATED, bytes([0b1000_0001]), 3)
    + event(c.EVENT_BUTTON, b"\x01", 4)
    + event(c.EVENT_MARK, bytes([c.MARK_ORIGIN_PATIENT]), 4)
    + event(c.EVENT_BUTTON, b"\x00", 5)
    + event(c.EVENT_MARK, bytes([c.MARK_ORIGIN_REMOTE]) + "Herzklopfen, très fort".encode(), 6)
    + event(c.EVENT_SOURCE, bytes([c.SIGNAL_SOURCE_TEST_SIGNAL]), 7)
    + event(c.EVENT_FAULT, struct.pack("<BI", c.FAULT_SLIP, 3), 7)
    + event(c.EVENT_STOP, bytes([c.STOP_REASON_COMMAND]), 8)
)


def sound_vectors() -> list[Vector]:
    """Return the vectors that a reader reads whole."""
    ecg = synthetic_ecg(600, 8)
    two = [[value + 1024 for value in row] for row in synthetic_ecg(900, 2, seed=7)]
    extremes24 = [[8_388_607, -8_388_608] * 4, [-8_388_608, 8_388_607] * 4, [0, -1] * 4]
    extremes32 = [[2**31 - 1, -(2**31)] * 4, [-(2**31), 2**31 - 1] * 4, [0, -1] * 4, [1, 0] * 4]
    mlii = {"n_leads": 2, "lead_ids": bytes([14, 11, 0, 0, 0, 0, 0, 0]), "rate_mhz": 360_000, "gain": 0, "shift": 0}
    scale = b"".join(event(c.EVENT_LEAD_SCALE, struct.pack("<BBiQI", k, 0, 1024, 5000, 1)) for k in range(2))
    plan: list[tuple[str, str, Frames, dict[str, object]]] = [
        ("raw24_three_frames", "codec 0, 8 leads, the limits of 24 bits", extremes24, {}),
        ("adaptive_ecg", "codec 1, 8 leads at 500 Hz", ecg, {"codec": c.CODEC_ADAPTIVE}),
        ("adaptive_250_hz", "codec 1, 8 leads at 250 Hz", ecg[::2], {"codec": c.CODEC_ADAPTIVE, "rate_mhz": 250_000}),
        ("adaptive_1000_hz", "codec 1, 8 leads at 1 kHz", ecg, {"codec": c.CODEC_ADAPTIVE, "rate_mhz": 1_000_000}),
        ("adaptive_two_leads", "codec 1, an imported record: MLII and V5 at 360 Hz, zero at 1024", two,
         {"codec": c.CODEC_ADAPTIVE, "events": scale, "signal_source": c.SIGNAL_SOURCE_IMPORTED} | mlii),
        ("adaptive_one_lead", "codec 1, a single lead", synthetic_ecg(300, 1, seed=3),
         {"codec": c.CODEC_ADAPTIVE, "n_leads": 1, "lead_ids": bytes([2, 0, 0, 0, 0, 0, 0, 0])}),
        ("adaptive_extremes", "codec 1 at the limits of 32 bits", extremes32, {"codec": c.CODEC_ADAPTIVE}),
        ("adaptive_flat", "codec 1, all leads constant", [[-7] * 8] * 500, {"codec": c.CODEC_ADAPTIVE}),
        ("all_events", "every event type", ecg[:8], {"events": ALL_EVENTS, "flags": c.FLAG_LAST}),
        ("empty_last", "a session's last block without frames", [],
         {"events": event(c.EVENT_STOP, b"\x00"), "flags": c.FLAG_LAST, "block_number": 9, "first_frame": 4321}),
        ("counter_beyond_2_32", "first frame 2^32 + 5, anchor beyond it", ecg[:16],
         {"first_frame": 2**32 + 5, "block_number": 70_000, "ring_seq": 2**31 + 1, "anchor_frame": 2**32 + 1,
          "anchor_utc_us": 1_790_000_000_123_456, "anchor_uncertainty_ms": 40}),
        ("checkpoint", "image of an open block", ecg[:20], {"flags": c.FLAG_CHECKPOINT, "block_number": 3}),
        ("unknown_event", "an event of a type not known, between two that are", ecg[:8],
         {"events": event(c.EVENT_MARK, b"\x00", 1) + event(99, b"future", 2) + event(c.EVENT_MARK, b"\x01x", 3)}),
        ("newer_minor", "minor version 9: longer header, unknown flag of 8-15", ecg[:8],
         {"version_minor": 9, "flags": 1 << 15, "extension": b"\xaa" * 12}),
    ]  # fmt: skip
    vectors = []
    for name, what, frames, options in plan:
        data, fields = block(frames, **options)  # type: ignore[arg-type]
        vectors.append(Vector(name, what, data, blocks=[described(data, fields)], samples=frames))
    return vectors


def described(data: bytes, fields: dict[str, object]) -> dict[str, object]:
    """Return a block's header (as packed) and events as JSON can hold them."""
    values = struct.unpack_from(c.BLOCK_HEADER_FORMAT, data)
    out = dict(zip(c.BLOCK_HEADER_FIELDS, values, strict=True))
    header_bytes = out["header_bytes"]
    out["header_crc32"] = struct.unpack_from("<I", data, header_bytes - 4)[0]
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in out.items()}
    position, events = header_bytes + out["payload_bytes"], []
    while position < out["block_bytes"] and data[position]:
        kind, length, offset = struct.unpack_from(c.EVENT_HEADER_FORMAT, data, position)
        events.append({"type": kind, "frame_offset": offset, "data": data[position + 4 : position + 4 + length].hex()})
        position += 4 + length
    return {"header": shown, "events": events}


def refused_vectors() -> list[Vector]:
    """Return the vectors whose samples must not be read, each for its own reason."""
    good, fields = block(synthetic_ecg(40, 8), block_number=17)
    shown = [described(good, fields)]
    major, major_fields = block(synthetic_ecg(4, 8), version_major=2)
    cipher, cipher_fields = block(synthetic_ecg(4, 8), flags=c.FLAG_ENCRYPTED)
    future, future_fields = block(synthetic_ecg(4, 8), flags=1 << 7)
    codec = seal(header_fields(codec_id=200, n_frames=1), bytes(24))
    leads = seal(header_fields(n_leads=9, n_frames=1), bytes(28))
    runaway, runaway_fields = block(synthetic_ecg(4, 8), events=struct.pack("<BBH", c.EVENT_MARK, 60, 0))
    return [
        Vector("bad_header_crc", "one bit of the header flipped", damaged(good, 21), error="header_crc"),
        Vector("bad_body_crc", "one bit of the payload flipped", damaged(good, 300), blocks=shown, error="body_crc"),
        Vector("cut_tail", "the file ends inside the payload", good[:400], blocks=shown, error="cut"),
        Vector("cut_header", "the file ends inside the header", good[:100], error="cut"),
        Vector("newer_major", "major version 2", major, blocks=[described(major, major_fields)], error="major_version"),
        Vector("encrypted", "the body is enciphered", cipher, blocks=[described(cipher, cipher_fields)], error="encrypted"),
        Vector("unknown_flag", "a flag that must be understood", future, blocks=[described(future, future_fields)], error="flags"),
        Vector("unknown_codec", "codec 200", codec, error="codec"),
        Vector("nine_leads", "more leads than a block can have", leads, error="header"),
        Vector("runaway_event", "an event's length runs past the block; samples are sound", runaway,
               blocks=[described(runaway, runaway_fields) | {"events": []}], error="event", samples=synthetic_ecg(4, 8)),
    ]  # fmt: skip


def stream_vectors() -> list[Vector]:
    """Return vectors of more than one block, and the segment header."""
    ecg = synthetic_ecg(120, 8)
    first, first_fields = block(ecg[:40], block_number=0, events=event(c.EVENT_START, b"\x00"))
    second, _ = block(ecg[40:80], block_number=1, first_frame=40, ring_seq=1)
    gap = event(c.EVENT_GAP, struct.pack("<BQ", c.GAP_CAUSE_OVERFLOW, 500))
    third, third_fields = block(ecg[80:], block_number=2, first_frame=580, ring_seq=2, events=gap, frames_lost=500)
    foreign, _ = block(ecg[:10], device_id=OTHER_DEVICE, session_id=bytes(8))
    stream = first + b"garbage " * 3 + damaged(second, 500) + foreign + third
    blocks = [described(first, first_fields), described(third, third_fields)]
    head = struct.pack(
        c.SEGMENT_HEADER_FORMAT[:-1], c.SEGMENT_MAGIC, 1, 0, 64, bytes.fromhex("0123456789abcdef"), DEVICE, 2, 7, 8192, 131_071, bytes(24)
    )
    segment = head + struct.pack("<I", binascii.crc32(head))
    return [
        Vector("stream_with_damage", "two sound blocks, 24 stray bytes, a damaged body, a foreign device, a gap of 500",
               stream, kind="stream", blocks=blocks),
        Vector("segment_header", "segment 2 of 7", segment, kind="segment"),
        Vector("segment_header_bad_crc", "one bit flipped", damaged(segment, 30), kind="segment", error="header_crc"),
    ]  # fmt: skip


def all_vectors() -> list[Vector]:
    """Return every vector."""
    return sound_vectors() + refused_vectors() + stream_vectors()


def files_of(vector: Vector) -> dict[str, bytes]:
    """Return file name -> content of one vector."""
    meta: dict[str, object] = {
        "what": vector.what,
        "made_by": "python -m tools.vectors",
        "kind": vector.kind,
        "error": vector.error,
        "sha256": hashlib.sha256(vector.data).hexdigest(),
        "blocks": vector.blocks,
    }
    files = {f"{vector.name}.bin": vector.data}
    if vector.samples is not None:
        flat = [value for row in vector.samples for value in row]
        files[f"{vector.name}.i32"] = struct.pack(f"<{len(flat)}i", *flat)
    files[f"{vector.name}.json"] = (json.dumps(meta, indent=1) + "\n").encode()
    return files


def main() -> int:
    """Write or check the vectors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a vector differs")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for vector in all_vectors():
        for name, content in files_of(vector).items():
            path = FOLDER / name
            if path.exists() and path.read_bytes() == content:
                continue
            if path.exists() or options.check:
                print(f"{path.relative_to(ROOT)}: {'differs from what is made now' if path.exists() else 'is missing'}", file=sys.stderr)
                wrong += 1
            else:
                path.write_bytes(content)
                print(f"wrote {path.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
