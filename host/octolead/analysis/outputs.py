# SPDX-License-Identifier: Apache-2.0
"""An analysis as files that other programs read: CSV or Parquet, JSON, and a WFDB annotation file."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..native.beats import TEMPLATE_R, TEMPLATE_STEP_MS, reasons
from .analysis import Analysis

ANNOTATOR = "oct"


def write_all(analysis: Analysis, folder: Path, *, parquet: bool = False) -> list[Path]:
    """Write beats, `episodes.json`, `hourly.csv`, `hrv.csv`, `templates.json`, `summary.json` and the annotations; return what was written.

    Raises:
        ImportError: the package `wfdb`, or `pyarrow` for Parquet, is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beats = _beats_parquet if parquet else _beats_csv
    written = [write(analysis, folder) for write in (beats, _episodes, _hours, _hrv, _templates, _summary)]
    annotations = write_annotations(analysis, folder)
    return [*written, annotations] if annotations else written


def _beats_csv(analysis: Analysis, folder: Path) -> Path:
    path = folder / "beats.csv"
    columns = analysis.beat_table()
    columns["reasons"] = _in_words(columns["reasons"])
    texts = [_texts(name, column) for name, column in columns.items()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*texts, strict=True))
    return path


def _in_words(bits: npt.NDArray[np.uint32]) -> npt.NDArray[np.object_]:
    """Few of all combinations occur: each is put in words once."""
    kinds, place = np.unique(bits, return_inverse=True)
    return np.array([*("; ".join(reasons(int(kind))) for kind in kinds), ""], object)[:-1][place]


def _texts(name: str, column: npt.NDArray[Any]) -> list[Any]:
    """A number that cannot be told is an empty field."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    digits = 4 if name == "time_s" else 1
    return ["" if value != value else f"{value:.{digits}f}" for value in column.tolist()]


def _beats_parquet(analysis: Analysis, folder: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    path = folder / "beats.parquet"
    columns = analysis.beat_table()
    columns["reasons"] = _in_words(columns["reasons"])
    arrays = {name: pyarrow.array(column, from_pandas=True) for name, column in columns.items()}  # NaN is null there
    facts = {"fs_hz": str(analysis.fs_hz), "start_utc": analysis.start_utc or "", "name": analysis.name}
    pyarrow.parquet.write_table(pyarrow.table(arrays, metadata=facts), path)
    return path


def _templates(analysis: Analysis, folder: Path) -> Path:
    """Each morphology that has beats: how many of each class, and its mean waveform."""
    beats = analysis.found.beats
    rows = []
    for number in np.unique(beats.labels["cluster"]).tolist():
        symbols = analysis.symbol[beats.labels["cluster"] == number]
        rows.append(
            {
                "cluster": number,
                "n_beats": len(symbols),
                "classes": dict(Counter(symbols.tolist()).most_common()),
                "microvolt": {lead: np.rint(beats.templates[number][:, k]).astype(int).tolist() for k, lead in enumerate(analysis.leads)},
            }
        )
    rows.sort(key=lambda row: -row["n_beats"])
    return _json(folder / "templates.json", {"step_ms": TEMPLATE_STEP_MS, "qrs_at": TEMPLATE_R, "templates": rows})


def _hrv(analysis: Analysis, folder: Path) -> Path:
    rows = [_flat(asdict(window)) for window in analysis.hrv_windows()]
    return _csv(folder / "hrv.csv", rows or [_flat(asdict(analysis.hrv()))], header_only=not rows)


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, part in value.items():
        out |= _flat(part) if isinstance(part, dict) else {name: _short(part)}
    return out


def _short(value: Any) -> Any:
    """Return numbers at a thousandth of their unit, wherever they stand: more says nothing of a heart."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def _csv(path: Path, rows: list[dict[str, Any]], *, header_only: bool = False) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows([] if header_only else rows)
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
    return _csv(folder / "hourly.csv", analysis.hours() or [{"hour": ""}], header_only=not analysis.hours())


def _summary(analysis: Analysis, folder: Path) -> Path:
    return _json(folder / "summary.json", _short(analysis.summary()))


def _json(path: Path, value: Any) -> Path:
    indent = None if path.name == "templates.json" else 1
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
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
