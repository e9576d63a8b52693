# SPDX-License-Identifier: Apache-2.0
"""Recordings for reports: ECG with known beats, marks and gaps; and a PDF's pages as arrays of pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pypdfium2

from octolead import _constants as c
from octolead import native
from octolead.report import Choices, Identity, open_report_source, write_report
from tests.unit import making

FS_HZ = 500
STEP_UV = 2.5


def ecg_steps(n_frames: int, n_leads: int = 8, every: int = 400) -> np.ndarray:
    """A beat of P, QRS and T every so many frames, as integers of 2.5 µV."""
    out = np.random.default_rng(1).normal(0, 6, (n_frames, n_leads))
    t = np.arange(-200, 300)
    wave = 110 * np.exp(-(((t + 80) / 18) ** 2)) + 1000 * np.exp(-((t / 7) ** 2)) + 250 * np.exp(-(((t - 140) / 32) ** 2))
    for place in range(300, n_frames - 300, every):
        out[place - 200 : place + 300] += wave[:, None] * np.linspace(1, 0.5, n_leads)
    return np.rint(out / STEP_UV).astype(np.int32)


def mark_event(offset: int, text: str = "", origin: int = 0) -> native.Event:
    """A mark, so many frames into its block."""
    return native.Event(c.EVENT_MARK, offset, bytes([origin]) + text.encode())


def recording(path: Path, frames: np.ndarray, marks: dict[int, str] | None = None, **fields) -> Path:
    """Write frames as `.olr`, with marks at frames."""
    events: dict[int, list[native.Event]] = {}
    for frame, text in (marks or {}).items():
        events.setdefault(frame // making.FRAMES_PER_BLOCK, []).append(mark_event(frame % making.FRAMES_PER_BLOCK, text))
    return making.write_olr(path, making.blocks(frames, events=events, **fields))


def report(source: Path, out: Path, identity: Identity | None = None, **choices) -> object:
    """Write a report of a source."""
    opened = open_report_source(source)
    with opened.signal:
        return write_report(opened, out, identity=identity, choices=Choices(**choices))


def texts(pdf: Path) -> list[str]:
    """The words of each page, as PDFium reads them; spaces that do not break are spaces."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range().replace("\u00a0", " ").replace("\r\n", "\n") for page in document]


def pixels(pdf: bytes | Path, page: int, per_mm: float) -> np.ndarray:
    """A page as an array (rows, columns, 3), so many pixels a millimetre."""
    data = pdf if isinstance(pdf, bytes) else pdf.read_bytes()
    with pypdfium2.PdfDocument(io.BytesIO(data)) as document:
        return np.asarray(document[page].render(scale=per_mm * 25.4 / 72).to_pil().convert("RGB")).astype(int)
