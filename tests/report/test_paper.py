# SPDX-License-Identifier: Apache-2.0
"""Paper at true scale: what is drawn is measured in pixels of the rendered page, by another PDF engine."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

for package in ("reportlab", "pypdfium2", "pypdf"):
    pytest.importorskip(package, reason=f"{package} is not installed: make test installs it")

import pypdf

from octolead.paper import ecg
from octolead.paper.fonts import Typeface, left_to_right
from octolead.paper.pdf import PdfSurface
from octolead.paper.surface import INK, Pen, Type, envelope, trace_of
from octolead.paper.svg import SvgSurface
from tests.report.making_reports import pixels

PER_MM = 20.0
LEADS = ("I", "II", "V1")


def some_strip(n_frames: int = 2000, fs_hz: float = 500.0) -> ecg.Strip:
    """Two leads of nothing, and a square of 1 mV in the third, from frame 800 to 1200."""
    microvolt = np.zeros((n_frames, 3), np.float32)
    microvolt[800:1200, 2] = 1000
    return ecg.Strip(0, fs_hz, LEADS, microvolt)


def drawn(strip: ecg.Strip, **more) -> bytes:
    surface = PdfSurface(Typeface(), title="t")
    surface.begin_page(150, 80, "t")
    ecg.draw(surface, strip, 10, 10, [(12, 15), (12, 15), (17, 20)], **more)
    surface.end_page()
    return surface.finish()


def dark(image: np.ndarray) -> np.ndarray:
    return image.max(axis=2) < 110


def test_grid_lines_are_a_millimetre_apart():
    image = pixels(drawn(some_strip()), 0, PER_MM)
    top = 10 + ecg.ABOVE_MM
    row = image[round((top + 31.5) * PER_MM), : round(90 * PER_MM)]  # between two lines of the grid, where no lead is
    redness = (row[:, 0] - row[:, 1]).astype(float)
    places = np.flatnonzero((redness[1:-1] > 8) & (redness[1:-1] >= redness[:-2]) & (redness[1:-1] > redness[2:])) + 1
    assert len(places) >= 70
    assert np.diff(places).mean() == pytest.approx(PER_MM, rel=0.002)
    assert places[0] == pytest.approx(10 * PER_MM, abs=2)


def test_the_calibration_pulse_is_one_millivolt_high_and_200_ms_wide():
    image = dark(pixels(drawn(some_strip()), 0, PER_MM))
    zero = 10 + ecg.ABOVE_MM + 12
    column = image[:, round((10 + 10) * PER_MM)]  # through the top of the first pulse
    above = np.flatnonzero(column[: round((zero + 1) * PER_MM)])
    assert above.mean() == pytest.approx((zero - ecg.MM_PER_MV) * PER_MM, abs=1.5)
    row = np.flatnonzero(image[round((zero - 5) * PER_MM), : round(24 * PER_MM)])
    edges = [group.mean() for group in np.split(row, np.flatnonzero(np.diff(row) > 1) + 1)]
    assert len(edges) == 2
    assert edges[1] - edges[0] == pytest.approx(0.2 * ecg.MM_PER_S * PER_MM, abs=1.5)


def test_a_signal_of_a_millivolt_is_as_high_as_the_pulse_and_at_its_frames():
    image = dark(pixels(drawn(some_strip()), 0, PER_MM))
    left, zero = 10 + ecg.PULSE_MM, 10 + ecg.ABOVE_MM + 30 + 17
    row = np.flatnonzero(image[round((zero - 5) * PER_MM), round((left + 1) * PER_MM) :]) + round((left + 1) * PER_MM)
    edges = [group.mean() for group in np.split(row, np.flatnonzero(np.diff(row) > 1) + 1)]
    assert edges == pytest.approx([(left + (frame - 0.5) / 500 * 25) * PER_MM for frame in (800, 1200)], abs=1.5)
    top = np.flatnonzero(image[round((zero - 14) * PER_MM) : round((zero - 8) * PER_MM), round((left + 50) * PER_MM)])
    assert (zero - 14) + top.mean() / PER_MM == pytest.approx(zero - 10, abs=0.06)


@pytest.mark.parametrize("fs_hz", [250.0, 500.0, 1000.0, 360.0])
def test_thinning_and_columns_keep_the_line_within_a_tenth_of_a_millimetre(fs_hz):
    y = 10 * np.sin(np.arange(3000) / 40) + np.random.default_rng(0).normal(0, 0.05, 3000)
    x = np.arange(3000) * 25 / fs_hz
    points = trace_of(x, y)
    assert len(points) < 2700
    assert np.abs(np.interp(x, points[:, 0] / 100, points[:, 1] / 100) - y).max() < 0.1


def test_the_envelope_keeps_every_peak_and_every_hole():
    values = np.zeros(1000)
    values[333], values[500:600] = 7.0, np.nan
    found = envelope(values, 100)
    assert np.nanmax(found) == 7
    assert np.isnan(found[50:60]).all()
    assert not np.isnan(found[:50]).any()


def test_missing_frames_are_shaded_and_not_bridged():
    strip = some_strip()
    strip.microvolt[1000:1500] = np.nan
    image = pixels(drawn(strip), 0, PER_MM)
    left = 10 + ecg.PULSE_MM
    inside = image[
        round((10 + ecg.ABOVE_MM + 8.5) * PER_MM) : round((10 + ecg.ABOVE_MM + 49) * PER_MM),
        round((left + 51) * PER_MM) : round((left + 74) * PER_MM),
    ]
    assert not dark(inside).any()
    assert np.median(inside.reshape(-1, 3), axis=0).tolist() == pytest.approx([0xE3, 0xE7, 0xEB], abs=3)


def test_all_fonts_are_embedded_and_pages_have_the_size_asked_for():
    surface = PdfSurface(Typeface(), title="t")
    surface.begin_page(210, 297, "one")
    surface.text(20, 20, "Ünïcødé Жуков Ω µV ≥", Type(9))
    surface.text(20, 30, "bold", Type(9, True))
    surface.end_page()
    page = pypdf.PdfReader(io.BytesIO(surface.finish())).pages[0]
    assert [float(v) * 25.4 / 72 for v in page.mediabox[2:]] == pytest.approx([210, 297], abs=0.01)
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    embedded = {f["/BaseFont"].split("+")[-1] for f in fonts if "/FontDescriptor" in f and "/FontFile2" in f["/FontDescriptor"]}
    assert embedded == {"Arimo-Regular", "Arimo-Bold"}
    assert "Ünïcødé Жуков Ω µV ≥" in page.extract_text()


def test_letters_no_font_has_are_told_and_right_to_left_words_are_turned():
    typeface = Typeface()
    assert typeface.parts("a例b", False) == [("Arimo", "a□b")]
    assert typeface.missing == {"例"}
    assert left_to_right("ID שלום 12") == "ID םולש 12"


def test_a_fallback_font_is_asked_for_what_arimo_has_not():
    from reportlab import __file__ as reportlab

    typeface = Typeface(__import__("pathlib").Path(reportlab).parent / "fonts" / "Vera.ttf")
    assert {font for font, _ in typeface.parts("a\uf6c3", False)} <= {"Arimo", "Fallback"}
    with pytest.raises(ValueError, match="not a font that can be put into a PDF"):
        Typeface(__import__("pathlib").Path(__file__))


def test_svg_is_sound_xml_of_true_size_and_says_what_the_pdf_says():
    surface = SvgSurface(Typeface())
    surface.begin_page(150, 80, "a <b> & c")
    ecg.draw(surface, some_strip(), 10, 10, [(12, 15), (12, 15), (17, 20)], clock=lambda frame: f"{frame}")
    surface.text(3, 3, "<script>alert(1)</script>\x07", Type(8))
    surface.end_page()
    root = ET.fromstring(surface.svg())
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("150mm", "80mm", "0 0 150 80")
    words = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {*LEADS, "<script>alert(1)</script>"} <= set(words)


def test_the_pulse_of_the_svg_is_ten_millimetres_high():
    surface = SvgSurface(Typeface())
    surface.begin_page(50, 50, "")
    ecg.draw_pulse(surface, 10, 30)
    surface.trace(np.array([[0, 0], [100, 0]]), Pen(INK))
    surface.end_page()
    path = next(ET.fromstring(surface.svg()).iter("{http://www.w3.org/2000/svg}path"))
    assert path.get("transform") == "scale(0.01)"
    assert path.get("d").strip() == "M1600 3000l150 0 0 -1000 500 0 0 1000 150 0"
