# SPDX-License-Identifier: Apache-2.0
"""What operators see: a live table while it goes on, and a summary as text, JSON and HTML."""

import html
import json
import sys
import threading
import time
from collections import Counter
from typing import Any, TextIO

from .record import FAIL, Outcome, Row

_MARKS = {"pass": "ok", "warn": "ok!", "fail": "FAIL"}
_EVERY_S = 0.2
_MOST_LINES = 40


class LiveTable:
    """A line a board, written over on a terminal; elsewhere a line for each step that ended."""

    def __init__(self, steps: list[str], places: dict[str, str], out: TextIO = sys.stderr) -> None:
        self._steps, self._places, self._out = steps, places, out
        self._cells: dict[str, dict[str, str]] = {serial: {} for serial in places}
        self._words: dict[str, str] = {}
        self._lock = threading.Lock()
        self._lines = 0
        self._told = 0.0

    def told(self, serial: str, step: str, outcome: Outcome | None) -> None:
        """A step begins or has ended."""
        with self._lock:
            self._cells[serial][step] = "…" if outcome is None else _MARKS[outcome.state]
            if outcome is not None and outcome.state == FAIL:
                self._words[serial] = outcome.words
            if self._out.isatty():
                self._draw()
            elif outcome is not None:
                words = f"  {outcome.kind}: {outcome.words}" if outcome.words else ""
                self._out.write(f"{self._places[serial]}  {serial}  {step}: {outcome.state}{words}\n")

    def _draw(self, always: bool = False) -> None:
        now = time.monotonic()
        if not always and now - self._told < _EVERY_S:
            return
        self._told = now
        lines = self._table()
        self._out.write(f"\033[{self._lines}F\033[J" if self._lines else "")
        self._out.write("\n".join(lines) + "\n")
        self._out.flush()
        self._lines = len(lines)

    def _table(self) -> list[str]:
        """Boards at work and failed ones first, where not all fit."""
        width = max(map(len, self._places.values()))
        head = f"{'place':<{width}}  " + "  ".join(f"{step:<9}" for step in self._steps)
        order = sorted(self._places, key=lambda serial: (self._rank(serial), self._places[serial]))[:_MOST_LINES]
        lines = [head]
        for serial in sorted(order, key=self._places.__getitem__):
            cells = "  ".join(f"{self._cells[serial].get(step, ''):<9}" for step in self._steps)
            lines.append(f"{self._places[serial]:<{width}}  {cells} {self._words.get(serial, '')[:60]}".rstrip())
        left = len(self._places) - len(order)
        return lines + ([f"and {left} more"] if left else [])

    def _rank(self, serial: str) -> int:
        cells = self._cells[serial].values()
        return 0 if "…" in cells else 1 if "FAIL" in cells else 2

    def close(self) -> None:
        """Draw it a last time."""
        with self._lock:
            if self._out.isatty():
                self._draw(always=True)


def summary(rows: list[Row], steps: list[str]) -> dict[str, Any]:
    """Everything, for programs."""
    states = Counter(row.state(steps) for row in rows)
    return {
        "boards": len(rows),
        **{state: states[state] for state in ("passed", "failed", "open")},
        "steps": steps,
        "rows": [_plain(row, steps) for row in rows],
    }


def _plain(row: Row, steps: list[str]) -> dict[str, Any]:
    found = row.finding()
    return {
        "place": row.place,
        "serial": row.serial,
        "device_id": row.device_id,
        "state": row.state(steps),
        "failed_step": found[0] if found else None,
        "kind": found[1].kind if found else None,
        "words": found[1].words if found else None,
        "steps": {step: outcome.state for step, outcome in row.steps.items()},
    }


def as_text(rows: list[Row], steps: list[str]) -> str:
    """Failed and unfinished boards one by one, the others by their number."""
    found = summary(rows, steps)
    lines = [f"{found['boards']} boards: {found['passed']} passed, {found['failed']} failed, {found['open']} unfinished"]
    for row in found["rows"]:
        if row["state"] != "passed":
            cells = (row["place"], row["serial"], row["failed_step"] or "unfinished", row["kind"] or "", row["words"] or "")
            lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def as_json(rows: list[Row], steps: list[str]) -> str:
    """One JSON object."""
    return json.dumps(summary(rows, steps), indent=1, ensure_ascii=False)


_STYLE = (
    "body{font:14px/1.4 Arial,sans-serif;margin:2em;color:#12161c}table{border-collapse:collapse}"
    "td,th{border:1px solid #c8d0d9;padding:.2em .6em;text-align:left}.failed{background:#f5d3ce}.open{background:#f4f6f8}"
)


def as_html(rows: list[Row], steps: list[str]) -> str:
    """A page by itself."""
    found = summary(rows, steps)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("place", "serial number", "device id", *steps, "finding"))
    body = "".join(_line(row, steps) for row in found["rows"])
    words = f"{found['boards']} boards: {found['passed']} passed, {found['failed']} failed, {found['open']} unfinished"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Octolead station</title><style>{_STYLE}</style>"
        f"<h1>Octolead station</h1><p>{words}</p><table><tr>{head}</tr>{body}</table></html>\n"
    )


def _line(row: dict[str, Any], steps: list[str]) -> str:
    finding = f"{row['kind']}: {row['words']}" if row["kind"] else ""
    cells = [row["place"], row["serial"], row["device_id"], *(row["steps"].get(step, "") for step in steps), finding]
    return f"<tr class={row['state']}>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
