# SPDX-License-Identifier: Apache-2.0
"""Tiles for the browser (docs/VIEW.md): samples or lowest and highest values, filtered if wished, as 16-bit integers."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..leads import DERIVED
from ..native import filters
from ..native import pyramid as core
from ..recording import Recording
from . import pyramid
from .pyramid import Pyramid

RAW_SAMPLES: Final = 4096
FIRST_STORED: Final = 3
TOP: Final = FIRST_STORED + pyramid.LEVELS - 1
HEAD: Final = struct.Struct("<HHIII")
MISSING: Final = -32768
FILTERED, MIN_MAX = 1, 2
_BEFORE_S: Final = 20.0
_AFTER_S: Final = 10.0
_AROUND_S: Final = 0.7
_RUN_FRAMES: Final = 1 << 18

Microvolt = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Filters:
    """Which filters: baseline 0.05 (monitor, causal), 0.5 or 0.67 Hz; mains 50 or 60 Hz; low-pass in Hz; 0 is none.

    Raises:
        ValueError: another value.
    """

    baseline_hz: float = 0.0
    mains_hz: float = 0.0
    low_pass_hz: float = 0.0

    def __post_init__(self) -> None:
        chosen = (self.baseline_hz, self.mains_hz, self.low_pass_hz)
        for value, possible in zip(chosen, ((0, 0.05, 0.5, 0.67), (0, 50, 60), (0, 40, 100, 150)), strict=True):
            if value not in possible:
                raise ValueError(f"filter at {value:g} Hz: one of {', '.join(f'{p:g}' for p in possible)}")

    def __bool__(self) -> bool:
        return bool(self.baseline_hz or self.mains_hz or self.low_pass_hz)


def level_frames(level: int) -> int:
    """Frames of a bucket.

    >>> [level_frames(k) for k in (0, 1, 3)]
    [1, 4, 64]
    """
    return 1 << 2 * level


def tile_frames(level: int) -> int:
    """Frames of a tile."""
    return RAW_SAMPLES if level == 0 else pyramid.TILE * level_frames(level)


def filtered(recording: Recording, start: int, stop: int, leads: Sequence[str], chosen: Filters) -> Microvolt:
    """Frames `start` to `stop` of stored leads in µV, NaN where they are missing; as if the whole recording had been filtered."""
    fs = recording.fs_hz
    if not chosen:
        return recording.signal_uv(start, stop, leads)
    wide = bool(chosen.baseline_hz or chosen.mains_hz)
    first = max(0, start - round((_BEFORE_S if wide else _AROUND_S) * fs))
    after = min(recording.n_frames, stop + round((_AFTER_S if chosen.baseline_hz >= 0.5 else _AROUND_S) * fs))
    signal = recording.signal_uv(first, after, leads)
    out = np.full((stop - start, len(leads)), np.nan, np.float32)
    there = [(0, len(signal))] if np.isfinite(signal.sum()) else _whole(np.asarray(~np.isnan(signal).any(axis=1)))
    for a, b in there:
        low, high = max(a, start - first), min(b, stop - first)
        if low < high:
            out[low - (start - first) : high - (start - first)] = _run(signal[a:b], fs, chosen, low - a, high - a)
    return out


def _whole(there: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _run(signal: Microvolt, fs_hz: float, chosen: Filters, low: int, high: int) -> Microvolt:
    """Filter a stretch without gaps; the long filters over all of it, the low-pass only where it is needed."""
    if chosen.baseline_hz == 0.05:
        signal = filters.monitor_baseline(signal, fs_hz)
    elif chosen.baseline_hz:
        signal = filters.remove_baseline(signal, fs_hz, chosen.baseline_hz)
    if chosen.mains_hz:
        signal = filters.remove_mains(signal, fs_hz, chosen.mains_hz)
    if chosen.low_pass_hz and chosen.low_pass_hz < 0.45 * fs_hz:
        around = round(_AROUND_S * fs_hz)
        a = max(0, low - around)
        part = filters.low_pass(signal[a : high + around], fs_hz, chosen.low_pass_hz)
        return part[low - a : high - a]
    return signal[low:high]


def _needed(names: Sequence[str]) -> list[str]:
    stored = [name for name in names if name not in DERIVED]
    return list(dict.fromkeys([*stored, *(("I", "II") if any(name in DERIVED for name in names) else ())]))


def signal_of(recording: Recording, start: int, stop: int, names: Sequence[str], chosen: Filters) -> Microvolt:
    """As `filtered`, for derived leads too."""
    needed = [name for name in names if name in recording.stored_leads] if set(names) <= set(recording.stored_leads) else _needed(names)
    signal = filtered(recording, start, stop, needed, chosen)
    if list(names) == needed:
        return signal
    columns = []
    for name in names:
        if name in needed:
            columns.append(signal[:, needed.index(name)])
        else:
            lead = DERIVED[name]
            columns.append(lead.of_i * signal[:, needed.index("I")] + lead.of_ii * signal[:, needed.index("II")])
    return np.stack(columns, axis=1).astype(np.float32)


def tiles(
    recording: Recording, made: Pyramid | None, level: int, first: int, last: int, names: Sequence[str], chosen: Filters
) -> Iterator[bytes]:
    """Yield tiles `first` to `last` of some leads; b"" where the recording has none, or not yet.

    Filters run over many tiles at once: before each run they need 20 s to settle.
    """
    per_run = max(1, _RUN_FRAMES // tile_frames(level))
    for at in range(first, last + 1, per_run):
        after = min(at + per_run, last + 1)
        if level >= FIRST_STORED:
            yield from (_stored(recording, made, level, index, names) for index in range(at, after))
        else:
            yield from _made(recording, level, at, after, names, chosen)


def _made(recording: Recording, level: int, first: int, after: int, names: Sequence[str], chosen: Filters) -> Iterator[bytes]:
    frames, n = tile_frames(level), recording.n_frames
    start, stop = min(first * frames, n), min(after * frames, n)
    signal = signal_of(recording, start, stop, names, chosen)
    least_step_uv = (recording.common_step_uv if not chosen else None) or 0.5
    pack = _raw if level == 0 else partial(_buckets, level)
    for index in range(first, after):
        part = signal[index * frames - start : (index + 1) * frames - start]
        yield pack(part, index, least_step_uv, FILTERED if chosen else 0) if len(part) else b""


def _raw(signal: Microvolt, index: int, least_step_uv: float, flags: int) -> bytes:
    n = len(signal)
    scale, data = np.zeros((2, signal.shape[1]), np.float32), np.full((signal.shape[1], n), MISSING, np.int16)
    for k in range(signal.shape[1]):
        there = np.isfinite(signal[:, k])
        if there.any():
            low, high = float(signal[there, k].min()), float(signal[there, k].max())
            step = max(least_step_uv, (high - low) / 64000)
            zero = step * round((low + high) / 2 / step)
            scale[:, k] = zero, step
            data[k, there] = np.rint((signal[there, k] - zero) / step)
    return _packed(0, index, n, flags, scale, b"", data)


def _buckets(level: int, signal: Microvolt, index: int, least_step_uv: float, flags: int) -> bytes:
    places = range(0, signal.shape[1], 8)
    parts = [np.ascontiguousarray(signal[:, k : k + 8]) for k in places]
    made = [(maker := core.Pyramid(p.shape[1], level_frames(level)), maker.push(p), maker.end()) for p in parts]
    tiles = [
        pyramid.pack_tile(np.concatenate(buckets), part.shape[1], least_step_uv) for part, (_, *buckets) in zip(parts, made, strict=True)
    ]
    scale = np.concatenate([np.stack([t.zero_uv, t.step_uv]) for t in tiles], axis=1)
    pairs = np.concatenate([t.pairs for t in tiles])
    return _packed(level, index, pairs.shape[1], flags | MIN_MAX, scale, np.zeros(pairs.shape[1], "<u2").tobytes(), pairs)


def _stored(recording: Recording, made: Pyramid | None, level: int, index: int, names: Sequence[str]) -> bytes:
    found = made.tile(level - FIRST_STORED, index) if made else None
    if found is None:
        return b""
    derived = list(DERIVED)
    traces = [8 + derived.index(n) if n not in recording.stored_leads else recording.stored_leads.index(n) for n in names]
    scale = np.stack([found.zero_uv[traces], found.step_uv[traces]])
    return _packed(level, index, len(found.flags), MIN_MAX, scale, found.flags.tobytes(), found.pairs[traces])


def _packed(level: int, index: int, n: int, flags: int, scale: npt.NDArray[np.float32], marks: bytes, data: npt.NDArray[Any]) -> bytes:
    head = HEAD.pack(level, scale.shape[1], index, n, flags) + np.ascontiguousarray(scale.T, "<f4").tobytes()
    return head + np.ascontiguousarray(data, "<i2").tobytes() + marks
