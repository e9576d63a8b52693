# SPDX-License-Identifier: Apache-2.0
"""The pairing label (docs/SPEC.md 6.9): read back by another's reader, from the PDF and from the PNG."""

import io
import os
import zlib

import pytest
from PIL import Image

from octolead.errors import KeyStoreError
from octolead.paper.picture import png_of
from octolead.provision import Label

zxingcpp = pytest.importorskip("zxingcpp", reason="no zxing-cpp (PyPI), which reads QR codes")

KEY = bytes(range(32))
ID = "00ff00ff00ff00ff"


def read(picture):
    (code,) = zxingcpp.read_barcodes(picture)
    assert str(code.format).endswith("QRCode") or "QR" in str(code.format)
    return code.text


def test_the_text_is_what_the_spec_says():
    """Expected: base64.b32encode and zlib.crc32 of the standard library over the spec's words."""
    body = "OCTOLEAD:1:00FF00FF00FF00FF:AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQTCQKRMFYYDENBWHA5DYPQ"
    assert Label(ID, KEY).text() == f"{body}:{zlib.crc32(body.encode()):08X}" and len(body) == 80


@pytest.mark.parametrize("name", ["", "Ward 3", "Zoë"])
def test_another_reader_finds_the_text_in_pdf_and_png(tmp_path, name):
    label = Label(ID, KEY, name)
    for path in (tmp_path / "a.pdf", tmp_path / "a.png"):
        path.write_bytes(b"old")
        path.chmod(0o644)
        label.save(path)
        assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert Label.parse(read(Image.open(tmp_path / "a.png"))) == Label(ID, KEY)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert read(Image.open(io.BytesIO(png_of(pdf, dpi=300)))) == label.text()
    assert label.text().split(":")[3].encode() not in pdf


def test_a_label_is_read_with_dirt_on_it(tmp_path):
    """Error correction M mends 15 % of the code words."""
    Label(ID, KEY).save(tmp_path / "a.png")
    picture = Image.open(tmp_path / "a.png").convert("RGB")
    picture.paste((255, 255, 255), (250, 250, 330, 330))  # of a code of 400 by 400
    assert read(picture) == Label(ID, KEY).text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace(":1:", ":2:"), "version 2"),
        (lambda t: t[:20] + "7" + t[21:], "misread"),
        (lambda t: t[:40] + ("A" if t[40] != "A" else "B") + t[41:], "misread"),
        (lambda t: t[:-9] + ":12", "misread"),
        (lambda t: t[:60], "no pairing label"),
        (lambda t: "https://example.org", "no pairing label"),
        (lambda t: "", "no pairing label"),
        (lambda t: t.replace("OCTOLEAD:1:00FF", "OCTOLEAD:1:00GF"), "misread"),
    ],
)
def test_a_text_that_is_not_whole_is_refused_without_repeating_it(change, words):
    text = change(Label(ID, KEY).text())
    with pytest.raises(KeyStoreError, match=words) as error:
        Label.parse(text)
    assert error.value.kind == "label" and "AAAQEAYE" not in str(error.value)


def test_a_label_is_a_pdf_or_a_png(tmp_path):
    with pytest.raises(ValueError, match=r"\.pdf or a \.png"):
        Label(ID, KEY).save(tmp_path / "a.svg")
