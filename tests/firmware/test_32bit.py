# SPDX-License-Identifier: Apache-2.0
"""The firmware on a 32-bit MicroPython, as on the boards: integers of 2^30 and more are heap objects there.

The machine is MicroPython's own WebAssembly port (tools/mp32, fetched and checked by `make .venv/.test`), run by Node.
It has no viper, so the plain twins run; the machine code of the viper twins is run on an emulated Cortex-M by
test_codec_on_cortexm.py. What is left of codec_fast.py, its Python, is measured here over stubs of its viper functions.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FIRMWARE, ROOT, find_tool

HERE = Path(__file__).resolve().parent
NODE = find_tool("node")
MACHINE = Path(sys.prefix) / "mp32/node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"

pytestmark = pytest.mark.skipif(not (NODE and MACHINE.exists()), reason=f"no {MACHINE} or no node: make .venv/.test")

POLLS = "250"  # of 50 frames: over the wraps, and over blocks of every kind
STUBS = '''
def predict(p, acc, frames, count, words, levels, entries):
    """Two bytes a frame, as far as the budget goes."""
    room = (p[_BUDGET] - p[_COST]) >> 12
    if room < count:
        count = room
    p[_COST] += count << 12
    p[_FILL] += count << 3
    return count


def code(x, word, words, entries, buffer, used, limit, n_frames, n_leads):
    """Where two bytes a frame would end."""
    return used + 10 + (n_frames << 1)


def copy_words(source, target, n):
    for i in range(n):
        target[i] = source[i]


class Encoder:'''


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """The recorder's files without their viper twins: importing those fails, and the plain ones stand in."""
    folder = tmp_path_factory.mktemp("firmware32")
    for file in (FIRMWARE / "recorder").glob("*.py"):
        if not file.stem.endswith("_fast"):
            (folder / "recorder").mkdir(exist_ok=True)
            shutil.copy(file, folder / "recorder")
    return folder


def run(script, firmware, *arguments, heap=1 << 21, folders=()):
    """Run a script of this folder; return what it printed."""
    runner = ROOT / "tools/mp32/run.mjs"
    command = [NODE, runner, MACHINE, str(heap), script, f"firmware={firmware}", *folders, "--", "/firmware", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout


def test_vectors_ring_app_and_driver(firmware):
    said = run(HERE / "mp_32bit.py", firmware, "/vectors", folders=[f"vectors={ROOT / 'tests/vectors/v1'}"])
    print(said)
    assert re.match(r"(\d+) vectors written", said)[1] == "12"
    assert "head found" in said


def test_the_link_gives_its_vectors(firmware):
    said = run(HERE / "mp_link.py", firmware, "/vectors", folders=[f"vectors={ROOT / 'tests/vectors/link'}"])
    assert said.strip() == "25 vectors"


def test_blocks_are_sealed_as_in_the_vectors(firmware):
    """The tags: this machine has no cryptolib. BlockSeal with another AES is test_seal.py's."""
    said = run(HERE / "mp_seal.py", firmware, "/vectors", folders=[f"vectors={ROOT / 'tests/vectors/seal'}"])
    assert said.strip() == "6 vectors"


def test_nothing_is_allocated_per_frame(firmware):
    said = run(HERE / "mp_steady.py", firmware, POLLS)
    print(said)
    assert said.count("0 bytes a frame") == 5


def test_the_python_around_the_viper_encoder_allocates_nothing_per_frame(firmware, tmp_path):
    source = (FIRMWARE / "recorder/codec_fast.py").read_text()
    head, rest = source.split("@micropython.viper", 1)
    tail = rest[rest.index("\nclass Encoder:") + len("\nclass Encoder:") :]
    assert "micropython.viper" not in tail
    shutil.copytree(firmware, tmp_path / "f")
    (tmp_path / "f/recorder/codec_fast.py").write_text(head + STUBS + tail)
    said = run(HERE / "mp_steady.py", tmp_path / "f", POLLS)
    print(said)
    assert said.count("0 bytes a frame") == 7
    assert "ADAPTIVE" in said


def test_the_test_sees_an_integer_that_leaves_the_small_range(firmware, tmp_path):
    """The measure itself: a counter of the hot path that passes 2^30 is found out."""
    shutil.copytree(firmware, tmp_path / "f")
    file = tmp_path / "f/recorder/capture.py"
    source = file.read_text()
    assert source.count("MASK = 0x0FFFFFFF") == 1
    file.write_text(source.replace("MASK = 0x0FFFFFFF", "MASK = 0x7FFFFFFF"))
    with pytest.raises(AssertionError, match=r"bytes in a poll"):
        run(HERE / "mp_steady.py", tmp_path / "f", POLLS)
