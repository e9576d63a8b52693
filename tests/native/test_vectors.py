# SPDX-License-Identifier: Apache-2.0
"""The golden vectors against the C core alone, read and written again, under the sanitizers.

Expected values come from the JSON beside each vector (tools/vectors.py).
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from octolead import _constants as c

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "vectors" / "v1"
CODES = {
    "header_crc": -14,
    "header": -16,  # the vector has nine leads
    "body_crc": -40,
    "cut": -11,
    "major_version": -30,
    "flags": -31,
    "encrypted": -32,
    "codec": -33,
    "event": -42,
}
"""Error of a vector -> code in native/include/ol_error.h."""


def chunk_frames(path: Path, header: dict[str, int]) -> int:
    """Return the chunk length of the encoder that wrote the payload (SPEC 4.2: any is allowed), 1024 if it shows none."""
    data = path.read_bytes()
    if header["codec_id"] != c.CODEC_ADAPTIVE or header["n_frames"] < 2:
        return 1024
    at = header["header_bytes"]
    for _ in range(header["n_leads"]):
        while data[at] & 0x80:
            at += 1
        at += 1
    frames = int.from_bytes(data[at : at + 2], "little")
    return 1024 if frames == header["n_frames"] - 1 else frames


def expectation(path: Path) -> str | None:
    """Return the runner's line for one vector, None if it holds no single block."""
    meta = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if meta["kind"] != "block":
        return None
    error, samples = meta["error"], path.with_suffix(".i32")
    block = meta["blocks"][0] if meta["blocks"] else None
    refused = error is not None and error != "event"
    status = CODES[error] if refused else block["header"]["n_frames"]
    events = CODES["event"] if error == "event" else "-" if refused else len(block["events"])
    ours = block and error is None and block["header"]["version_minor"] == c.VERSION_MINOR
    rewrite = chunk_frames(path, block["header"]) if ours else 0
    return f"{path.name} 0 {status} {events} {samples.name if samples.exists() else '-'} {rewrite}"


def test_every_block_vector_is_read_and_written_byte_for_byte() -> None:
    vectors = sorted(FOLDER.glob("*.bin"))
    if not vectors:
        pytest.skip("no vectors in tests/vectors/v1")
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    subprocess.run(["make", "-s", "-j2", "-C", str(ROOT / "native"), "vectors", "CC=gcc"], check=True)
    lines = [line for line in map(expectation, vectors) if line]
    runner = [str(ROOT / "native" / "build" / "vectors"), str(FOLDER)]
    done = subprocess.run(runner, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(lines)} blocks, 0 differences" in done.stdout
