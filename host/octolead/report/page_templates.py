# SPDX-License-Identifier: Apache-2.0
"""The shapes of beats: for each, some of its beats in all recorded leads and their median, at 25 mm/s and 10 mm/mV."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from ..paper.ecg import MM_PER_MV, MM_PER_S, draw_trace, equal_rows
from ..paper.surface import INK, Pen, Type
from .pages import Content, Page
from .sheet import MARGIN_MM, PAPERS, Sheet

_ROW_MM: Final = 25.0
_CAPTION_MM: Final = 5.5
_MAX_SHAPES: Final = 16
_SUPERPOSED: Final = 16
_BEFORE_S: Final = 0.36
_AFTER_S: Final = 0.44
_SINGLE: Final = Pen("#8f979f", 0.1)
_MIDDLE: Final = Pen(INK, 0.28)
_NAMES: Final = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "fusion", "Q": "unclassifiable", "/": "paced"}


@dataclass(frozen=True)
class Shape:
    """A shape: its place among the templates, its beats (indices), their classes, the most frequent first."""

    cluster: int
    beats: npt.NDArray[np.intp]
    classes: list[tuple[str, int]]


def shapes(content: Content) -> list[Shape]:
    """Return all shapes that have beats, the most frequent first."""
    analysis = content.source.analysis
    cluster = analysis.found.beats.labels["cluster"]
    found = []
    for place in np.unique(cluster).tolist():
        beats = np.flatnonzero(cluster == place)
        found.append(Shape(place, beats, Counter(analysis.symbol[beats].tolist()).most_common()))
    return sorted(found, key=lambda shape: (-len(shape.beats), shape.cluster))


def pages(content: Content, height_mm: float) -> list[Page]:
    """Plan them."""
    found = shapes(content)
    shown = found[:_MAX_SHAPES]
    if len(found) > len(shown):
        n_beats = sum(len(shape.beats) for shape in found[_MAX_SHAPES:])
        content.left_out.append(f"{len(found) - len(shown)} rare shapes of beats ({n_beats} beats) are not drawn")
    layout = _layout(content)
    per_page = max(1, int((height_mm - 10) / (_ROW_MM + _CAPTION_MM))) * layout.n_columns
    parts = [shown[k : k + per_page] for k in range(0, len(shown), per_page)]
    return [
        Page("Shapes of beats", partial(_draw, content=content, part=part, before=k * per_page, layout=layout), begins_part=k == 0)
        for k, part in enumerate(parts)
    ]


@dataclass(frozen=True)
class _Layout:
    """Room for one lead of a shape, and how many shapes stand beside each other."""

    pitch_mm: int
    n_columns: int
    step_mm: float


def _layout(content: Content) -> _Layout:
    room = PAPERS[content.choices.paper][0] - 2 * MARGIN_MM
    n_leads = max(1, len(content.source.analysis.leads))
    pitch = min(24, int(room / n_leads))
    n_columns = max(1, int((room + 4) / (pitch * n_leads + 4)))
    return _Layout(pitch, n_columns, (room + 4) / n_columns)


def _draw(sheet: Sheet, content: Content, part: list[Shape], before: int, layout: _Layout) -> None:
    beside = f"up to {_SUPERPOSED} of its beats (grey), evenly chosen, and their median (black)   {MM_PER_S:g} mm/s   {MM_PER_MV:g} mm/mV"
    y = sheet.heading(sheet.top, "Shapes of beats", beside) - 1
    for k, shape in enumerate(part):
        row, column = divmod(k, layout.n_columns)
        _shape(
            sheet, sheet.left + column * layout.step_mm, y + row * (_ROW_MM + _CAPTION_MM), content, shape, before + k + 1, layout.pitch_mm
        )


def _shape(sheet: Sheet, x: float, y: float, content: Content, shape: Shape, number: int, pitch: int) -> None:
    analysis, leads = content.source.analysis, content.source.analysis.leads
    words = ", ".join(f"{n} {_NAMES[symbol]}" for symbol, n in shape.classes)
    words = f"{words}; first at {content.source.times.day_clock(int(analysis.frame[shape.beats[0]]))}"
    sheet.text(x, y + 3.6, f"Shape {number}", Type(8, True))
    sheet.text(x + 15, y + 3.6, sheet.shortened(words, Type(7), pitch * len(leads) - 15), Type(7))
    top, beats = y + 4.6, _some(content, shape)
    middle = _median(beats)
    rows = equal_rows(middle, _ROW_MM)
    sheet.surface.grid(x, top, pitch * len(leads), _ROW_MM)
    sheet.surface.clip(x, top, pitch * len(leads), _ROW_MM)
    for part, pen in (*((beat, _SINGLE) for beat in beats), (middle, _MIDDLE)):
        for k in range(len(leads)):
            draw_trace(sheet.surface, part[:, k], content.source.fs_hz, x + k * pitch + 1, top + rows[k][0], pen)
    for k, lead in enumerate(leads):
        sheet.text(x + k * pitch + 0.8, top + 3.0, lead, Type(7, True))
    sheet.surface.unclip()


def _some(content: Content, shape: Shape) -> list[npt.NDArray[np.float64]]:
    """Return beats evenly chosen, in millivolt, aligned in the middle of their QRS, each lead's median taken off."""
    source, analysis = content.source, content.source.analysis
    chosen = shape.beats[np.unique(np.linspace(0, len(shape.beats) - 1, _SUPERPOSED).astype(int))]
    length = round((_BEFORE_S + _AFTER_S) * source.fs_hz)
    out = []
    for beat in chosen.tolist():
        start = round((float(analysis.found.fiducial_s[beat]) - _BEFORE_S) * source.fs_hz)
        out.append(np.asarray(source.strip(start, start + length, analysis.leads, baseline=False).microvolt, np.float64) / 1000)
    return out


def _median(beats: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Median of the beats at each instant; NaN where none has a value."""
    stack = np.stack(beats)
    out = np.full(stack.shape[1:], np.nan)
    known = ~np.isnan(stack).all(axis=0)
    out[known] = np.nanmedian(stack[:, known], axis=0)
    return out
