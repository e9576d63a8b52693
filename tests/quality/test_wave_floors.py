# SPDX-License-Identifier: Apache-2.0
"""Floors of the waves on named databases, which may only rise.

A plain matcher of its own, so that a fault of the scorer does not hide one of the delineator. The records are those the
tables were trained on; tools/train_waves.py says how to measure with tables that have not seen one half of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from octolead.native.analyzer import delineate

Numbers = npt.NDArray[np.float64]

BEATS = set("NLRBAaJSVrFejnE/fQ")
EIGHT = ("i", "ii", "v1", "v2", "v3", "v4", "v5", "v6")
COLUMNS = [0, 1, 6, 7, 8, 9, 10, 11]
BOUNDARIES = {("p", "on"): 50, ("p", "off"): 50, ("qrs", "on"): 40, ("qrs", "off"): 50, ("t", "on"): 100, ("t", "off"): 100}
SYMBOLS = {"p": "p", "qrs": "N", "t": "t"}
P_FLOORS = {"101": (98.5, 99.5), "106": (97.5, 98), "119": (99, 99), "122": (99.5, 99.5), "207": (70, 75), "223": (98, 98.5)}


def folder_of(data_dir: Path, name: str) -> Path:
    pytest.importorskip("wfdb")
    if not (data_dir / name).is_dir():
        pytest.skip(f"no records in {data_dir / name}")
    return data_dir / name


def waves_of(notes: Any) -> list[tuple[str, int, int]]:
    """Return (symbol, onset, end) of the annotated waves, -1 where a boundary is not."""
    symbols, samples = ["", *notes.symbol, ""], [0, *(int(s) for s in notes.sample), 0]
    return [
        (c, samples[i - 1] if symbols[i - 1] == "(" else -1, samples[i + 1] if symbols[i + 1] == ")" else -1)
        for i, c in enumerate(symbols)
        if c and c in "pNt"
    ]


def pair(reference: Numbers, found: Numbers, tolerance: float) -> list[tuple[int, int]]:
    """Pair one to one, the nearest first."""
    near = sorted((abs(f - r), i, j) for i, r in enumerate(reference) for j, f in enumerate(found) if abs(f - r) <= tolerance)
    pairs: dict[int, int] = {}
    for _, i, j in near:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return list(pairs.items())


def places(found: Any, offsets_ms: Numbers, fs_hz: float) -> Numbers:
    """Return the whole frames of what was found, without what was not."""
    frames = np.rint(found["frame"].astype(float) + offsets_ms * fs_hz / 1000)
    return frames[~np.isnan(frames)]


def ludb_counts(path: str) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return right, missed and false boundaries of a record, [lead][boundary][3]."""
    import wfdb

    leads = [waves_of(wfdb.rdann(path, lead)) for lead in EIGHT]
    middles = np.sort([(on + off) // 2 for lead in leads for c, on, off in lead if c == "N" and min(on, off) >= 0])
    groups = np.split(middles, np.flatnonzero(np.diff(middles) > 75) + 1)
    beats = [int(np.median(g)) for g in groups if len(g) >= 4]
    found = delineate(wfdb.rdrecord(path).p_signal[:, COLUMNS] * 1000, 500, beats)
    counts = np.zeros((len(EIGHT), len(BOUNDARIES), 3), np.int64)
    for k, waves in enumerate(leads):
        first, last = min(w[1] for w in waves if w[1] >= 0), max(w[2] for w in waves)
        for b, ((wave, side), tolerance_ms) in enumerate(BOUNDARIES.items()):
            truth = np.array([t for w in waves if w[0] == SYMBOLS[wave] and (t := w[1 if side == "on" else 2]) >= 0], float)
            mine = places(found, found["lead"][:, k][wave][side + "_ms"], 500)
            pairs = pair(truth, mine, tolerance_ms / 2)
            paired = {j for _, j in pairs}
            false = [f for j, f in enumerate(mine) if j not in paired and first <= f <= last]
            counts[k, b] = len(pairs), len(truth) - len(pairs), len(false)
    return counts, list(EIGHT)


def macro_f1(counts: npt.NDArray[np.int64]) -> float:
    right, missed, false = counts.T
    return float(np.mean(2 * right / (2 * right + missed + false)))


def test_ludb_boundaries(data_dir: Path) -> None:
    folder = folder_of(data_dir, "ludb") / "data"
    counts = np.array([ludb_counts(str(p.with_suffix("")))[0] for p in sorted(folder.glob("*.hea"))]).sum(0)
    assert macro_f1(counts[1]) >= 0.984, "lead II"
    assert macro_f1(counts.sum(0)) >= 0.983, "eight leads"


def test_qtdb_spread_is_that_of_experts(data_dir: Path) -> None:
    import wfdb

    folder = folder_of(data_dir, "qtdb")
    spread: dict[tuple[str, str], list[float]] = {key: [] for key in BOUNDARIES}
    for file in sorted(folder.glob("*.q1c")):
        path = str(file.with_suffix(""))
        waves = waves_of(wfdb.rdann(path, "q1c"))
        notes = wfdb.rdann(path, "atr" if file.with_suffix(".atr").exists() else "man")
        beats = [s for s, c in zip(notes.sample, notes.symbol, strict=True) if c in BEATS]
        found = delineate(wfdb.rdrecord(path).p_signal * 1000, 250, beats)
        for wave, side in BOUNDARIES:
            truth = [t for w in waves if w[0] == SYMBOLS[wave] and (t := w[1 if side == "on" else 2]) >= 0]
            mine = places(found, found["all_leads"][wave][side + "_ms"], 250)
            errors = [4 * (mine[np.abs(mine - t).argmin()] - t) for t in truth if len(mine)]
            errors = [e for e in errors if abs(e) <= 150]
            if len(errors) > 5:
                spread[wave, side].append(float(np.std(errors)))
    limits = {("p", "on"): 13, ("p", "off"): 11, ("qrs", "on"): 7.5, ("qrs", "off"): 9, ("t", "off"): 19}
    assert not {key: np.mean(spread[key]) for key, limit in limits.items() if np.mean(spread[key]) > limit}


@pytest.mark.parametrize("name", P_FLOORS)
def test_p_peaks_of_mitdb(data_dir: Path, name: str) -> None:
    import wfdb

    path = str(folder_of(data_dir, "mitdb") / name)
    notes = wfdb.rdann(path, "atr")
    beats = np.array([s for s, c in zip(notes.sample, notes.symbol, strict=True) if c in BEATS])
    flutter = np.array([s for s, c in zip(notes.sample, notes.symbol, strict=True) if c in "[]"]).reshape(-1, 2)
    found = delineate(wfdb.rdrecord(path, channels=[0]).p_signal * 1000, 360, beats)
    mine = [places(found, found["lead"]["p"]["peak_ms"][:, 0], 360)]
    mine += [places(found[found["n_extra_p"] > k], found["extra_p_ms"][found["n_extra_p"] > k, k], 360) for k in range(4)]
    peaks = np.array([p for p in np.sort(np.concatenate(mine)) if not ((flutter[:, 0] <= p) & (p <= flutter[:, 1])).any()])
    truth = wfdb.rdann(path, "pwave").sample
    right = sum(bool(np.abs(peaks - t).min() <= 18) for t in truth)
    floor_se, floor_pp = P_FLOORS[name]
    assert 100 * right / len(truth) >= floor_se
    assert 100 * right / len(peaks) >= floor_pp
