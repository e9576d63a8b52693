# SPDX-License-Identifier: Apache-2.0
"""Hours of the simulated recorder in virtual time: time of day, marks of the button, and the gain at both ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from .. import simulator
from ..recording import Recording
from ..recording import open as open_recording
from .bench import Bench, by_lead
from .stimulus import Floats, Signal, nanovolt_of
from .tones import fit_tones

KEYS = ("time_anchored", "event_button", "gain_stability")
_TONE_HZ, _TONE_UV = 10.0, 500.0
_BEGAN = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
_LOOKS = 25
_UNCERTAINTY_MS = 20
_TOLD_AT_S = 5.0
_WINDOW_S = 10.0


def day(bench: Bench, hours: float, config: Mapping[str, Any]) -> None:
    """Run a simulated recorder of this configuration for so many hours and look at what it stored."""
    bench.say(f"{hours:g} hours in virtual time")
    front = config.get("front_end") or {}
    true_hz = bench.rate_hz * (1 + front.get("rate_ppm", 0) * 1e-6)
    n = round(hours * 3600 * bench.rate_hz)
    marks = [n * k // 8 for k in range(1, 8)]
    card = bench.folder / "day.img"
    simulator.run(_config(bench, n, true_hz, marks, card, config))
    with open_recording(card) as recording:
        bench.lost["day"] = float(sum(gap.stop_frame - gap.start_frame for gap in recording.gaps)) + max(0, n - recording.n_frames)
        bench.judge("time_anchored", _time_off_s(recording, true_hz), f"over {hours:g} h, {len(recording.anchors)} times told")
        bench.judge("event_button", _marks_off(recording, marks), f"{len(marks)} presses")
        bench.judge_live("gain_stability", by_lead(recording, _gain_change(bench, recording)), f"over {hours:g} h")
    card.unlink()


def _config(bench: Bench, n: int, true_hz: float, marks: list[int], card: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    source = bench.folder / "day.olnv"
    tone = Signal("", 1.0, lambda t: np.asarray(_TONE_UV * np.cos(2 * np.pi * _TONE_HZ * t)))
    simulator.write_input(source, nanovolt_of(tone, bench.rate_hz), bench.rate_hz)
    told = [round(_TOLD_AT_S * bench.rate_hz), n - round(_TOLD_AT_S * bench.rate_hz)]
    return {
        **{key: value for key, value in config.items() if key == "front_end"},
        "input": str(source),
        "card": str(card),
        "card_bus": "block",
        "card_mib": max(64, n * 24 // (1 << 20) + 96),
        "rate_hz": bench.rate_hz,
        "frames": n,
        "marks": marks,
        "set_times": [[frame, _utc_us(frame, true_hz), _UNCERTAINTY_MS] for frame in told],
    }


def _utc_us(frame: int, true_hz: float) -> int:
    return int(_BEGAN.timestamp() * 1e6) + round(frame / true_hz * 1e6)


def _time_off_s(recording: Recording, true_hz: float) -> dict[str, float]:
    """How far the time of day of frames along the recording is from what it was."""
    off = {}
    for frame in np.linspace(0, recording.n_frames - 1, _LOOKS).astype(int).tolist():
        moment = recording.time_of(frame)
        true = _BEGAN + timedelta(seconds=frame / true_hz)
        hour = f"after {frame / true_hz / 3600:.2f} h"
        off[hour] = abs((moment.utc - true).total_seconds()) if moment else float("inf")
    return off


def _marks_off(recording: Recording, pressed: list[int]) -> dict[str, float]:
    found = [mark.frame for mark in recording.marks if mark.origin == "patient"]
    return {f"mark {k}": float(min((abs(frame - want) for frame in found), default=np.inf)) for k, want in enumerate(pressed)}


def _gain_change(bench: Bench, recording: Recording) -> Floats:
    n = round(_WINDOW_S * bench.rate_hz)
    ends = [recording.signal_uv(0, n), recording.signal_uv(recording.n_frames - n, recording.n_frames)]
    gains = [np.abs(fit_tones(np.asarray(part, np.float64), bench.rate_hz, bench.seen_hz((_TONE_HZ,)))[0]) for part in ends]
    return np.asarray(100 * (gains[1] / gains[0] - 1), np.float64)
