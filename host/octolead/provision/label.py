# SPDX-License-Identifier: Apache-2.0
"""The pairing label: a QR code with device id and key (docs/SPEC.md 6.9), and words for people, which do not hold the key."""

from __future__ import annotations

import base64
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import KeyStoreError

PREFIX, VERSION = "OCTOLEAD", "1"
_WIDTH_MM, _HEIGHT_MM = 50.0, 25.0
_CODE_MM, _QUIET_MODULES = 21.0, 4
_PNG_DPI = 600


@dataclass(frozen=True)
class Label:
    """What a label carries; the key stands in no text of this object.

    Attributes:
        device_id: 16 hexadecimal digits.
        key: 32 bytes.
        name: the owner's, for people.
    """

    device_id: str
    key: bytes = field(repr=False)
    name: str = ""

    def text(self) -> str:
        """The code's text.

        >>> len(Label("00" * 8, bytes(32)).text())
        89
        """
        body = ":".join((PREFIX, VERSION, self.device_id.upper(), base64.b32encode(self.key).decode().rstrip("=")))
        return f"{body}:{zlib.crc32(body.encode()):08X}"

    @classmethod
    def parse(cls, text: str) -> Label:
        """Read a code's text, however a hand or a scanner typed it.

        Raises:
            KeyStoreError: `label`; the message holds nothing of the text but its length.
        """
        text = "".join(text.split()).upper()
        body, _, crc = text.rpartition(":")
        parts = body.split(":")
        if len(parts) != 4 or parts[0] != PREFIX:
            raise KeyStoreError("label", f"no pairing label: {len(text)} characters that are not OCTOLEAD:1:…")
        if parts[1] != VERSION:
            raise KeyStoreError("label", f"a pairing label of version {parts[1][:4]}, this program knows {VERSION}: renew octolead")
        try:
            key, device_id = base64.b32decode(parts[3] + "===="), bytes.fromhex(parts[2])
            good = len(key) == 32 and len(device_id) == 8 and len(crc) == 8 and int(crc, 16) == zlib.crc32(body.encode())
        except ValueError:
            good = False
        if not good:
            raise KeyStoreError("label", f"a pairing label that was misread ({len(text)} characters, 89 are due): scan it again")
        return cls(device_id.hex(), key)

    def pdf(self) -> bytes:
        """The label at true size, 50 by 25 mm."""
        from ..paper.fonts import Typeface
        from ..paper.pdf import PdfSurface
        from ..paper.surface import INK, MUTED, Type

        surface = PdfSurface(Typeface(), title=f"Octolead {self.device_id}")
        surface.begin_page(_WIDTH_MM, _HEIGHT_MM, "")
        for x, y, width, height in self._code():
            surface.rect(x, y, width, height, fill=INK)
        left, groups = _CODE_MM + 4, (self.device_id[:8], self.device_id[8:])
        surface.text(left, 7, "Octolead", Type(9, is_bold=True))
        surface.text(left, 12, self.name or "ECG recorder", Type(6, colour=MUTED))
        surface.text(left, 17, " ".join(groups), Type(6.5, is_bold=True))
        surface.text(left, 21.5, "Holds the key: keep private", Type(4.5, colour=MUTED))
        surface.end_page()
        return surface.finish()

    def _code(self) -> list[tuple[float, float, float, float]]:
        """Dark runs of the code as (x, y, width, height) in mm, centred in its square with the quiet zone that the standard asks for."""
        import segno

        matrix = [list(row) for row in segno.make(self.text(), error="m", boost_error=False, micro=False).matrix]
        module = _CODE_MM / (len(matrix) + 2 * _QUIET_MODULES)
        at, top = 2 + _QUIET_MODULES * module, 2 + _QUIET_MODULES * module
        out = []
        for y, row in enumerate(matrix):
            x = 0
            while x < len(row):
                end = x
                while end < len(row) and row[end]:
                    end += 1
                if end > x:
                    out.append((at + x * module, top + y * module, (end - x) * module, module))
                x = end + 1
        return out

    def save(self, path: Path) -> None:
        """Write it as PDF, or as PNG where the name ends so; only its owner may read the file.

        Raises:
            ValueError: another ending.
            OSError: it cannot be written.
        """
        if path.suffix.lower() not in (".pdf", ".png"):
            raise ValueError(f"{path}: a label is a .pdf or a .png")
        data = self.pdf()
        if path.suffix.lower() == ".png":
            from ..paper.picture import png_of

            data = png_of(data, dpi=_PNG_DPI)
        path.unlink(missing_ok=True)  # or the file would keep the rights it had
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
