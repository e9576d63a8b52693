# SPDX-License-Identifier: Apache-2.0
"""Pages as PDF, by reportlab. Traces are written as operators of the page, for reportlab's paths take four times as long."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from .fonts import MM_PER_PT, Typeface
from .surface import GRID_COARSE, GRID_FINE, UNITS_PER_MM, Anchor, Pen, Trace, Type

_PT: Final = 1 / MM_PER_PT
"""Points in a millimetre."""
_LEVEL: Final = 4


class PdfSurface:
    """Draws on the pages of a PDF.

    Args:
        typeface: for the letters.
        title: of the document.
        author: who it names as its maker.

    Its date is now, or what the variable SOURCE_DATE_EPOCH says: then the same pages give the same bytes.
    """

    def __init__(self, typeface: Typeface, *, title: str, author: str = "") -> None:
        self._typeface = typeface
        self._buffer = io.BytesIO()
        self._canvas = Canvas(self._buffer, pageCompression=1, invariant=int("SOURCE_DATE_EPOCH" in os.environ))
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator("octolead")
        self._grids: set[str] = set()
        self._height = 0.0
        self._n_pages = 0

    def begin_page(self, width_mm: float, height_mm: float, title: str) -> None:
        """Start a page."""
        self._height = height_mm * _PT
        self._canvas.setPageSize((width_mm * _PT, self._height))
        self._n_pages += 1
        key = f"page{self._n_pages}"
        self._canvas.bookmarkPage(key)
        if title:
            self._canvas.addOutlineEntry(title, key, level=0)

    def end_page(self) -> None:
        """End it."""
        self._canvas.showPage()

    def line(self, x1: float, y1: float, x2: float, y2: float, pen: Pen) -> None:
        """A straight line."""
        self._pen(pen)
        self._canvas.line(x1 * _PT, self._y(y1), x2 * _PT, self._y(y2))

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str | None = None, pen: Pen | None = None) -> None:
        """A rectangle."""
        if pen:
            self._pen(pen)
        if fill:
            self._canvas.setFillColor(HexColor(fill))
        self._canvas.rect(x * _PT, self._y(y + height), width * _PT, height * _PT, stroke=int(pen is not None), fill=int(fill is not None))

    def trace(self, points: Trace, pen: Pen) -> None:
        """A line through points."""
        if len(points) > 1:
            self._path(points, f"{_rgb(pen.colour)} RG {pen.width_mm * UNITS_PER_MM:g} w 1 j 1 J {_dash(pen)}", "S")

    def area(self, points: Trace, fill: str) -> None:
        """The inside of a closed line."""
        if len(points) > 2:
            self._path(points, f"{_rgb(fill)} rg", "f")

    def text(self, x: float, y: float, words: str, style: Type, anchor: Anchor = "start") -> None:
        """Words on one line."""
        parts = self._typeface.parts(words, style.is_bold)
        if anchor != "start":
            width = self._typeface.width_mm(words, style)
            x -= width if anchor == "end" else width / 2
        self._canvas.setFillColor(HexColor(style.colour))
        place = x * _PT
        for font, part in parts:
            self._canvas.setFont(font, style.size_pt)
            self._canvas.drawString(place, self._y(y), part)
            place += self._canvas.stringWidth(part, font, style.size_pt)

    def grid(self, x: float, y: float, width: float, height: float) -> None:
        """ECG paper; each size is put into the document once."""
        name = f"grid{width:g}x{height:g}".replace(".", "_")
        if name not in self._grids:
            self._grids.add(name)
            self._canvas.beginForm(name, 0, 0, width * _PT, height * _PT)
            self._canvas.addLiteral(_grid_operators(width, height))
            self._canvas.endForm()
        self._canvas.saveState()
        self._canvas.translate(x * _PT, self._y(y + height))
        self._canvas.doForm(name)
        self._canvas.restoreState()

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Draw nothing outside from here on."""
        self._canvas.saveState()
        path = self._canvas.beginPath()
        path.rect(x * _PT, self._y(y + height), width * _PT, height * _PT)
        self._canvas.clipPath(path, stroke=0, fill=0)

    def unclip(self) -> None:
        """End of `clip`."""
        self._canvas.restoreState()

    def text_width_mm(self, words: str, style: Type) -> float:
        """How much room words take."""
        return self._typeface.width_mm(words, style)

    def finish(self) -> bytes:
        """Return the document."""
        with _binary_streams():
            self._canvas.save()
        return self._buffer.getvalue()

    def _y(self, y_mm: float) -> float:
        return self._height - y_mm * _PT

    def _pen(self, pen: Pen) -> None:
        self._canvas.setStrokeColor(HexColor(pen.colour))
        self._canvas.setLineWidth(pen.width_mm * _PT)
        self._canvas.setDash([d * _PT for d in pen.dash_mm])

    def _path(self, points: Trace, state: str, finish: str) -> None:
        """Write a path in units of a trace, its y growing downwards."""
        scale = _PT / UNITS_PER_MM
        flat = points.ravel().tolist()
        body = ("%d %d l\n" * (len(points) - 1)) % tuple(flat[2:])
        matrix = f"{scale:.8f} 0 0 {-scale:.8f} 0 {self._height:.4f} cm"
        self._canvas.addLiteral(f"q {matrix} {state} {flat[0]} {flat[1]} m\n{body}{finish} Q")


@contextmanager
def _binary_streams() -> Iterator[None]:
    """Keep reportlab from writing streams as ASCII: that takes more time than all of the drawing, and a quarter more room.

    And from pressing them as hard as zlib does by default: for a sixteenth less room that took five times as long.
    """
    before = rl_config.useA85, pdfdoc.PDFZCompress
    rl_config.useA85, pdfdoc.PDFZCompress = 0, _Flate()
    try:
        yield
    finally:
        rl_config.useA85, pdfdoc.PDFZCompress = before


class _Flate(pdfdoc.PDFStreamFilterZCompress):  # type: ignore[misc]  # reportlab has no types
    """The same streams, made faster."""

    def encode(self, text: str | bytes) -> bytes:
        """Return them compressed."""
        return zlib.compress(text.encode() if isinstance(text, str) else text, _LEVEL)


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[k : k + 2], 16) / 255:.4g}" for k in (1, 3, 5))


def _dash(pen: Pen) -> str:
    return f"[{' '.join(f'{d * UNITS_PER_MM:g}' for d in pen.dash_mm)}] 0 d" if pen.dash_mm else ""


def _grid_operators(width_mm: float, height_mm: float) -> str:
    """Lines of ECG paper in millimetres, from the upper left corner."""
    out = [f"{_PT:.8f} 0 0 {-_PT:.8f} 0 {height_mm * _PT:.4f} cm"]
    for colour, line_mm, heavy in ((GRID_FINE, 0.1, False), (GRID_COARSE, 0.18, True)):
        out.append(f"{_rgb(colour)} RG {line_mm} w")
        out += [f"{k} 0 m {k} {height_mm:g} l" for k in range(int(width_mm + 1e-6) + 1) if (k % 5 == 0) == heavy]
        out += [f"0 {k} m {width_mm:g} {k} l" for k in range(int(height_mm + 1e-6) + 1) if (k % 5 == 0) == heavy]
        out.append("S")
    return "\n".join(out)
