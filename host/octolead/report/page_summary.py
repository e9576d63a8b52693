# SPDX-License-Identifier: Apache-2.0
"""The first page: who, what was recorded, the measurements in short, and room for the physician."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

import numpy as np

from ..paper.surface import ACCENT, BLUE, MUTED, PANEL, RULE, Pen, Type
from .chart import Panel
from .moments import length_of
from .pages import Content, Page, marks_in_words, number
from .sheet import SMALL, Sheet

NO_DIAGNOSIS: Final = (
    "This report holds measurements made by software. It states no diagnosis; whoever reads it judges them against the signal."
)
_LABEL: Final = Type(6.5, False, MUTED)
_TILE_MM: Final = 15.5


def page(content: Content, outline: Sequence[tuple[str, int]], made: datetime) -> Page:
    """Plan the page; `outline` is filled with (title, page number) before it is drawn."""
    return Page("Summary", partial(_draw, content=content, outline=outline, made=made))


def _draw(sheet: Sheet, content: Content, outline: Sequence[tuple[str, int]], made: datetime) -> None:
    y = _title(sheet, content, made)
    y = _identity(sheet, y, content)
    y = _recording(sheet, y + 2.5, content)
    y = _tiles(sheet, y + 2.5, content)
    y = _rate(sheet, y + 1.0, content)
    _words(sheet, y + 2.5, outline)


def _title(sheet: Sheet, content: Content, made: datetime) -> float:
    y = sheet.top + 6
    sheet.text(sheet.left, y, "Ambulatory ECG report", Type(17, True, ACCENT))
    sheet.text(sheet.right, y - 3.4, content.identity.institution, Type(9, True), "end")
    sheet.text(sheet.right, y, f"made {made:%Y-%m-%d %H:%M} UTC", SMALL, "end")
    return y + 4.5


def _identity(sheet: Sheet, y: float, content: Content) -> float:
    who, third = content.identity, sheet.room_mm / 3
    start = content.source.times.start
    age = who.age_on(start.date() if start else None)
    born = f"{who.birth}  ({age} years)" if age is not None else who.birth
    rows = ((("Name", who.name, 2), ("Identifier", who.id, 1)), (("Born", born, 1), ("Sex", who.sex, 1), ("Physician", who.physician, 1)))
    sheet.surface.rect(sheet.left, y, sheet.room_mm, 32.5, fill=PANEL)
    for row in rows:
        x = sheet.left
        for label, value, n in row:
            _field(sheet, x + 2, y, third * n - 4, label, value, Type(10 if label == "Name" else 9, True))
            x += third * n
        y += 9.5
    for label, value in (("Indication", who.indication), ("Medication", who.medication)):
        sheet.text(sheet.left + 2, y + 4.0, label, _LABEL)
        sheet.surface.line(sheet.left + 20, y + 4.8, sheet.right - 2, y + 4.8, Pen(RULE, 0.2))
        sheet.text(sheet.left + 20, y + 4.0, sheet.shortened(value, Type(8.5), sheet.room_mm - 23), Type(8.5))
        y += 6.2
    return y + 1.6


def _field(sheet: Sheet, x: float, y: float, width: float, label: str, value: str, style: Type) -> None:
    sheet.text(x, y + 3.2, label, _LABEL)
    sheet.text(x, y + 7.8, sheet.shortened(value, style, width), style)
    sheet.surface.line(x, y + 8.8, x + width, y + 8.8, Pen(RULE, 0.2))


def _recording(sheet: Sheet, y: float, content: Content) -> float:
    source, times, summary = content.source, content.source.times, content.summary
    half = sheet.room_mm / 2
    started = f"{times.start:%a %Y-%m-%d %H:%M:%S} {times.zone}" if times.start else "time of day not known"
    ended = f"{times.at(source.n_frames):%a %Y-%m-%d %H:%M:%S}" if times.start else f"+{times.elapsed(source.n_frames)}"
    missing = sum(b - a for a, b in source.analysis.gaps) / source.fs_hz
    left = [("Recorded from", started), ("to", ended), ("Length", length_of(source.duration_s))]
    usable = summary["analysable_percent"]
    right = [
        ("Can be analysed", f"{number(usable, 1)} % ({length_of(source.duration_s * (usable or 0) / 100)})"),
        ("Not recorded", f"{length_of(missing)} in {len(source.analysis.gaps)} gaps" if missing else "nothing is missing"),
        ("Leads", f"{', '.join(source.signal.leads)}; {source.fs_hz:g} samples/s"),
    ]
    if source.corrections:
        y = sheet.facts(sheet.left + 2, y, sheet.room_mm - 4, [("Corrections", source.corrections)], 26)
    return max(sheet.facts(sheet.left + 2, y, half - 4, left, 26), sheet.facts(sheet.left + half + 2, y, half - 4, right, 30))


def _tiles(sheet: Sheet, y: float, content: Content) -> float:
    s, n = content.summary, content.summary["n_beats"]
    episodes, waves = s["episodes"], s["waves"]
    shares = {name: f"{100 * s[name] / n:.2f} % of beats" if n else "" for name in ("n_ventricular", "n_supraventricular")}
    pairs = {kind: episodes.get(f"{kind}-couplet", 0) for kind in "vs"}
    runs_v = sum(episodes.get(k, 0) for k in ("vt", "idioventricular-run"))
    runs_s = sum(episodes.get(k, 0) for k in ("svt", "supraventricular-run"))
    spread = waves["qtc_fridericia_ms"]
    tiles = [
        ("Mean rate", number(s["mean_bpm"]), "a minute", f"{number(s['min_bpm'])} to {number(s['max_bpm'])} over 8 intervals"),
        ("Beats", f"{n:,}".replace(",", "\u00a0"), "", _kinds(s)),
        ("Longest interval", number(s["longest_rr_s"], 2), "s", f"{episodes.get('pause', 0)} pauses of 2 s and more"),
        ("Irregular as in AF", number(s["af_burden_percent"], 1), "% of time", f"{episodes.get('af', 0)} episodes"),
        ("Ventricular", str(s["n_ventricular"]), "beats", f"{shares['n_ventricular']}; {pairs['v']} couplets, {runs_v} runs"),
        ("Supraventricular", str(s["n_supraventricular"]), "beats",
         f"{shares['n_supraventricular']}; {pairs['s']} couplets, {runs_s} runs"),
        ("QTc (Fridericia)", number(spread["median"]), "ms median", f"{number(spread['p5'])} to {number(spread['p95'])}, 5 to 95 %"),
        ("SDNN, RMSSD", number(s["hrv"]["time"]["sdnn_ms"]) + ", " + number(s["hrv"]["time"]["rmssd_ms"]), "ms", "all normal intervals"),
    ]  # fmt: skip
    width = (sheet.room_mm - 3 * 2) / 4
    for k, tile in enumerate(tiles):
        _tile(sheet, sheet.left + (k % 4) * (width + 2), y + (k // 4) * (_TILE_MM + 2), width, tile)
    return y + 2 * (_TILE_MM + 2)


def _kinds(s: dict[str, int]) -> str:
    words = [f"{s[f'n_{kind}']} {kind}" for kind in ("fusion", "unclassifiable", "paced") if s[f"n_{kind}"]]
    return ", ".join(words) or "all classified"


def _tile(sheet: Sheet, x: float, y: float, width: float, tile: tuple[str, str, str, str]) -> None:
    label, value, unit, beside = tile
    sheet.surface.rect(x, y, width, _TILE_MM, fill=PANEL)
    sheet.surface.rect(x, y, 0.8, _TILE_MM, fill=ACCENT)
    sheet.text(x + 2.6, y + 3.9, label, Type(7, True, MUTED))
    sheet.text(x + 2.6, y + 9.8, value, Type(14, True))
    sheet.text(x + 3.8 + sheet.surface.text_width_mm(value, Type(14, True)), y + 9.8, unit, Type(7.5, False, MUTED))
    style = Type(6.3, False, MUTED)
    sheet.text(x + 2.6, y + 13.6, sheet.shortened(beside, style, width - 3.6), style)


def _rate(sheet: Sheet, y: float, content: Content) -> float:
    rate, source = content.trends.rate, content.source
    known = rate[np.isfinite(rate)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (40.0, 120.0)
    panel = Panel(sheet, y, 26, low, high, source.n_frames, source.times, 30.0)
    panel.frame(
        "Heart rate", f"a minute; least, mean and greatest in {length_of(content.trends.step_s)}", marks_in_words(len(source.marks))
    )
    panel.band(rate[:, 0], rate[:, 2], "#b9d4e6")
    panel.line(rate[:, 1], Pen(BLUE, 0.3))
    panel.marks([mark.frame for mark in source.marks[:200]])
    return panel.time_axis()


def _words(sheet: Sheet, y: float, outline: Sequence[tuple[str, int]]) -> None:
    bottom = sheet.bottom - 11.5
    sheet.text(sheet.left, y + 3.5, "Physician's comment", Type(9, True, ACCENT))
    sheet.surface.rect(sheet.left, y + 5.0, sheet.room_mm, bottom - y - 5.0, pen=Pen(RULE, 0.3))
    for line in np.arange(y + 12.5, bottom - 11.0, 7.0):
        sheet.surface.line(sheet.left + 3, line, sheet.right - 3, line, Pen(RULE, 0.15))
    sign = bottom - 4.0
    for x, width, label in ((sheet.right - 80, 77, "Name, signature"), (sheet.right - 120, 36, "Date")):
        sheet.surface.line(x, sign, x + width, sign, Pen(MUTED, 0.2))
        sheet.text(x, sign + 2.8, label, Type(6, False, MUTED))
    contents = "   ·   ".join(f"{title}\u00a0{n}" for title, n in outline if n > 1 and not title.startswith("Mark "))
    sheet.paragraph(sheet.left, bottom + 3.4, sheet.room_mm, f"Pages:  {contents}", SMALL)
    sheet.text(sheet.left, sheet.bottom - 0.2, NO_DIAGNOSIS, Type(6.5, True, MUTED))
