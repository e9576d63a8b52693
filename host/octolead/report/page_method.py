# SPDX-License-Identifier: Apache-2.0
"""The last page: how the numbers were made, how good the method is and where that was measured, what was left out."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..paper.surface import Type
from .page_summary import NO_DIAGNOSIS
from .pages import Content, Page
from .sheet import Column, Sheet
from .source import BASELINE_HZ

_METHOD = (
    "Beats are found in all leads together, classed after ANSI/AAMI EC57 by rhythm and shape, and their waves are measured in each lead "
    "and in all. Where no lead can be used, nothing is guessed: such stretches, and gaps, are left out of rates and intervals. Intervals "
    "are of all leads together; QTc is corrected by the RR interval before the beat; ST is 60 ms after QRS end, against the PR baseline. "
    "docs/ANALYSIS.md of this project says all of it."
)


@cache
def accuracy() -> dict[str, Any]:
    """The figures of docs/ACCURACY*.md, as `tools/report_accuracy.py` took them over."""
    value: dict[str, Any] = json.loads(Path(__file__).with_name("accuracy.json").read_text(encoding="utf-8"))
    return value


def page(content: Content) -> Page:
    """Plan it."""
    return Page("Method and accuracy", partial(_draw, content=content))


def _draw(sheet: Sheet, content: Content) -> None:
    y = sheet.heading(sheet.top, "Method", f"octolead {__version__}")
    y = sheet.paragraph(sheet.left, y + 2, sheet.room_mm, _METHOD)
    filters = (
        f"Strips: what lies below {BASELINE_HZ:g} Hz is taken off with zero phase. "
        if content.choices.baseline
        else "Strips are unfiltered. "
    )
    y = sheet.paragraph(
        sheet.left, y + 1, sheet.room_mm, filters + "Measurements are made on the signal as recorded, less mains hum where it is heard."
    )
    corrected = content.source.corrections or "No reader's corrections of beats or episodes are in this report."
    y = sheet.paragraph(sheet.left, y + 1, sheet.room_mm, corrected, Type(8.5, bool(content.source.corrections)))
    y = _accuracy(sheet, y)
    y = _limits(sheet, y + 1, content)
    y = sheet.heading(y + 1, "Left out of this report")
    words = content.left_out or ["nothing"]
    for line in words:
        y = sheet.paragraph(sheet.left, y + 2.5, sheet.room_mm, line) - 2.5
    sheet.paragraph(
        sheet.left,
        y + 7,
        sheet.room_mm,
        f"{NO_DIAGNOSIS} It is not a medical device and claims conformity with no standard.",
        Type(8.5, True),
    )


def _accuracy(sheet: Sheet, y: float) -> float:
    y = sheet.heading(y, "How good it is", accuracy()["said"])
    widths = (36.0, 52.0, 63.0)
    columns = [
        Column("What", widths[0], "start"), Column("On which records", widths[1], "start"), Column("Figure", widths[2], "start"),
        Column("From", sheet.room_mm - sum(widths), "start"),
    ]  # fmt: skip
    return sheet.table(sheet.left, y, columns, [(r["what"], r["records"], r["figure"], r["source"]) for r in accuracy()["figures"]])


def _limits(sheet: Sheet, y: float, content: Content) -> float:
    y = sheet.heading(y, "Limits used, and where they come from")
    names = {"s": "s", "bpm": "a minute"}
    rows = []
    for name, limit in content.summary["limits"].items():
        words, unit = name.rsplit("_", 1)
        rows.append((words.upper() if words == "vt" else words.capitalize(), f"{limit['value']:g} {names[unit]}", limit["source"]))
    rows.append(("ST shift", "100 µV, 1 min", "from the lead's median level; ACC/AHA 1999, doi:10.1161/01.CIR.100.8.886"))
    columns = [Column("Limit", 24, "start"), Column("Value", 22, "start"), Column("Source", sheet.room_mm - 46, "start")]
    return sheet.table(sheet.left, y, columns, rows)
