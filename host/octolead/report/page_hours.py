# SPDX-License-Identifier: Apache-2.0
"""Hour by hour, trends over the whole recording, and how good the signal was."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any, Final

import numpy as np

from ..paper.surface import BLUE, GREY_FILL, INK, MUTED, ORANGE, SERIES, Pen, Type
from .chart import Panel
from .moments import length_of
from .pages import NONE, Content, Page, marks_in_words, number
from .quality import electrodes_off, missing_by_cause, states
from .sheet import ROW_MM, Column, Sheet

_STATE_FILLS: Final = {0: "#bcd9ea", 1: "#f2c57c", 2: "#c24e00", 3: "#4a4f57"}
_STATE_WORDS: Final = ("usable", "noisy or at the limit", "not usable", "electrode off", "not recorded")
_HOURS_A_PAGE: Final = 48
_TABLE_MM: Final = 22.5
"""Heading, titles and end of a table of hours."""


def pages(content: Content, height_mm: float) -> list[Page]:
    """Plan them."""
    first = [Page("Trends", partial(_trends, content=content)), Page("Signal quality", partial(_quality, content=content))]
    if not content.hours:
        return first
    if 2 * (_TABLE_MM + ROW_MM * len(content.hours)) <= height_mm:
        return [*first, Page("Hour by hour", partial(_both, content=content))]
    parts = [content.hours[k : k + _HOURS_A_PAGE] for k in range(0, len(content.hours), _HOURS_A_PAGE)]
    return [
        *first,
        *(Page("Hour by hour", partial(_hours, content=content, rows=part), begins_part=k == 0) for k, part in enumerate(parts)),
        *(Page("ST by hour", partial(_st_hours, content=content, rows=part), begins_part=k == 0) for k, part in enumerate(parts)),
    ]


def _both(sheet: Sheet, content: Content) -> None:
    """Short recordings: both tables on one page."""
    _st_hours(sheet, content, content.hours, _hour_table(sheet, content, content.hours) + 2)


# --- trends ---


def _trends(sheet: Sheet, content: Content) -> None:
    source, trends = content.source, content.trends
    beside = f"each point stands for {length_of(trends.step_s)}, each bar for {length_of(trends.count_step_s)}"
    y = sheet.heading(sheet.top, "Trends", beside)
    marks = [mark.frame for mark in source.marks[:200]]
    height = (sheet.bottom - y - 5 * 10 - 3) / 5.2
    rate = _panel(sheet, y, height * 1.2, content, trends.rate, (40.0, 120.0), 30.0)
    rate.frame("Heart rate", "a minute: least, mean, greatest over 8 intervals", marks_in_words(len(source.marks)))
    rate.band(trends.rate[:, 0], trends.rate[:, 2], "#b9d4e6")
    rate.line(trends.rate[:, 1], Pen(BLUE, 0.3))
    rate.marks(marks)
    y = rate.time_axis() + 2
    y = _ectopy(sheet, y, height, content)
    y = _st_trend(sheet, y, height, content)
    qtc = _panel(sheet, y, height, content, trends.qtc_ms, (350.0, 450.0), 60.0)
    qtc.frame("QTc (Fridericia)", "ms, median of normal beats")
    qtc.line(trends.qtc_ms, Pen(INK, 0.3))
    y = qtc.time_axis() + 2
    _state_bars(sheet, y, height, content)


def _panel(sheet: Sheet, y: float, height: float, content: Content, values: Any, otherwise: tuple[float, float], span: float) -> Panel:
    known = np.asarray(values)[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else otherwise
    return Panel(sheet, y, height, low, high, content.source.n_frames, content.source.times, span)


def _ectopy(sheet: Sheet, y: float, height: float, content: Content) -> float:
    trends, step = content.trends, content.trends.count_step_s * content.source.fs_hz
    most = max(float(trends.n_ventricular.max(initial=0)), float(trends.n_supraventricular.max(initial=0)), 4.0)
    panel = Panel(sheet, y, height, 0, most, content.source.n_frames, content.source.times)
    panel.frame("Ectopic beats", f"in {length_of(trends.count_step_s)}")
    panel.bars(trends.n_ventricular, ORANGE, step, (0.05, 0.48))
    panel.bars(trends.n_supraventricular, BLUE, step, (0.52, 0.95))
    _legend(panel, [("ventricular (left bar)", ORANGE, ()), ("supraventricular (right bar)", BLUE, ())])
    return panel.time_axis() + 2


def _st_trend(sheet: Sheet, y: float, height: float, content: Content) -> float:
    leads = content.source.analysis.leads
    chosen = [k for k, lead in enumerate(leads) if lead in ("II", "V2", "V5")] or list(range(min(3, len(leads))))
    panel = _panel(sheet, y, height, content, content.trends.st_uv[:, chosen], (-100.0, 100.0), 150.0)
    panel.frame("ST, 60 ms after QRS end", "µV, median of normal beats")
    dashes: tuple[tuple[float, ...], ...] = ((), (1.6, 0.6), (0.5, 0.5))
    for n, k in enumerate(chosen):
        panel.line(content.trends.st_uv[:, k], Pen(SERIES[n], 0.3, dashes[n]))
    _legend(panel, [(leads[k], SERIES[n], dashes[n]) for n, k in enumerate(chosen)])
    return panel.time_axis() + 2


def _legend(panel: Panel, entries: list[tuple[str, str, tuple[float, ...]]]) -> None:
    style = Type(6.5, False, MUTED)
    x = panel.left + panel.width
    for words, colour, dash in reversed(entries):
        panel.sheet.text(x, panel.top - 1.6, words, style, "end")
        x -= panel.sheet.surface.text_width_mm(words, style) + 8
        panel.sheet.surface.line(x + 1, panel.top - 2.4, x + 7, panel.top - 2.4, Pen(colour, 0.6, dash))
        x -= 2


def _state_bars(sheet: Sheet, y: float, height: float, content: Content) -> float:
    """A row a lead, coloured by what prevailed."""
    leads = content.source.signal.leads
    panel = Panel(sheet, y, height, 0, 1, content.source.n_frames, content.source.times)
    sheet.text(panel.left, panel.top - 1.6, "Signal quality", Type(8, True))
    n_columns = max(1, min(240, int(content.source.duration_s)))
    found = states(content.source, n_columns)
    row, step = panel.height / max(1, len(leads)), panel.width / n_columns
    sheet.surface.rect(panel.left, panel.top, panel.width, panel.height, fill=GREY_FILL)
    for k, lead in enumerate(leads):
        sheet.text(panel.left - 1.5, panel.top + (k + 0.5) * row + 0.9, lead, Type(6.5, False, MUTED), "end")
        edges = [0, *(np.flatnonzero(np.diff(found[:, k])) + 1).tolist(), n_columns]
        for first, after in itertools.pairwise(edges):
            fill = _STATE_FILLS.get(int(found[first, k]))
            if fill:
                sheet.surface.rect(panel.left + first * step, panel.top + k * row + 0.15, (after - first) * step, row - 0.3, fill=fill)
    below = panel.time_axis()
    _state_legend(sheet, panel)
    return below


def _state_legend(sheet: Sheet, panel: Panel) -> None:
    x, style = panel.left + panel.width, Type(6.5, False, MUTED)
    for words, fill in reversed(list(zip(_STATE_WORDS, [*_STATE_FILLS.values(), GREY_FILL], strict=True))):
        sheet.text(x, panel.top - 1.6, words, style, "end")
        x -= sheet.surface.text_width_mm(words, style) + 4
        sheet.surface.rect(x + 0.3, panel.top - 3.6, 2.6, 2.2, fill=fill)
        x -= 2.5


# --- quality ---


def _quality(sheet: Sheet, content: Content) -> None:
    y = sheet.heading(sheet.top, "Signal quality by lead", "percent of the seconds recorded")
    titles = ("Lead", "Usable", "Noisy", "Mains heard", "At the limit", "Electrode off")
    rows = [
        (q.lead, *(number(v, 1) for v in (q.usable_percent, q.noisy_percent, q.mains_percent, q.limit_percent, q.off_percent)))
        for q in content.lead_quality
    ]
    y = sheet.table(sheet.left, y, [Column(t, 28 if k else 20, "end" if k else "start") for k, t in enumerate(titles)], rows)
    y = sheet.heading(y + 2, "Missing time by cause")
    missing = [
        (cause, str(n), length_of(s), number(100 * s / max(content.source.duration_s, 1e-9), 3))
        for cause, n, s in missing_by_cause(content.source)
    ]
    y = sheet.table(
        sheet.left, y, [Column("Cause", 60, "start"), Column("Gaps", 20), Column("Time", 30), Column("% of the recording", 34)],
        missing[:12] or [("nothing is missing", "0", NONE, NONE)],
    )  # fmt: skip
    off = electrodes_off(content.source)
    if off:
        y = sheet.heading(y + 2, "Electrodes off")
        columns = [Column("Electrode", 60, "start"), Column("Times", 20), Column("Time", 30)]
        y = sheet.table(sheet.left, y, columns, [(name, str(n), length_of(s)) for name, n, s in off[:12]])
    y = sheet.heading(y + 2, "The recording")
    sheet.facts(sheet.left, y, sheet.room_mm, recording_facts(content), 40)


def recording_facts(content: Content) -> list[tuple[str, str]]:
    """What is known of the recorder and its record."""
    source, recording = content.source, content.source.recording
    facts = [
        ("Record", source.signal.name),
        ("Samples a second", f"{source.fs_hz:g}"),
        ("Length", f"{source.n_frames} frames, {length_of(source.duration_s)}"),
    ]
    if recording is None:
        return [*facts, ("Source", "a record of another maker")]
    unsure = recording.start_uncertainty_ms
    facts += [
        ("Session", recording.session_id),
        ("Device", "none: converted from another maker's record" if recording.is_imported else recording.device_id),
        ("Firmware", recording.firmware or "not told"),
        ("Stored step", f"{recording.step_uv:.4g} µV"),
        ("Time of day", "never set" if recording.start_utc is None else "set" if unsure is None else f"known to ± {unsure / 1000:.3f} s"),
        ("Ended", recording.timeline.stop_reason or "without a clean end"),
    ]  # fmt: skip
    volts = recording.battery[1]
    if len(volts):
        facts.append(("Battery", f"{volts[0]:.2f} to {volts[-1]:.2f} V"))
    worst = [f.message for f in recording.problems if f.severity.name == "ERROR"]
    facts.append(("Problems found", f"{len(worst)}: {worst[0]}" if worst else "none"))
    return facts


# --- hours ---


def _hours(sheet: Sheet, content: Content, rows: list[dict[str, Any]]) -> None:
    _hour_table(sheet, content, rows)


def _hour_table(sheet: Sheet, content: Content, rows: list[dict[str, Any]]) -> float:
    y = sheet.heading(sheet.top, "Hour by hour", "rates over 8 intervals; intervals are medians of normal beats")
    titles = (
        "From",
        "Beats",
        "Least\nrate",
        "Mean\nrate",
        "Greatest\nrate",
        "V",
        "S",
        "Pauses\n≥ 2 s",
        "PR\nms",
        "QRS\nms",
        "QT\nms",
        "QTc F\nms",
        "Analysable\n%",
    )
    widths = (26, 14, 13, 13, 14, 12, 12, 13, 13, 13, 13, 14, 18)
    scale = sheet.room_mm / sum(widths)
    columns = [Column(t, w * scale, "start" if k == 0 else "end") for k, (t, w) in enumerate(zip(titles, widths, strict=True))]
    return sheet.table(sheet.left, y, columns, [_hour(content, h) for h in rows])


def _hour(content: Content, h: dict[str, Any]) -> tuple[str, ...]:
    at = content.source.times.day_clock(h["start_s"] * content.source.fs_hz)
    return (
        at, str(h["n_beats"]), number(h["min_bpm"]), number(h["mean_bpm"]), number(h["max_bpm"]), str(h["n_ventricular"]),
        str(h["n_supraventricular"]), str(h["n_pauses"]), number(h["pr_ms"]), number(h["qrs_ms"]), number(h["qt_ms"]),
        number(h["qtc_fridericia_ms"]), number(h["analysable_percent"], 1),
    )  # fmt: skip


def _st_hours(sheet: Sheet, content: Content, rows: list[dict[str, Any]], top: float | None = None) -> None:
    leads = content.source.analysis.leads
    y = sheet.heading(
        sheet.top if top is None else top, "ST by hour", "µV, 60 ms after QRS end against the PR baseline, medians of normal beats"
    )
    width = (sheet.room_mm - 26) / max(1, len(leads))
    columns = [Column("From", 26, "start"), *(Column(lead, width) for lead in leads)]
    table = [
        (
            content.source.times.day_clock(h["start_s"] * content.source.fs_hz),
            *(NONE if h[f"st_j60_uv_{lead}"] is None else f"{h[f'st_j60_uv_{lead}']:+.0f}" for lead in leads),
        )
        for h in rows
    ]
    sheet.table(sheet.left, y, columns, table)
