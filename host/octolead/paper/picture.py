# SPDX-License-Identifier: Apache-2.0
"""Pages of a PDF as pictures, by pypdfium2 (the PDF engine of Chromium)."""

from __future__ import annotations

import io
from typing import Final

DPI: Final = 150


def png_of(pdf: bytes, page: int = 0, dpi: float = DPI) -> bytes:
    """Return one page as a PNG."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        image = document[page].render(scale=dpi / 72).to_pil()
        out = io.BytesIO()
        image.convert("RGB").quantize(colors=64, dither=0).save(out, "PNG", optimize=True, dpi=(dpi, dpi))
        return out.getvalue()
