# SPDX-License-Identifier: Apache-2.0
"""An analysis as files that other programs read: CSV, JSON, and a WFDB annotation file."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..native.beats import reasons
from .analysis import Analysis

ANNOTATOR = "oct"


def write_all(analysis: Analysis, folder: Path) -> list[Path]:
    """Write `beats.csv`, `episodes.json`, `hourly.csv`, `summary.json` and the annotations; return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [_beats(analysis, folder), _episodes(analysis, folder), _hours(analysis, folder), _summary(analysis, folder)]
    annotations = write_annotations(analysis, folder)
    return [*written, annotations] if annotations else written


def _beats(analysis: Analysis, folder: Path) -> Path:
    path = folder / "beats.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "time_s", "utc", "symbol", "rr_ms", "cluster", "confidence_percent", "qrs_ms", "reasons"])
        for label, symbol, rr in zip(analysis.found.beats.labels, analysis.symbol, analysis.rr_s, strict=True):
            frame = int(label["frame"])
            words = "; ".join(reasons(int(label["reasons"])))
            rr_ms = "" if np.isnan(rr) else f"{1000 * rr:.1f}"
            width_ms = 2 * int(label["width_2ms"]) or ""
            row = [frame, f"{frame / analysis.fs_hz:.4f}", analysis.utc_of(frame) or "", symbol, rr_ms]
            writer.writerow([*row, int(label["cluster"]), int(label["confidence"]), width_ms, words])
    return path


def _episodes(analysis: Analysis, folder: Path) -> Path:
    rows = [
        {
            "kind": e.kind,
            "start_frame": e.start_frame,
            "stop_frame": e.stop_frame,
            "start_s": round(e.start_frame / analysis.fs_hz, 4),
            "duration_s": round((e.stop_frame - e.start_frame) / analysis.fs_hz, 4),
            "start_utc": analysis.utc_of(e.start_frame),
            **e.facts,
        }
        for e in analysis.episodes
    ]
    return _json(folder / "episodes.json", rows)


def _hours(analysis: Analysis, folder: Path) -> Path:
    path, rows = folder / "hourly.csv", analysis.hours()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["hour"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def _summary(analysis: Analysis, folder: Path) -> Path:
    return _json(folder / "summary.json", analysis.summary())


def _json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def record_name(analysis: Analysis) -> str:
    """Return the name a WFDB record may have: letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", analysis.name) or "record"


def write_annotations(analysis: Analysis, folder: Path) -> Path | None:
    """Write the beats as `NAME.oct`: MIT symbols N S V F Q /, and [ ] around ventricular fibrillation. None without beats.

    Raises:
        ImportError: the package `wfdb` is not installed.
    """
    import wfdb

    marks = [(int(f), str(s)) for f, s in zip(analysis.frame, analysis.symbol, strict=True)]
    for first, after in analysis.found.spans_of("vf"):
        marks += [(first, "["), (after, "]")]
    if not marks:
        return None
    marks.sort()
    name = record_name(analysis)
    wfdb.wrann(name, ANNOTATOR, np.array([m[0] for m in marks]), [m[1] for m in marks], fs=analysis.fs_hz, write_dir=str(folder))
    return folder / f"{name}.{ANNOTATOR}"
