# SPDX-License-Identifier: Apache-2.0
"""The typeface of reports: Arimo, as wide as Arial, so that PDF and browser lay out alike.

The two files beside this one hold Latin, Greek, Cyrillic and Hebrew letters (`tools/report_fonts.py` makes them). Hebrew is set from right
to left. Letters of other scripts come from a font file that the caller names; what no font has is drawn as a box, and told in `missing`.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from .surface import Type

MM_PER_PT: Final = 25.4 / 72
CSS_FAMILY: Final = "Arimo, 'Liberation Sans', Arial, Helvetica, sans-serif"
_FOLDER: Final = Path(__file__).with_name("fonts")
_BOX: Final = "\u25a1"


class Typeface:
    """Arimo in two weights, and a fallback.

    Attributes:
        missing: characters asked for that no font has.
    """

    def __init__(self, fallback: Path | None = None) -> None:
        self._regular = _font("Arimo", _FOLDER / "Arimo-Regular.ttf")
        self._bold = _font("Arimo-Bold", _FOLDER / "Arimo-Bold.ttf")
        self._fallback = _font("Fallback", fallback) if fallback else None
        self.missing: set[str] = set()

    def parts(self, words: str, is_bold: bool) -> list[tuple[str, str]]:
        """Return (font name, letters) from left to right."""
        first = self._bold if is_bold else self._regular
        out: list[tuple[str, str]] = []
        for letter in left_to_right(words):
            font, shown = self._place(letter, first)
            if out and out[-1][0] == font:
                out[-1] = font, out[-1][1] + shown
            else:
                out.append((font, shown))
        return out

    def width_mm(self, words: str, style: Type) -> float:
        """How wide words are."""
        return float(sum(pdfmetrics.stringWidth(part, font, style.size_pt) * MM_PER_PT for font, part in self.parts(words, style.is_bold)))

    def has(self, words: str) -> bool:
        """Whether Arimo has all of these letters."""
        return all(ord(letter) in self._regular.face.charToGlyph for letter in words)

    def _place(self, letter: str, first: Any) -> tuple[str, str]:
        if ord(letter) in first.face.charToGlyph:
            return first.fontName, letter
        if self._fallback and ord(letter) in self._fallback.face.charToGlyph:
            return self._fallback.fontName, letter
        self.missing.add(letter)
        return first.fontName, _BOX


def _font(name: str, path: Path) -> Any:
    try:
        font = TTFont(name, str(path))
    except (TTFError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(f"{path}: not a font that can be put into a PDF, a TrueType file (.ttf) is needed: {reason}") from error
    pdfmetrics.registerFont(font)
    return font


def left_to_right(words: str) -> str:
    """Return letters in the order they stand on a line that runs from left to right: stretches of right-to-left letters are turned.

    A small part of the Unicode bidirectional algorithm (UAX 9): a line of one direction, numbers in it kept.

    >>> left_to_right("\u05d0\u05d1 12 a") == "\u05d1\u05d0 12 a"
    True
    """
    kinds = [unicodedata.bidirectional(letter) for letter in words]
    if not {"R", "AL"} & set(kinds):
        return words
    out, at = "", 0
    while at < len(words):
        if kinds[at] not in ("R", "AL"):
            out, at = out + words[at], at + 1
            continue
        last = end = at
        while end < len(words) and kinds[end] in ("R", "AL", "NSM", "WS", "ON", "CS"):
            last = end if kinds[end] in ("R", "AL", "NSM") else last
            end += 1
        out, at = out + words[at : last + 1][::-1], last + 1
    return out
