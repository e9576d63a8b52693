# SPDX-License-Identifier: Apache-2.0
"""What can be drawn, in millimetres from the upper left corner of the page, and how a trace becomes few points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

UNITS_PER_MM: Final = 100
"""Traces are whole numbers of 10 µm."""
THIN_MM: Final = 0.03
_PASSES: Final = 3

INK: Final = "#12161c"
MUTED: Final = "#5a6572"
RULE: Final = "#c8d0d9"
PANEL: Final = "#f4f6f8"
ACCENT: Final = "#0a4f7d"
BLUE: Final = "#0072b2"
ORANGE: Final = "#c24e00"
GREEN: Final = "#00795c"
PURPLE: Final = "#8a3f86"
SERIES: Final = (BLUE, ORANGE, GREEN, PURPLE, "#7a6a00", "#3a3f47", "#0a8fb0", "#a3305e")
"""After Okabe and Ito, darkened for print: told apart by people who see few colours; lines differ in dashes too."""
GRID_FINE: Final = "#f5d3ce"
GRID_COARSE: Final = "#e8a69d"
GREY_FILL: Final = "#e3e7eb"

Anchor = Literal["start", "middle", "end"]
Trace = npt.NDArray[np.int64]
"""Shape (points, 2), units of 10 µm."""


@dataclass(frozen=True)
class Pen:
    """A line: colour, width in mm, dashes in mm."""

    colour: str = INK
    width_mm: float = 0.2
    dash_mm: tuple[float, ...] = ()


@dataclass(frozen=True)
class Type:
    """Letters: size in points (1/72 inch), weight, colour."""

    size_pt: float = 8.0
    is_bold: bool = False
    colour: str = INK


class Surface(Protocol):
    """Something to draw on, page by page."""

    def begin_page(self, width_mm: float, height_mm: float, title: str) -> None:
        """Start a page; its title is for the outline of the document."""

    def end_page(self) -> None:
        """End it."""

    def line(self, x1: float, y1: float, x2: float, y2: float, pen: Pen) -> None:
        """A straight line."""

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str | None = None, pen: Pen | None = None) -> None:
        """A rectangle, filled, outlined or both."""

    def trace(self, points: Trace, pen: Pen) -> None:
        """A line through points."""

    def area(self, points: Trace, fill: str) -> None:
        """The inside of a closed line."""

    def text(self, x: float, y: float, words: str, style: Type, anchor: Anchor = "start") -> None:
        """Words on one line, `y` being their base line."""

    def grid(self, x: float, y: float, width: float, height: float) -> None:
        """ECG paper: lines each millimetre, heavier ones each five, from the upper left corner on."""

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """From here to `unclip`, nothing is drawn outside."""

    def unclip(self) -> None:
        """End of `clip`."""

    def text_width_mm(self, words: str, style: Type) -> float:
        """How much room words take."""


def trace_of(x_mm: npt.NDArray[np.floating[Any]], y_mm: npt.NDArray[np.floating[Any]], tolerance_mm: float = THIN_MM) -> Trace:
    """Return a trace without the points that lie on the straight line between their neighbours.

    Three passes over every second point, each of which moves the line by `tolerance_mm` at the most: by 0.09 mm in all, less than half
    the width of the line.
    """
    x, y = np.asarray(x_mm, np.float64), np.asarray(y_mm, np.float64)
    for start in range(1, _PASSES + 1):
        at = np.arange(1 + start % 2, len(x) - 1, 2)
        if not len(at):
            break
        share = (x[at] - x[at - 1]) / np.maximum(x[at + 1] - x[at - 1], 1e-9)
        off = np.abs(y[at] - (y[at - 1] + share * (y[at + 1] - y[at - 1])))
        keep = np.ones(len(x), np.bool_)
        keep[at[off <= tolerance_mm]] = False
        x, y = x[keep], y[keep]
    return np.stack((np.rint(x * UNITS_PER_MM), np.rint(y * UNITS_PER_MM)), axis=1).astype(np.int64)


def envelope(values: npt.NDArray[np.float64], n_columns: int) -> npt.NDArray[np.float64]:
    """Return min and max of each of `n_columns` equal parts, shape (columns, 2), NaN where nothing is; no peak is lost."""
    edges = np.linspace(0, len(values), n_columns + 1).astype(np.int64)
    out = np.full((n_columns, 2), np.nan)
    full = edges[1:] > edges[:-1]
    low = np.where(np.isnan(values), np.inf, values)
    high = np.where(np.isnan(values), -np.inf, values)
    starts = edges[:-1][full]
    if len(starts):
        out[full, 0] = np.minimum.reduceat(low, starts)
        out[full, 1] = np.maximum.reduceat(high, starts)
    out[~np.isfinite(out).all(axis=1)] = np.nan
    return out


def runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, after) of each stretch of True.

    >>> runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.asarray(flags, np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
