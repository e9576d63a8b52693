# SPDX-License-Identifier: Apache-2.0
"""Measurements in full: beats and episodes by kind, intervals and ST, heart rate variability with its pictures."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from ..paper.surface import BLUE, MUTED, Pen, Type
from .chart import nice_ticks
from .moments import facts_of, in_order, length_of, name_of, weight
from .pages import NONE, Content, Page, number
from .sheet import ROW_MM, SMALL, Column, Sheet

_OF_A_KIND: Final = 6
_GREYS: Final = ("#d5e4ef", "#a9cbe2", "#74acd0", "#3d88b8", "#0a5c92", "#063a5e")
_BEATS: Final = (
    ("n_normal", "Normal"), ("n_supraventricular", "Supraventricular"), ("n_ventricular", "Ventricular"), ("n_fusion", "Fusion"),
    ("n_paced", "Paced"), ("n_unclassifiable", "Unclassifiable"),
)  # fmt: skip


def pages(content: Content) -> list[Page]:
    """Plan them."""
    return [
        Page("Rhythm", partial(_rhythm, content=content)),
        *_episode_pages(content),
        Page("Intervals, ST, variability", partial(_waves, content=content)),
    ]


# --- rhythm ---


def _rhythm(sheet: Sheet, content: Content) -> None:
    y = sheet.heading(sheet.top, "Beats by class", "ANSI/AAMI EC57")
    n = content.summary["n_beats"]
    rows = [(name, str(content.summary[key]), number(100 * content.summary[key] / n if n else None, 2)) for key, name in _BEATS]
    sheet.table(sheet.left, y, [Column("Class", 38, "start"), Column("Beats", 24), Column("%", 20)], rows)
    x = sheet.left + 100
    sheet.facts(x, y + 3, sheet.right - x, _rate_facts(content), 40)
    y += 8.2 + len(rows) * ROW_MM + 5
    y = sheet.heading(y, "Episodes by kind", "limits and their sources: last page")
    columns = [Column("Kind", 68, "start"), Column("Number", 18), Column("In all", 26), Column("Longest", 26), Column("First at", 32)]
    y = sheet.table(sheet.left, y, columns, _kinds(content))
    _af(sheet, y + 2, content)


def _rate_facts(content: Content) -> list[tuple[str, str]]:
    s = content.summary
    return [
        ("Mean rate", number(s["mean_bpm"], 1, "a minute")),
        ("Least rate", number(s["min_bpm"], 1, "a minute (8 intervals)")),
        ("Greatest rate", number(s["max_bpm"], 1, "a minute (8 intervals)")),
        ("Longest interval", number(s["longest_rr_s"], 3, "s")),
    ]


def _kinds(content: Content) -> list[tuple[str, ...]]:
    source, rows = content.source, list[tuple[str, ...]]()
    for kind, found in in_order(source.analysis.episodes):
        if not found:
            rows.append((name_of(kind), "0", NONE, NONE, NONE))
            continue
        lengths = [(e.stop_frame - e.start_frame) / source.fs_hz for e in found]
        rows.append(
            (name_of(kind), str(len(found)), length_of(sum(lengths)), length_of(max(lengths)), source.times.day_clock(found[0].start_frame))
        )
    for sign, word in ((1, "above"), (-1, "below")):
        found_st = [s for s in content.shifts if s.change_uv * sign > 0]
        lengths = [(s.stop_frame - s.start_frame) / source.fs_hz for s in found_st]
        first = source.times.day_clock(found_st[0].start_frame) if found_st else NONE
        total = (length_of(sum(lengths)), length_of(max(lengths))) if lengths else (NONE, NONE)
        rows.append((f"ST 100 µV and more {word} the lead's usual level", str(len(found_st)), *total, first))
    return rows


def _af(sheet: Sheet, y: float, content: Content) -> None:
    af, source = content.source.analysis.af, content.source
    y = sheet.heading(
        y, "Irregular rhythm as in atrial fibrillation", "from RR intervals and classes; flutter with steady conduction is not seen"
    )
    longest = max(((e.stop_frame - e.start_frame) / source.fs_hz for e in af.episodes), default=0.0)
    facts = [
        ("Share of the time judged", number(content.summary["af_burden_percent"], 2, "%")),
        ("Time judged", length_of(af.analysed_s)),
        ("Time irregular", length_of(af.af_s)),
        ("Episodes, the longest", f"{len(af.episodes)}, {length_of(longest)}" if af.episodes else "none"),
    ]
    sheet.facts(sheet.left, y, sheet.room_mm, facts, 48)


# --- episodes, one by one ---


def _episode_pages(content: Content) -> list[Page]:
    """The longest of each kind."""
    rows = _longest(content)
    if not rows:
        return []
    per_page, parts = 50, []
    for first in range(0, len(rows), per_page):
        parts.append(
            Page("Episodes", partial(_episodes, content=content, rows=rows[first : first + per_page], first=first), begins_part=first == 0)
        )
    return parts


def _longest(content: Content) -> list[tuple[str, ...]]:
    times, rows, left_out = content.source.times, list[tuple[str, ...]](), 0
    for kind, group in in_order(content.source.analysis.episodes):
        found = sorted(group, key=weight, reverse=True)
        left_out += max(0, len(found) - _OF_A_KIND)
        for episode in sorted(found[:_OF_A_KIND], key=lambda e: e.start_frame):
            rows.append((name_of(kind), times.day_clock(episode.start_frame), facts_of(episode, times.fs_hz)))
    for shift in sorted(content.shifts, key=lambda s: -abs(s.change_uv))[:_OF_A_KIND]:
        length = length_of((shift.stop_frame - shift.start_frame) / times.fs_hz)
        facts = f"{shift.lead}, {length}, {shift.extreme_uv:+.0f} µV where {shift.usual_uv:+.0f} is usual"
        rows.append(("ST shift", times.day_clock(shift.start_frame), facts))
    left_out += max(0, len(content.shifts) - _OF_A_KIND)
    if left_out:
        content.left_out.append(f"{left_out} shorter episodes are counted, but not listed (octolead analyze writes all of them)")
    return rows


def _episodes(sheet: Sheet, content: Content, rows: list[tuple[str, ...]], first: int) -> None:
    y = sheet.heading(sheet.top, "The longest episodes of each kind", f"at most {_OF_A_KIND} of a kind" if first == 0 else "continued")
    columns = [Column("Kind", 68, "start"), Column("From", 34, "start"), Column("Facts", sheet.room_mm - 102, "start")]
    sheet.table(sheet.left, y, columns, rows)


# --- intervals, ST, HRV ---


def _waves(sheet: Sheet, content: Content) -> None:
    waves = content.summary["waves"]
    y = sheet.heading(
        sheet.top,
        "Intervals of normal beats",
        f"{waves['n_beats_measured']} beats measured, a P wave in {number(waves['p_present_percent'], 1)} %",
    )
    names = (
        ("PR", "pr_ms", "ms"), ("QRS", "qrs_ms", "ms"), ("QT", "qt_ms", "ms"), ("QTc Bazett", "qtc_bazett_ms", "ms"),
        ("QTc Fridericia", "qtc_fridericia_ms", "ms"), ("QTc Framingham", "qtc_framingham_ms", "ms"), ("QTc Hodges", "qtc_hodges_ms", "ms"),
        ("QRS axis", "axis_deg", "°"),
    )  # fmt: skip
    rows = [(name, *(number(waves[key][part]) for part in ("p5", "median", "p95")), unit) for name, key, unit in names]
    columns = [Column("Interval", 34, "start"), Column("5 %", 20), Column("Median", 22), Column("95 %", 20), Column("Unit", 14, "start")]
    after = sheet.table(sheet.left, y, columns, rows)
    y = sheet.heading(
        after + 1, "ST levels of normal beats", "60 ms after QRS end, against the PR baseline; a level is the median of a minute"
    )
    y = sheet.table(
        sheet.left,
        y,
        [
            Column(title, 27, "start" if title == "Lead" else "end")
            for title in ("Lead", "Median µV", "Slope µV/s", "Least µV", "at", "Greatest µV", "at")
        ],
        _st(content),
    )
    _hrv(sheet, y + 1, content)


def _st(content: Content) -> list[tuple[str, ...]]:
    waves, times = content.summary["waves"], content.source.times
    rows = []
    for k, lead in enumerate(content.source.analysis.leads):
        level = content.st_levels[:, k]
        extremes: list[str] = []
        for pick in (np.nanargmin, np.nanargmax):
            if np.isfinite(level).any():
                at = int(pick(level))
                extremes += [f"{level[at]:+.0f}", times.day_clock((at + 0.5) * 60 * times.fs_hz)]
            else:
                extremes += [NONE, NONE]
        median, slope = waves["st_j60_uv"][lead], waves["st_slope_uv_per_s"][lead]
        rows.append((lead, f"{median:+.0f}" if median is not None else NONE, f"{slope:+.0f}" if slope is not None else NONE, *extremes))
    return rows


def _hrv(sheet: Sheet, y: float, content: Content) -> None:
    hrv = content.summary["hrv"]
    covered = f"{number(hrv['coverage_percent'], 1)} % of the time are normal intervals; ESC/NASPE 1996, doi:10.1161/01.CIR.93.5.1043"
    y = sheet.heading(y, "Heart rate variability", covered)
    time, power, spread = hrv["time"], hrv["spectrum"], hrv["poincare"]
    left = [
        ("SDNN", number(time["sdnn_ms"], 1, "ms")), ("SDANN", number(time["sdann_ms"], 1, "ms")),
        ("SDNN index", number(time["sdnn_index_ms"], 1, "ms")), ("RMSSD", number(time["rmssd_ms"], 1, "ms")),
        ("pNN50", number(time["pnn50_percent"], 1, "%")), ("Triangular index", number(time["triangular_index"], 1)),
        ("VLF", number(power["vlf_ms2"], 0, "ms²")), ("LF", number(power["lf_ms2"], 0, "ms²")), ("HF", number(power["hf_ms2"], 0, "ms²")),
        ("SD1, SD2", f"{number(spread['sd1_ms'], 1)}, {number(spread['sd2_ms'], 1)} ms"),
    ]  # fmt: skip
    sheet.facts(sheet.left, y, 60, left, 30)
    side = min(64.0, sheet.bottom - y - 10)
    _histogram(sheet, sheet.left + 64, y, sheet.right - side - sheet.left - 76, side, content)
    _poincare(sheet, sheet.right - side, y, side, content)


def _histogram(sheet: Sheet, x: float, y: float, width: float, height: float, content: Content) -> None:
    """Normal intervals in bins of 25 ms."""
    nn = content.source.analysis.series.nn_ms
    sheet.text(x, y + 3, "Normal intervals, ms", Type(7, True))
    base = y + height
    sheet.surface.line(x, base, x + width, base, Pen(MUTED, 0.2))
    if not len(nn):
        return
    ticks = nice_ticks(float(np.percentile(nn, 0.1)), float(np.percentile(nn, 99.9)))
    low, high = ticks[0], ticks[-1]
    counts, edges = np.histogram(nn, bins=np.arange(low, high + 25, 25))
    scale = width / (high - low)
    for count, edge in zip(counts, edges, strict=False):
        tall = (height - 6) * count / max(1, counts.max())
        if count and edge < high:
            sheet.surface.rect(x + (edge - low) * scale, base - tall, max(0.3, 25 * scale - 0.15), tall, fill=BLUE)
    for tick in ticks:
        sheet.text(x + (tick - low) * scale, base + 3, f"{tick:g}", SMALL, "middle")


def _poincare(sheet: Sheet, x: float, y: float, side: float, content: Content) -> None:
    """Each normal interval against the next one, as a map of how many there are."""
    pairs = content.source.analysis.series.pairs_ms()
    sheet.text(x, y + 3, "Interval (right) and the next one (up), ms", Type(7, True))
    box = side - 5
    y, x = y + 5, x + 5
    sheet.surface.rect(x, y, box, box, pen=Pen(MUTED, 0.2))
    if not len(pairs):
        return
    ticks = nice_ticks(float(np.percentile(pairs, 0.1)), float(np.percentile(pairs, 99.9)))
    low, high, cells = ticks[0], ticks[-1], 48
    counts, _, _ = np.histogram2d(pairs[:, 0], pairs[:, 1], bins=cells, range=[[low, high], [low, high]])
    shade = np.ceil(np.log1p(counts) / np.log1p(max(1.0, counts.max())) * len(_GREYS)).astype(int)
    step = box / cells
    for column, row in np.argwhere(shade > 0).tolist():
        fill = _GREYS[min(shade[column, row], len(_GREYS)) - 1]
        sheet.surface.rect(x + column * step, y + box - (row + 1) * step, step, step, fill=fill)
    for tick in ticks:
        share = (tick - low) / (high - low)
        sheet.text(x + share * box, y + box + 3, f"{tick:g}", SMALL, "middle")
        sheet.text(x - 0.8, y + box - share * box + 0.8, f"{tick:g}", SMALL, "end")
