# SPDX-License-Identifier: Apache-2.0
"""Full disclosure: an hour of one lead on a page, a line a minute."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from ..paper.ecg import Strip
from ..paper.surface import BLUE, GREY_FILL, INK, MUTED, ORANGE, Pen, Type, envelope, runs, trace_of
from .pages import Content, Page
from .sheet import Sheet

GAINS: Final = (5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.2)
"""mm/mV"""
_LINE_S: Final = 60.0
_LINES: Final = 60
_AXIS_MM: Final = 13.0
_COLUMN_MM: Final = 0.15
_TRACE: Final = Pen(INK, 0.1)


def hours_of(choice: str, n_hours: int) -> list[int]:
    """Return the hours (0 is the first) that a choice names: "none", "all", or numbers and ranges such as "0,3-5".

    Raises:
        ValueError: it is none of these, or an hour is not in the recording.

    >>> hours_of("0,2-3", 24)
    [0, 2, 3]
    """
    if choice == "none" or not n_hours:
        return []
    if choice == "all":
        return list(range(n_hours))
    hours: set[int] = set()
    for part in choice.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if not match:
            raise ValueError(f"disclosure: {part!r} is no hour; write hours from 0 on, such as 0,3-5, or all, auto, none")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < n_hours:
            raise ValueError(f"disclosure: hours {first} to {last}: the recording has hours 0 to {n_hours - 1}")
        hours.update(range(first, last + 1))
    return sorted(hours)


def chosen_hours(content: Content) -> list[int]:
    """Return the hours asked for; "auto" is the one with the most ectopic beats, else that of the first mark, else the first."""
    n_hours = len(content.hours)
    if content.choices.disclosure != "auto" or not n_hours:
        return hours_of("none" if content.choices.disclosure == "auto" else content.choices.disclosure, n_hours)
    ectopic = [h["n_ventricular"] + h["n_supraventricular"] for h in content.hours]
    if max(ectopic) > 0:
        return [int(np.argmax(ectopic))]
    marks = content.source.marks
    return [min(int(marks[0].frame / content.source.fs_hz // 3600), n_hours - 1) if marks else 0]


def pages(content: Content) -> list[Page]:
    """Plan a page for each hour chosen."""
    lead = content.choices.disclosure_lead or next(iter(content.source.rhythm_leads(1)), "")
    if not lead:
        return []
    if lead not in content.source.leads:
        raise ValueError(f"disclosure: no lead {lead!r}; there are {', '.join(content.source.leads)}")
    hours = chosen_hours(content)
    return [
        Page("Full disclosure", partial(_draw, content=content, hour=hour, lead=lead), begins_part=k == 0) for k, hour in enumerate(hours)
    ]


def _draw(sheet: Sheet, content: Content, hour: int, lead: str) -> None:
    source = content.source
    line = round(_LINE_S * source.fs_hz)
    start = hour * _LINES * line
    strip = source.strip(start, min(start + _LINES * line, source.n_frames), (lead,), baseline=content.choices.baseline)
    scale = _scale(sheet, strip)
    size = f"{scale.mm_per_s:.2f} mm/s, {scale.mm_per_mv:g} mm/mV, smaller than the strips"
    beside = f"a line is a minute: {size}; V and S beats are ticked above it"
    y = sheet.heading(sheet.top, f"Full disclosure, lead {lead}, hour {hour + 1} of {len(content.hours)}", beside) - 1
    sheet.surface.clip(sheet.left, y, sheet.room_mm, sheet.bottom - y)
    for k in range(-(-len(strip.microvolt) // line)):
        part = strip.cut(start + k * line, min(start + (k + 1) * line, strip.stop_frame))
        _line(sheet, y + k * scale.pitch_mm, part, content, scale)
    sheet.surface.unclip()


@dataclass(frozen=True)
class _Scale:
    """How an hour is drawn: distance of the lines, where in them 0 mV is, and the scale both ways."""

    pitch_mm: float
    zero_mm: float
    mm_per_s: float
    mm_per_mv: float


def _scale(sheet: Sheet, strip: Strip) -> _Scale:
    """The largest of some round scales at which lines seldom reach into each other."""
    pitch = (sheet.bottom - sheet.top - 8) / _LINES
    known = strip.millivolt[~np.isnan(strip.microvolt)]
    low, high = np.percentile(known, (0.5, 99.8)).tolist() if len(known) else (0.0, 0.0)
    gain = next((g for g in GAINS if (high - low) * g <= 1.3 * pitch), GAINS[-1])
    return _Scale(pitch, pitch / 2 + gain * (high + low) / 2, (sheet.room_mm - _AXIS_MM) / _LINE_S, gain)


def _line(sheet: Sheet, y: float, strip: Strip, content: Content, scale: _Scale) -> None:
    left, zero = sheet.left + _AXIS_MM, y + scale.zero_mm
    sheet.text(left - 1.5, y + scale.pitch_mm / 2 + 0.7, content.source.times.clock(strip.start_frame), Type(5.5, False, MUTED), "end")
    values = strip.millivolt[:, 0]
    length = len(values) / strip.fs_hz * scale.mm_per_s
    for first, after in runs(np.isnan(values)):
        x = left + first / strip.fs_hz * scale.mm_per_s
        sheet.surface.rect(x, y + 0.6, (after - first) / strip.fs_hz * scale.mm_per_s, scale.pitch_mm - 1.2, fill=GREY_FILL)
    columns = max(1, min(len(values), int(length / _COLUMN_MM)))
    ends = envelope(values, columns)
    ends[1::2] = ends[1::2, ::-1]  # up in one column, down in the next: no needless way between them
    flat = ends.ravel()
    for first, after in runs(~np.isnan(flat)):
        at = left + (np.arange(first, after) // 2 + 0.5) * (length / columns)
        at = at + np.where(np.arange(first, after) % 2, 0.02, -0.02)
        sheet.surface.trace(trace_of(at, zero - flat[first:after] * scale.mm_per_mv, 0.05), _TRACE)
    _ticks(sheet, left, y, strip, content, scale.mm_per_s)


def _ticks(sheet: Sheet, left: float, y: float, strip: Strip, content: Content, mm_per_s: float) -> None:
    analysis = content.source.analysis
    first, after = np.searchsorted(analysis.frame, (strip.start_frame, strip.stop_frame))
    for k in range(int(first), int(after)):
        colour = {"V": ORANGE, "S": BLUE}.get(str(analysis.symbol[k]))
        if colour:
            x = left + (int(analysis.frame[k]) - strip.start_frame) / strip.fs_hz * mm_per_s
            sheet.surface.line(x, y + 0.1, x, y + 0.9, Pen(colour, 0.4))
