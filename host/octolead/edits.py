# SPDX-License-Identifier: Apache-2.0
"""What people changed in an analysis: a log beside the recording, a JSON line a change, and the analysis with them applied.

The log only grows: undoing is a line, too. Each line says what was done, when and by whom:

    {"n": 1, "at": "2026-01-01T12:00:00Z", "who": "anna", "op": "relabel", "frame": 5120, "symbol": "V"}

Operations: `add`, `relabel` (frame, symbol), `delete` (frame), `relabel-template` (cluster, symbol), `delete-template` (cluster),
`add-episode`, `delete-episode` (kind, start_frame, stop_frame), `relabel-episode` (these and `to`), `undo` (of: the line's n).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import beside
from .analysis import Analysis, Episode
from .errors import EditError
from .native.beats import CLASSES, Beats
from .recording import Recording

FILE: Final = "edits.jsonl"
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "add": ("frame", "symbol"),
    "relabel": ("frame", "symbol"),
    "delete": ("frame",),
    "relabel-template": ("cluster", "symbol"),
    "delete-template": ("cluster",),
    "add-episode": ("kind", "start_frame", "stop_frame"),
    "delete-episode": ("kind", "start_frame", "stop_frame"),
    "relabel-episode": ("kind", "start_frame", "stop_frame", "to"),
    "undo": ("of",),
}
_MOST_CHARACTERS: Final = 60

Edit = dict[str, Any]


def check(edit: Edit) -> Edit:
    """Return the fields of a change that count, or say what is wrong with it.

    Raises:
        EditError: an unknown operation, or a field that is absent or no such value.
    """
    op = edit.get("op")
    if op not in _FIELDS:
        raise EditError(f"operation {op!r}: one of {', '.join(_FIELDS)}")
    kept: Edit = {"op": op}
    for name in _FIELDS[op]:
        value = edit.get(name)
        if name == "symbol":
            good = value in CLASSES
        elif name in ("kind", "to"):
            good = isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable()
        else:
            good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
        if not good:
            raise EditError(f"{op}: {name} is {value!r}; {_wanted(name)}")
        kept[name] = value
    if "stop_frame" in kept and kept["stop_frame"] <= kept["start_frame"]:
        raise EditError(f"{op}: it ends at frame {kept['stop_frame']}, before it begins at {kept['start_frame']}")
    return kept


def _wanted(name: str) -> str:
    if name == "symbol":
        return f"one of {' '.join(CLASSES)}"
    return f"1 to {_MOST_CHARACTERS} characters" if name in ("kind", "to") else "a whole number from 0 on"


class EditLog:
    """The log of a recording. A last line that was torn is left out when reading, and cut off by the next one that is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Edit]:
        """All lines, undone ones and undoings among them.

        Raises:
            EditError: a line that is none, by its number.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1].splitlines()
        return [self._parse(number, line) for number, line in enumerate(whole, 1)]

    def _parse(self, number: int, line: bytes) -> Edit:
        try:
            entry = json.loads(line)
            return {"n": int(entry["n"]), "at": str(entry["at"]), "who": str(entry["who"]), **check(entry)}
        except (ValueError, KeyError, TypeError, EditError) as error:
            raise EditError(f"{self.path.name}, line {number}: no change that this version knows ({error}); mend or remove it") from error

    def active(self) -> list[Edit]:
        """What holds: changes that were not undone, oldest first."""
        lines = self.lines()
        undone = {line["of"] for line in lines if line["op"] == "undo"}
        return [line for line in lines if line["op"] != "undo" and line["n"] not in undone]

    def append(self, edit: Edit, who: str) -> Edit:
        """Write a change down; return it as it stands in the log.

        Raises:
            EditError: it is none; or there is nothing to undo.
            OSError: the log cannot be written.
        """
        kept, lines = check(edit), self.lines()
        if kept["op"] == "undo" and kept["of"] not in {line["n"] for line in self.active()}:
            raise EditError(f"change {kept['of']} cannot be undone: there is none that holds")
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        entry = {"n": 1 + max((line["n"] for line in lines), default=0), "at": at, "who": who[:_MOST_CHARACTERS], **kept}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return entry


def log_of(recording: Recording) -> EditLog | None:
    """The log of a recording, or None when nothing was ever changed."""
    path = beside.find(recording, FILE)
    return EditLog(path) if path else None


@dataclass(frozen=True)
class EditedAnalysis(Analysis):
    """An analysis with changes applied: beats are in its arrays, episodes are changed after they were computed from these.

    Attributes:
        edits: what was applied.
        touched: one a beat, whether a person gave it its class or its place.
    """

    edits: tuple[Edit, ...] = ()
    touched: npt.NDArray[np.bool_] | None = None

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        """All kinds, by start, as people left them."""
        computed = Analysis.episodes.func(self)  # type: ignore[attr-defined]
        return edited_episodes(computed, self.edits)


def apply_edits(analysis: Analysis, edits: Sequence[Edit]) -> Analysis:
    """Return the analysis as people left it: rates, runs and everything else that follows from beats follows from theirs.

    Args:
        analysis: as the program made it.
        edits: `EditLog.active()`.
    """
    if not edits:
        return analysis
    found = analysis.found
    labels, rows, touched = edited_labels(found.beats.labels, edits)
    kept = rows >= 0
    waves = np.empty(len(rows), found.waves.dtype)
    waves[kept] = found.waves[rows[kept]]
    waves[~kept] = _no_wave(found.waves.dtype)
    waves["frame"] = labels["frame"]
    fiducial_s = labels["frame"] / analysis.fs_hz
    fiducial_s[kept] = found.fiducial_s[rows[kept]]
    beats = Beats(labels, found.beats.templates, found.beats.counts)
    values = {name: getattr(analysis, name) for name in ("name", "leads", "fs_hz", "n_frames", "start_utc", "marks", "gaps")}
    return EditedAnalysis(
        **values, found=replace(found, beats=beats, waves=waves, fiducial_s=fiducial_s), edits=tuple(edits), touched=touched
    )


def _no_wave(dtype: np.dtype[Any]) -> Any:
    """Nothing is known of the waves of a beat that a person put there."""
    one = np.zeros(1, dtype)
    _fill(one)
    return one[0]


def _fill(array: npt.NDArray[Any]) -> None:
    for name in array.dtype.names or ():
        if array.dtype[name].base.names:
            _fill(array[name])
        elif array.dtype[name].base.kind == "f":
            array[name] = np.nan


def edited_labels(labels: npt.NDArray[Any], edits: Sequence[Edit]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return (labels as people left them, row each had before or -1 where it is new, whether it was touched)."""
    out, rows = np.array(labels), np.arange(len(labels))
    touched = np.zeros(len(labels), np.bool_)
    for edit in edits:
        op = edit["op"]
        if op == "add":
            out, rows, touched = _added(out, rows, touched, edit)
        elif not op.endswith("episode"):
            name = "cluster" if op.endswith("template") else "frame"
            here = out[name] == edit[name]
            if op.startswith("delete"):
                out, rows, touched = out[~here], rows[~here], touched[~here]
            else:
                out["beat_class"][here] = CLASSES.index(edit["symbol"])
                out["confidence"][here], out["reasons"][here], touched[here] = 100, 0, True
    return out, rows, touched


def _added(
    labels: npt.NDArray[Any], rows: npt.NDArray[np.int64], touched: npt.NDArray[np.bool_], edit: Edit
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    place = int(np.searchsorted(labels["frame"], edit["frame"]))
    if place < len(labels) and labels["frame"][place] == edit["frame"]:
        return labels, rows, touched
    one = np.zeros(1, labels.dtype)
    one["frame"], one["beat_class"], one["confidence"] = edit["frame"], CLASSES.index(edit["symbol"]), 100
    same = np.flatnonzero(labels["beat_class"] == one["beat_class"][0])
    nearest = same[np.argmin(np.abs(same - place))] if len(same) else min(place, len(labels) - 1)
    one["cluster"] = labels["cluster"][nearest] if len(labels) else 0
    return np.insert(labels, place, one), np.insert(rows, place, -1), np.insert(touched, place, True)


def edited_episodes(episodes: Sequence[Episode], edits: Sequence[Edit]) -> tuple[Episode, ...]:
    """Return the episodes as people left them, by start."""
    out = list(episodes)
    for edit in edits:
        if not edit["op"].endswith("episode"):
            continue
        key = edit["kind"], edit["start_frame"], edit["stop_frame"]
        same = [e for e in out if (e.kind, e.start_frame, e.stop_frame) == key]
        out = [e for e in out if e not in same]
        if edit["op"] == "add-episode":
            out.append(Episode(*key, {"by": edit.get("who", "")}))
        elif edit["op"] == "relabel-episode":
            out += [replace(e, kind=edit["to"]) for e in same]
    return tuple(sorted(out, key=lambda e: (e.start_frame, e.stop_frame)))
