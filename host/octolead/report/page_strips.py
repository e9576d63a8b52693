# SPDX-License-Identifier: Apache-2.0
"""Strips at true scale: moments of the recording, and every mark with fifteen seconds on either side in all leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np

from ..paper import ecg
from ..paper.ecg import ABOVE_MM, BELOW_MM, MM_PER_S, PULSE_MM, Beats, Flag, Strip
from ..paper.surface import Type
from .moments import Moment, moments, name_of
from .pages import Content, Page, number
from .sheet import SMALL, Column, Sheet
from .source import BASELINE_HZ, Mark

MOMENT_S: Final = 7.0
MARK_S: Final = 30.0
MARK_PAGE_S: Final = 10.0
_MOMENT_LEADS: Final = 3
_LEAST_MM: Final = 54.0
"""Height of a moment's strip: at least this, and as much more as fills the page."""
_CAPTION_MM: Final = 6.0
_LISTED: Final = 120


def scale_words(content: Content, *, with_fs: bool = True) -> str:
    """What stands under every strip: its scale and what was done to the signal."""
    done = (
        f"baseline below {BASELINE_HZ:g} Hz taken off (zero phase)"
        if content.choices.baseline
        else "unfiltered, each lead's median taken off"
    )
    return f"{MM_PER_S:g} mm/s   {ecg.MM_PER_MV:g} mm/mV   {done}" + (f"   {content.source.fs_hz:g} samples/s" if with_fs else "")


def beats_of(content: Content) -> Beats:
    """The beats that strips name."""
    analysis = content.source.analysis
    return Beats(analysis.frame, analysis.symbol, analysis.rr_s)


# --- moments ---


def moment_pages(content: Content, height_mm: float) -> list[Page]:
    """Plan pages of as many strips as fit in `height_mm`."""
    found = moments(content.source, content.shifts)
    leads = content.source.rhythm_leads(_MOMENT_LEADS)
    if not leads:
        return []
    around = _CAPTION_MM + ABOVE_MM + BELOW_MM + 1.5
    per_page = max(1, int((height_mm - 12) / (around + _LEAST_MM)))
    strip_mm = 5.0 * int(((height_mm - 12) / per_page - around) / 5)
    parts = [found[k : k + per_page] for k in range(0, len(found), per_page)]
    return [
        Page("Moments", partial(_moments, content=content, part=part, leads=leads, strip_mm=strip_mm), begins_part=k == 0)
        for k, part in enumerate(parts)
    ]


def _moments(sheet: Sheet, content: Content, part: list[Moment], leads: tuple[str, ...], strip_mm: float) -> None:
    y = sheet.heading(sheet.top, "Moments", scale_words(content)) - 1.5
    for moment in part:
        y = _moment(sheet, y, content, moment, leads, strip_mm) + 1.5


def _moment(sheet: Sheet, y: float, content: Content, moment: Moment, leads: tuple[str, ...], strip_mm: float) -> float:
    source = content.source
    n_frames = round(MOMENT_S * source.fs_hz)
    start = max(0, min(moment.frame - n_frames // 2, source.n_frames - n_frames))
    strip = source.strip(start, start + n_frames, leads, baseline=content.choices.baseline)
    sheet.text(sheet.left, y + 4.0, moment.title, Type(9, True))
    at = sheet.left + sheet.surface.text_width_mm(moment.title, Type(9, True)) + 3
    when = source.times.day_clock(moment.frame)
    sheet.text(at, y + 4.0, sheet.shortened(moment.facts, Type(8), sheet.right - at - 26), Type(8))
    sheet.text(sheet.right, y + 4.0, when, Type(8, True), "end")
    rows = ecg.shared_rows(strip.millivolt, strip_mm)
    return ecg.draw(sheet.surface, strip, sheet.left, y + _CAPTION_MM - 1.5, rows, beats=beats_of(content), clock=source.times.clock)


# --- marks ---


@dataclass(frozen=True)
class _Shown:
    number: int
    mark: Mark


def mark_pages(content: Content) -> list[Page]:
    """Plan the list of marks, and three lying pages for each of the first `max_marks`."""
    marks = content.source.marks
    if not marks:
        return []
    shown = [_Shown(k + 1, mark) for k, mark in enumerate(marks[: max(0, content.choices.max_marks)])]
    if len(shown) < len(marks):
        content.left_out.append(
            f"strips of {len(marks) - len(shown)} of {len(marks)} marks (--marks {len(marks)} draws all, three pages each)"
        )
    if len(marks) > _LISTED:
        content.left_out.append(f"{len(marks) - _LISTED} marks after the first {_LISTED} are not in the list")
    listed = [_Shown(k + 1, mark) for k, mark in enumerate(marks[:_LISTED])]
    pages = [Page("Marks", partial(_list, content=content, part=listed[k : k + 40]), begins_part=k == 0) for k in range(0, len(listed), 40)]
    for item in shown:
        strip = cache(partial(mark_strip, content, item.mark))  # three pages, read once
        pages += [
            Page(
                f"Mark {item.number}",
                partial(_mark, content=content, item=item, whole_strip=strip, part=k),
                is_landscape=True,
                begins_part=k == 0,
            )
            for k in range(round(MARK_S / MARK_PAGE_S))
        ]
    return pages


def _list(sheet: Sheet, content: Content, part: list[_Shown]) -> None:
    y = sheet.heading(sheet.top, "Marks", "what was found within 15 s on either side")
    widths = (10, 30, 20, 46, 16, 12, 12)
    columns = [Column("No.", 10), Column("At", 30, "start"), Column("Whose", 20, "start"), Column("Said", 46, "start"),
               Column("Rate", 16), Column("V", 12), Column("S", 12), Column("Episodes", sheet.room_mm - sum(widths), "start")]  # fmt: skip
    sheet.table(sheet.left, y, columns, [_row(content, item) for item in part])


def _row(content: Content, item: _Shown) -> tuple[str, ...]:
    source, analysis = content.source, content.source.analysis
    half = round(MARK_S / 2 * source.fs_hz)
    first, after = item.mark.frame - half, item.mark.frame + half
    near = (analysis.frame >= first) & (analysis.frame < after)
    rr = analysis.rr_s[near]
    rate = 60.0 / float(np.nanmean(rr)) if np.isfinite(rr).any() else None
    kinds = dict.fromkeys(name_of(e.kind) for e in analysis.episodes if e.start_frame < after and e.stop_frame > first)
    symbols = analysis.symbol[near]
    return (
        str(item.number), source.times.day_clock(item.mark.frame), item.mark.origin, item.mark.text, number(rate),
        str(int((symbols == "V").sum())), str(int((symbols == "S").sum())), "; ".join(kinds) or "none",
    )  # fmt: skip


def mark_strip(content: Content, mark: Mark) -> Strip:
    """Thirty seconds in all leads, the mark exactly in the middle: frame `mark.frame` is the first of the second half."""
    half = round(MARK_S / 2 * content.source.fs_hz)
    return content.source.strip(mark.frame - half, mark.frame + half, baseline=content.choices.baseline)


def _mark(sheet: Sheet, content: Content, item: _Shown, whole_strip: Callable[[], Strip], part: int) -> None:
    """One of three pages: ten seconds in all leads."""
    source, mark = content.source, item.mark
    whole = whole_strip()
    edges = [whole.start_frame + round(k * MARK_PAGE_S * source.fs_hz) for k in range(4)]
    edges[-1] = whole.stop_frame
    strip = whole.cut(edges[part], edges[part + 1])
    words = f"Mark {item.number}" + (f": {mark.text}" if mark.text else "")
    y = sheet.top - 1.5
    sheet.text(sheet.left, y + 3.2, sheet.shortened(words, Type(10, True), sheet.room_mm * 0.5), Type(10, True))
    whose = f"{mark.origin} mark at " if mark.origin else ""
    when = f"{whose}{source.times.day_clock(mark.frame)}, frame {mark.frame}; seconds {_range(part)}"
    sheet.text(sheet.right, y + 3.2, when, Type(8), "end")
    room = sheet.bottom - y - 3.5 - ABOVE_MM - BELOW_MM
    height = min(5.0 * int(room / 5), 25.0 * len(strip.leads))
    rows = ecg.shared_rows(whole.millivolt, height)
    x = (sheet.width - PULSE_MM - MARK_PAGE_S * MM_PER_S) / 2
    flag = Flag(mark.frame, f"{mark.origin or 'the'} mark".strip())
    below = ecg.draw(sheet.surface, strip, x, y + 3.5, rows, beats=beats_of(content), flags=[flag], clock=source.times.clock)
    sheet.text(sheet.right, min(below + 3.0, sheet.bottom + 1.8), scale_words(content), SMALL, "end")


def _range(part: int) -> str:
    first = part * MARK_PAGE_S - MARK_S / 2
    return f"{first:+.0f} to {first + MARK_PAGE_S:+.0f} of the mark"
