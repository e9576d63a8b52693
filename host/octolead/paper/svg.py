# SPDX-License-Identifier: Apache-2.0
"""Pages as SVG: each one a picture in millimetres, alone in a file or one after another in an HTML page that prints at true scale."""

from __future__ import annotations

from html import escape
from typing import Final

from .fonts import CSS_FAMILY, MM_PER_PT, Typeface
from .surface import GRID_COARSE, GRID_FINE, UNITS_PER_MM, Anchor, Pen, Trace, Type

_STYLE: Final = (
    f"text{{font-family:{CSS_FAMILY};white-space:pre}}.b{{font-weight:700}}.m{{text-anchor:middle}}.e{{text-anchor:end}}"
    "path{fill:none;stroke-linejoin:round;stroke-linecap:round}"
)


class SvgSurface:
    """Draws on pages of SVG.

    Args:
        typeface: tells how wide words are.
    """

    def __init__(self, typeface: Typeface) -> None:
        self._typeface = typeface
        self._parts: list[str] = []
        self._grids: dict[str, str] = {}
        self.pages: list[tuple[float, float, str, str]] = []
        """(width in mm, height in mm, title, SVG without its outermost element)"""

    def begin_page(self, width_mm: float, height_mm: float, title: str) -> None:
        """Start a page."""
        self._parts, self._size, self._title = [], (width_mm, height_mm), title

    def end_page(self) -> None:
        """End it."""
        self.pages.append((*self._size, self._title, "\n".join(self._parts)))

    def line(self, x1: float, y1: float, x2: float, y2: float, pen: Pen) -> None:
        """A straight line."""
        self._parts.append(f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"{_stroke(pen)}/>')

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str | None = None, pen: Pen | None = None) -> None:
        """A rectangle."""
        colour = fill or "none"
        stroke = _stroke(pen) if pen else ""
        self._parts.append(f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{colour}"{stroke}/>')

    def trace(self, points: Trace, pen: Pen) -> None:
        """A line through points."""
        if len(points) > 1:
            scaled = Pen(pen.colour, pen.width_mm * UNITS_PER_MM, tuple(d * UNITS_PER_MM for d in pen.dash_mm))
            self._parts.append(f'<path transform="scale({1 / UNITS_PER_MM:g})" d="{_path(points)}"{_stroke(scaled)}/>')

    def area(self, points: Trace, fill: str) -> None:
        """The inside of a closed line."""
        if len(points) > 2:
            self._parts.append(f'<path transform="scale({1 / UNITS_PER_MM:g})" d="{_path(points)}z" style="fill:{fill}"/>')

    def text(self, x: float, y: float, words: str, style: Type, anchor: Anchor = "start") -> None:
        """Words on one line; the browser may have another font, so their width is given with them."""
        if not words:
            return
        kind = ("b" if style.is_bold else "") + (" m" if anchor == "middle" else " e" if anchor == "end" else "")
        size = style.size_pt * MM_PER_PT
        room = f' textLength="{_n(self._typeface.width_mm(words, style))}"' if len(words) > 1 and self._typeface.has(words) else ""
        classes = f' class="{kind.strip()}"' if kind else ""
        fixed = f'{room} lengthAdjust="spacingAndGlyphs"' if room else ""
        place = f'x="{_n(x)}" y="{_n(y)}" font-size="{size:.3f}" fill="{style.colour}"'
        self._parts.append(f"<text {place}{classes}{fixed}>{_escaped(words)}</text>")

    def grid(self, x: float, y: float, width: float, height: float) -> None:
        """ECG paper; each size is put into the document once."""
        key = f"grid{width:g}x{height:g}".replace(".", "_")
        self._grids.setdefault(key, _grid_symbol(key, width, height))
        self._parts.append(f'<use href="#{key}" x="{_n(x)}" y="{_n(y)}"/>')

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Draw nothing outside from here on."""
        box = f"{_n(x)} {_n(y)} {_n(width)} {_n(height)}"
        self._parts.append(f'<svg x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" viewBox="{box}">')

    def unclip(self) -> None:
        """End of `clip`."""
        self._parts.append("</svg>")

    def text_width_mm(self, words: str, style: Type) -> float:
        """How much room words take."""
        return self._typeface.width_mm(words, style)

    def _defs(self) -> str:
        return f"<defs>{''.join(self._grids.values())}</defs>"

    def svg(self, number: int = 0) -> str:
        """Return one page as a file of its own."""
        width, height, title, body = self.pages[number]
        w, h = _n(width), _n(height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}mm" height="{h}mm" viewBox="0 0 {w} {h}">\n'
            f"<title>{_escaped(title)}</title><style>{_STYLE}</style>{self._defs()}\n{body}\n</svg>\n"
        )

    def html(self, title: str, language: str = "en") -> str:
        """Return all pages as one HTML page: nothing is fetched, nothing runs, each page prints on a sheet of its own size."""
        sizes = sorted({(w, h) for w, h, _, _ in self.pages})
        names = {size: f"s{k}" for k, size in enumerate(sizes)}
        sheets = "".join(
            f"@page {names[w, h]}{{size:{_n(w)}mm {_n(h)}mm;margin:0}}.{names[w, h]}{{page:{names[w, h]};width:{_n(w)}mm;height:{_n(h)}mm}}"
            for w, h in sizes
        )
        body = "\n".join(
            f'<section class="page {names[w, h]}" aria-label="{_escaped(name or title)}">'
            f'<svg width="{_n(w)}mm" height="{_n(h)}mm" viewBox="0 0 {_n(w)} {_n(h)}">\n{page}\n</svg></section>'
            for w, h, name, page in self.pages
        )
        return (
            f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f'<meta name="viewport" content="width=device-width"><title>{_escaped(title)}</title>'
            f"<style>{_STYLE}{_PAGES}{sheets}</style></head>\n"
            f'<body><svg width="0" height="0" class="defs" aria-hidden="true">{self._defs()}</svg>\n{body}\n</body></html>\n'
        )


_PAGES: Final = (
    "html{background:#8b939c}body{margin:0}.defs{position:absolute}"
    ".page{background:#fff;margin:6mm auto;box-shadow:0 1mm 4mm #0006;overflow:hidden;break-after:page;box-sizing:border-box}"
    ".page:last-child{break-after:auto}.page>svg{display:block}"
    "@media print{html{background:none}.page{margin:0;box-shadow:none}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}"
)


def _n(value: float) -> str:
    """A number of mm, to 1 µm."""
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def _escaped(words: str) -> str:
    """Text for HTML and XML; what XML does not allow is left out."""
    return escape("".join(c for c in words if c >= " " or c == "\t"))


def _stroke(pen: Pen) -> str:
    dash = f' stroke-dasharray="{" ".join(_n(d) for d in pen.dash_mm)}"' if pen.dash_mm else ""
    return f' stroke="{pen.colour}" stroke-width="{_n(pen.width_mm)}"{dash}'


def _path(points: Trace) -> str:
    """Steps from point to point, which are shorter than places."""
    steps = points[1:] - points[:-1]
    return f"M{points[0, 0]} {points[0, 1]}l" + ("%d %d " * len(steps)) % tuple(steps.ravel().tolist())


def _grid_symbol(key: str, width_mm: float, height_mm: float) -> str:
    out = []
    for colour, line_mm, heavy in ((GRID_FINE, 0.1, False), (GRID_COARSE, 0.18, True)):
        columns = "".join(f"M{k} 0v{_n(height_mm)}" for k in range(int(width_mm + 1e-6) + 1) if (k % 5 == 0) == heavy)
        rows = "".join(f"M0 {k}h{_n(width_mm)}" for k in range(int(height_mm + 1e-6) + 1) if (k % 5 == 0) == heavy)
        out.append(f'<path d="{columns}{rows}" stroke="{colour}" stroke-width="{line_mm}"/>')
    return f'<g id="{key}">{"".join(out)}</g>'
