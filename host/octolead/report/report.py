# SPDX-License-Identifier: Apache-2.0
"""A report of a recording, as PDF or HTML: pages are planned, numbered, then drawn."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..paper.fonts import Typeface
from ..paper.pdf import PdfSurface
from ..paper.surface import Surface
from ..paper.svg import SvgSurface
from . import page_disclosure, page_hours, page_measures, page_method, page_strips, page_summary, page_templates
from .identity import Identity
from .pages import Choices, Content, Page
from .quality import of_leads
from .sheet import PAPERS, Frame, Sheet, upright_height_mm
from .source import Source
from .st import levels_uv, shifts
from .trends import trends

SUFFIXES = (".pdf", ".html")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file.
        n_pages, n_bytes: of it.
        left_out: what did not fit, one sentence each.
        missing_letters: characters that no font has (PDF only).
    """

    path: Path
    n_pages: int
    n_bytes: int
    left_out: tuple[str, ...]
    missing_letters: str


def content_of(source: Source, identity: Identity, choices: Choices) -> Content:
    """Gather the numbers of a report."""
    analysis = source.analysis
    levels = levels_uv(analysis)
    moved = shifts(analysis, levels)
    numbers = analysis.summary(), analysis.hours(), trends(analysis)
    return Content(source, identity, choices, *numbers, levels, moved, of_leads(source), [])


def plan(content: Content, outline: Sequence[tuple[str, int]], made: datetime) -> list[Page]:
    """All pages, in order."""
    height = upright_height_mm(content.choices.paper)
    return [
        page_summary.page(content, outline, made),
        *page_measures.pages(content),
        *page_hours.pages(content, height),
        *page_templates.pages(content, height),
        *page_strips.moment_pages(content, height),
        *page_strips.mark_pages(content),
        *page_disclosure.pages(content),
        page_method.page(content),
    ]


def draw(surface: Surface, content: Content, made: datetime, progress: Progress | None = None) -> int:
    """Draw all pages; return how many."""
    outline: list[tuple[str, int]] = []
    pages = plan(content, outline, made)
    outline += [(page.title, k + 1) for k, page in enumerate(pages) if page.begins_part]
    frame = _frame(content)
    for k, page in enumerate(pages):
        sheet = Sheet(surface, content.choices.paper, landscape=page.is_landscape)
        surface.begin_page(sheet.width, sheet.height, page.title if page.begins_part else "")
        sheet.frame(frame, page.title, k + 1, len(pages))
        page.draw(sheet)
        surface.end_page()
        if progress:
            progress(k + 1, len(pages))
    return len(pages)


def _frame(content: Content) -> Frame:
    who, source = content.identity, content.source
    name = " · ".join(part for part in (who.name, f"ID {who.id}" if who.id else "", f"born {who.birth}" if who.birth else "") if part)
    start = source.times.start
    when = f"recorded {start:%Y-%m-%d %H:%M} {source.times.zone}" if start else "time of day not known"
    session = f"session {source.recording.session_id}" if source.recording else f"record {source.signal.name}"
    return Frame(name or "Name:", when, f"octolead {__version__} · {session} · measurements, no diagnosis")


def made_at() -> datetime:
    """Now, or what SOURCE_DATE_EPOCH says.

    Raises:
        ValueError: it is no number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    if not given:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"SOURCE_DATE_EPOCH is {given!r}; a number of seconds since 1970 is needed") from None


def check_out(out: Path) -> None:
    """Say early that a report cannot be written there.

    Raises:
        ValueError: another kind of file.
        OSError: the folder is not there, or nothing may be written into it.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{out}: a report is a .pdf or an .html file")
    folder = out.parent
    if not folder.is_dir():
        raise FileNotFoundError(2, "no such folder to write the report into", str(folder))
    if out.is_dir():
        raise IsADirectoryError(21, "is a folder; name a file for the report", str(out))
    if not os.access(folder, os.W_OK):
        raise PermissionError(13, "nothing may be written into this folder", str(folder))


def write_report(
    source: Source,
    out: str | os.PathLike[str],
    *,
    identity: Identity | None = None,
    choices: Choices | None = None,
    font: Path | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write a report; the file is there whole or not at all.

    Args:
        source: opened and analysed.
        out: `.pdf` or `.html`.
        identity: of the person; default: blank lines.
        choices: paper, how many marks, which hours are disclosed.
        font: a TrueType font for letters that Arimo does not have.
        progress: called with (pages drawn, pages).

    Raises:
        ValueError: wrong suffix, paper, hours, lead or font.
        OSError: it cannot be written.
    """
    path, chosen, who = Path(out), choices or Choices(), identity or Identity()
    check_out(path)
    if chosen.paper not in PAPERS:
        raise ValueError(f"paper: {chosen.paper!r}; there are {', '.join(PAPERS)}")
    made, typeface = made_at(), Typeface(font)
    content = content_of(source, who, chosen)
    title = f"Ambulatory ECG report{f', {who.name}' if who.name else ''}"
    if path.suffix.lower() == ".pdf":
        pdf = PdfSurface(typeface, title=title, author=who.institution)
        n_pages = draw(pdf, content, made, progress)
        data = pdf.finish()
    else:
        svg = SvgSurface(typeface)
        n_pages = draw(svg, content, made, progress)
        data = svg.html(title).encode()
        typeface.missing.clear()  # the browser finds a font for them
    _save(path, data)
    return Written(path, n_pages, len(data), tuple(content.left_out), "".join(sorted(typeface.missing)))


def _save(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
