# SPDX-License-Identifier: Apache-2.0
"""The main job, end to end: a real ECG is played into the simulated recorder and read back, sample by sample."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import simulator
from .demo_signal import Played, default_input, prepare
from .encode import DEFAULT_CODEC
from .export import write_olr
from .recording import Recording
from .recording import open as open_recording
from .strip import draw_strip

DEVICE_ID = "0c70 1ead de30 0001".replace(" ", "")
_MIB = 1 << 20
_SMALLEST_CARD_MIB = 64
_STRIP_S = 10.0
_CHUNK_FRAMES = 1 << 18

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DemoResult:
    """What came out: the summary as written to summary.json, and the files."""

    summary: dict[str, Any]
    out: Path
    messages: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every frame played was recorded and none differs."""
        s = self.summary
        return bool(s["frames_different"] == 0 and s["frames_recorded"] == s["frames_played"] and not s["gaps"])


def run_demo(
    out: str | os.PathLike[str],
    *,
    record: str | None = None,
    seconds: float = 60.0,
    rate_hz: int = 500,
    config: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> DemoResult:
    """Run it.

    Args:
        out: folder for card.img, recording.olr, strip.png, summary.json; made if it is not there.
        record: WFDB record or DICOM waveform; default the one that pydicom ships.
        seconds: how long to play; the record is looped.
        rate_hz: what the recorder samples at: 250, 500 or 1000.
        config: further keys for the simulator.
        progress: called with (what, done, of).

    Raises:
        OctoleadError: the record cannot be read, the simulator failed, or its card cannot be read.
        ValueError: `seconds` is not possible.
    """
    if not 1 <= seconds <= 100 * 3600:
        raise ValueError(f"{seconds:g} seconds: 1 to 360000 are possible")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    tell = progress or (lambda what, done, of: None)
    tell("preparing", 0, 1)
    played = prepare(record or default_input(), seconds, rate_hz)
    tell("preparing", 1, 1)
    card = folder / "card.img"
    with tempfile.TemporaryDirectory(prefix=".octolead-", dir=folder) as scratch:
        tap = Path(scratch) / "tap.bin"
        status = _play(played, card, Path(scratch), tap, config or {}, tell)
        with open_recording(card, check=True) as recording:
            summary = _summary(recording, played, status, tap, tell)
            write_olr(recording, folder / "recording.olr")
            _strip(recording, folder / "strip.png", played)
    summary["files"] = {"card": "card.img", "recording": "recording.olr", "strip": "strip.png"}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return DemoResult(summary, folder, played.messages)


def _play(played: Played, card: Path, scratch: Path, tap: Path, more: dict[str, Any], tell: Progress) -> dict[str, Any]:
    n = played.n_frames
    source = scratch / "input.olnv"
    simulator.write_input(source, played.nanovolt, played.rate_hz)
    card.unlink(missing_ok=True)
    config = {
        "input": str(source.resolve()),
        "card": str(card.resolve()),
        "card_mib": card_mib(n),
        "format": True,
        "rate_hz": played.rate_hz,
        "frames": n,
        "marks": [n // 2],
        "clock": "virtual",
        "device_id": DEVICE_ID,
        "tap": str(tap.resolve()),
        "codec": DEFAULT_CODEC,
        **more,
    }
    return simulator.run(config, progress=lambda done, of: tell("recording", done, of))


def card_mib(n_frames: int) -> int:
    """A card on which these frames fit even if nothing compresses: 64 MiB, or as many more as it takes."""
    needed = n_frames * 8 * 3 * 1.1 / _MIB + 16
    size = _SMALLEST_CARD_MIB
    while size < needed:
        size *= 2
    return size


def _summary(recording: Recording, played: Played, status: dict[str, Any], tap: Path, tell: Progress) -> dict[str, Any]:
    different, compared = compare_with_tap(recording, tap, tell)
    missing = sum(g.n_frames for g in recording.gaps)
    frames = recording.n_frames - missing
    bits = 8 * recording.n_bytes / (frames * len(recording.stored_leads)) if frames else 0.0
    day_samples = recording.fs_hz * 86400 * len(recording.stored_leads)
    return {
        "record": played.record,
        "seconds": played.n_frames / played.rate_hz,
        "rate_hz": recording.fs_hz,
        "leads": list(recording.stored_leads),
        "step_uv": recording.step_uv,
        "frames_played": int(status.get("frames_played", 0)),
        "frames_recorded": frames,
        "frames_compared": compared,
        "frames_different": different,
        "bits_per_sample": round(bits, 4),
        "mb_per_24h": round(bits * day_samples / 8e6, 1),
        "blocks": recording.n_blocks,
        "bytes": recording.n_bytes,
        "session_id": recording.session_id,
        "device_id": recording.device_id,
        "marks": [{"frame": m.frame, "time_s": m.frame / recording.fs_hz, "origin": m.origin, "text": m.text} for m in recording.marks],
        "gaps": [{"start_frame": g.start_frame, "stop_frame": g.stop_frame, "cause": g.cause} for g in recording.gaps],
        "simulator": status,
    }


def compare_with_tap(recording: Recording, tap: Path, tell: Progress | None = None) -> tuple[int, int]:
    """(frames that differ, frames compared) between what left the converter, quantised here, and what is read back.

    A frame the converter gave and the recording has not, or the other way round, differs.
    """
    size = tap.stat().st_size // 27 if tap.exists() else 0
    shift = recording.shift
    frames = np.memmap(tap, np.uint8, "r", shape=(size, 27)) if size else np.zeros((0, 27), np.uint8)
    different, both = 0, min(size, recording.n_frames)
    for at in range(0, both, _CHUNK_FRAMES):
        stop = min(both, at + _CHUNK_FRAMES)
        wanted = simulator.quantise(simulator.codes_of(frames[at:stop]), shift)
        different += int((wanted != recording.signal_raw(at, stop)).any(axis=1).sum())
        if tell:
            tell("comparing", stop, both)
    return different + abs(size - recording.n_frames), both


def _strip(recording: Recording, path: Path, played: Played) -> None:
    marks = recording.marks
    centre = marks[0].frame if marks else recording.n_frames // 2
    half = int(_STRIP_S / 2 * recording.fs_hz)
    start = max(0, min(centre - half, recording.n_frames - 2 * half))
    draw_strip(
        recording,
        path,
        start_frame=start,
        stop_frame=min(recording.n_frames, start + 2 * half),
        title=f"Octolead demo: {played.record}",
    )
