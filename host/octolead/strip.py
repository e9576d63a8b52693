# SPDX-License-Identifier: Apache-2.0
"""A strip of a recording on ECG paper, as a file of its own: 25 mm/s, 10 mm/mV, drawn as in reports, unfiltered."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .leads import TWELVE_LEADS
from .paper import ecg
from .paper.ecg import MM_PER_MV, MM_PER_S, PULSE_MM, Flag, Strip
from .paper.surface import MUTED, Surface, Type
from .recording import Recording

SUFFIXES: Final = (".png", ".svg", ".pdf")
_SIDE_MM, _TOP_MM, _BOTTOM_MM = 5.0, 8.0, 7.0
_WORDS: Final = Type(8)
_SMALL: Final = Type(6.5, False, MUTED)


def row_order(leads: Sequence[str]) -> list[str]:
    """Leads in the customary order: the twelve first, others after."""
    return [n for n in TWELVE_LEADS if n in leads] + [n for n in leads if n not in TWELVE_LEADS]


def draw_strip(
    recording: Recording,
    out: str | os.PathLike[str],
    *,
    start_frame: int,
    stop_frame: int,
    leads: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Draw frames `start_frame` to `stop_frame` (excluded) into a PNG, SVG or PDF file, by its suffix.

    Each lead's offset (its median over the strip) is taken away, as paper recorders with their 0.05 Hz high pass do.
    Missing frames are left blank and shaded.

    Raises:
        SignalRangeError, UnknownLeadError: as `Recording.signal_uv`.
        ValueError: another kind of file, or there is nothing to draw.
    """
    path = Path(out)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name}: a strip is a {', '.join(SUFFIXES)} file")
    names = row_order(recording.leads) if leads is None else list(leads)
    microvolt = recording.signal_uv(start_frame, stop_frame, names)
    if not microvolt.size:
        raise ValueError("nothing to draw: no frames or no leads")
    strip = Strip(start_frame, recording.fs_hz, tuple(names), microvolt - ecg.baseline_uv(microvolt))
    _save(path, _picture(path.suffix.lower(), recording, strip, title or f"session {recording.session_id}"))


def _picture(suffix: str, recording: Recording, strip: Strip, title: str) -> bytes:
    from .paper.fonts import Typeface
    from .paper.pdf import PdfSurface
    from .paper.picture import png_of
    from .paper.svg import SvgSurface

    if suffix == ".svg":
        svg = SvgSurface(Typeface())
        _draw(svg, recording, strip, title)
        return svg.svg().encode()
    pdf = PdfSurface(Typeface(), title=title)
    _draw(pdf, recording, strip, title)
    return png_of(pdf.finish()) if suffix == ".png" else pdf.finish()


def _draw(surface: Surface, recording: Recording, strip: Strip, title: str) -> None:
    """One page, as large as the strip."""
    rows = ecg.fitted_rows(strip.millivolt)
    width = 2 * _SIDE_MM + PULSE_MM + strip.width_mm
    height = _TOP_MM + ecg.ABOVE_MM + sum(h for _, h in rows) + ecg.BELOW_MM + _BOTTOM_MM
    surface.begin_page(width, height, title)
    moment = recording.time_of(strip.start_frame)
    when = moment.utc.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "time of day unknown"
    surface.text(_SIDE_MM, 6, title, _WORDS)
    surface.text(width - _SIDE_MM, 6, f"from {strip.start_frame / strip.fs_hz:.3f} s   {when}", _WORDS, "end")
    flags = [Flag(m.frame, f"{m.origin} mark{f': {m.text}' if m.text else ''}") for m in recording.marks]
    below = ecg.draw(surface, strip, _SIDE_MM, _TOP_MM, rows, flags=flags)
    scale = f"{MM_PER_S:g} mm/s   {MM_PER_MV:g} mm/mV   {strip.fs_hz:g} samples/s   step {recording.step_uv:.4g} µV"
    surface.text(_SIDE_MM, below + 3.5, scale, _SMALL)
    surface.text(width - _SIDE_MM, below + 3.5, "unfiltered, offsets removed", _SMALL, "end")
    surface.end_page()


def _save(path: Path, data: bytes) -> None:
    """Write beside the file first: a strip is there whole or not at all."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
