# SPDX-License-Identifier: Apache-2.0
"""A page of a report: its frame, and what pages are made of: headings, paragraphs, tables, facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..paper.surface import ACCENT, INK, MUTED, PANEL, RULE, Anchor, Pen, Surface, Type

PAPERS: Final = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
"""Width and height in mm, upright."""
MARGIN_MM: Final = 10.0
_TOP_MM, _BOTTOM_MM = 21.0, 13.0
ROW_MM: Final = 4.5
_LINE: Final = Pen(RULE, 0.2)

SMALL: Final = Type(6.5, False, MUTED)
BODY: Final = Type(8.5)
STRONG: Final = Type(8.5, True)


@dataclass(frozen=True)
class Frame:
    """What stands on every page: who and what, and the line at its foot."""

    who: str
    what: str
    foot: str


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    width_mm: float
    align: Literal["start", "end"] = "end"


def upright_height_mm(paper: str) -> float:
    """Height of the room for contents on an upright page."""
    return PAPERS[paper][1] - _BOTTOM_MM - _TOP_MM


class Sheet:
    """One page while it is drawn.

    Attributes:
        surface: to draw on.
        left, right, top, bottom: of the room for contents, mm.
    """

    def __init__(self, surface: Surface, paper: str, *, landscape: bool) -> None:
        width, height = PAPERS[paper]
        self.width, self.height = (height, width) if landscape else (width, height)
        self.surface = surface
        self.left, self.right = MARGIN_MM, self.width - MARGIN_MM
        self.top, self.bottom = _TOP_MM, self.height - _BOTTOM_MM

    @property
    def room_mm(self) -> float:
        """Width of the contents."""
        return self.right - self.left

    def text(self, x: float, y: float, words: str, style: Type = BODY, anchor: Anchor = "start") -> None:
        """Words on one line."""
        self.surface.text(x, y, words, style, anchor)

    def frame(self, frame: Frame, title: str, number: int, n_pages: int) -> None:
        """Head and foot."""
        half = self.room_mm * 0.62
        self.text(self.left, 10.5, self.shortened(frame.who, Type(9, True), half), Type(9, True))
        self.text(
            self.right, 10.5, self.shortened(frame.what, Type(7.5, False, MUTED), self.room_mm - half - 4), Type(7.5, False, MUTED), "end"
        )
        self.text(self.left, 15.2, title, Type(7.5, False, MUTED))
        self.surface.line(self.left, 17.2, self.right, 17.2, Pen(ACCENT, 0.5))
        foot = self.height - 6.5
        self.surface.line(self.left, foot - 3.6, self.right, foot - 3.6, _LINE)
        self.text(self.left, foot, self.shortened(frame.foot, SMALL, self.room_mm - 26), SMALL)
        self.text(self.right, foot, f"Page {number} of {n_pages}", Type(7, True), "end")

    def heading(self, y: float, words: str, beside: str = "") -> float:
        """A heading whose upper edge is at `y`; return where to go on."""
        self.text(self.left, y + 4.2, words, Type(10.5, True, ACCENT))
        if beside:
            at = self.left + self.surface.text_width_mm(words, Type(10.5, True)) + 3
            self.text(at, y + 4.2, self.shortened(beside, SMALL, self.right - at), SMALL)
        self.surface.line(self.left, y + 5.8, self.right, y + 5.8, _LINE)
        return y + 9.0

    def paragraph(self, x: float, y: float, width: float, words: str, style: Type = BODY) -> float:
        """Words broken into lines, the first base line at `y`; return the base line after the last."""
        step = style.size_pt * 25.4 / 72 * 1.35
        for line in self.broken(words, style, width):
            self.text(x, y, line, style)
            y += step
        return y

    def broken(self, words: str, style: Type, width: float) -> list[str]:
        """Break text into lines; a word that is too long is cut."""
        lines: list[str] = []
        for word in words.split():
            while self.surface.text_width_mm(word, style) > width and len(word) > 1:
                cut = next(k for k in range(len(word) - 1, 0, -1) if k == 1 or self.surface.text_width_mm(word[:k], style) <= width)
                lines, word = [*lines, word[:cut]], word[cut:]
            if lines and self.surface.text_width_mm(f"{lines[-1]} {word}", style) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return lines

    def shortened(self, words: str, style: Type, width: float) -> str:
        """Return as much of the words as fits."""
        if self.surface.text_width_mm(words, style) <= width:
            return words
        while words and self.surface.text_width_mm(words + "…", style) > width:
            words = words[:-1]
        return words + "…"

    def facts(self, x: float, y: float, width: float, pairs: Sequence[tuple[str, str]], name_mm: float = 34.0) -> float:
        """Names and values, one below the other; return where to go on."""
        for name, value in pairs:
            self.text(x, y + 3.2, name, Type(8, False, MUTED))
            lines = self.broken(value, BODY, width - name_mm) or [""]
            for line in lines[:3]:
                self.text(x + name_mm, y + 3.2, line, BODY)
                y += ROW_MM
        return y

    def rows_that_fit(self, y: float) -> int:
        """How many rows of a table whose head begins at `y` fit on the page."""
        return max(0, int((self.bottom - y - 2 * ROW_MM) / ROW_MM))

    def table(self, x: float, y: float, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> float:
        """Draw a table; titles may have two lines, split at a newline. Return where to go on."""
        width = sum(c.width_mm for c in columns)
        y -= 0.0 if any("\n" in c.title for c in columns) else 3.2
        at = x
        for column in columns:
            for k, line in enumerate(reversed(column.title.split("\n"))):
                self._cell(at, y + 6.6 - 3.0 * k, column, line, Type(6.8, True, MUTED))
            at += column.width_mm
        y += 8.2
        self.surface.line(x, y, x + width, y, Pen(INK, 0.25))
        for number, row in enumerate(rows):
            if number % 2:
                self.surface.rect(x, y, width, ROW_MM, fill=PANEL)
            at = x
            for column, value in zip(columns, row, strict=True):
                self._cell(at, y + 3.2, column, *self._fitted(value, column.width_mm - 1.5))
                at += column.width_mm
            y += ROW_MM
        self.surface.line(x, y, x + width, y, _LINE)
        return y + 3.0

    def _fitted(self, words: str, width: float) -> tuple[str, Type]:
        """Smaller letters where that lets all of the words in; else as many as fit."""
        for size_pt in (7.8, 7.2, 6.6):
            if self.surface.text_width_mm(words, Type(size_pt)) <= width:
                return words, Type(size_pt)
        return self.shortened(words, Type(7.2), width), Type(7.2)

    def _cell(self, x: float, y: float, column: Column, words: str, style: Type) -> None:
        if column.align == "end":
            self.text(x + column.width_mm - 1, y, words, style, "end")
        else:
            self.text(x + 1, y, words, style)

    def note(self, y: float, words: str) -> float:
        """A remark in small letters; return where to go on."""
        return self.paragraph(self.left, y + 2.5, self.room_mm, words, SMALL)
