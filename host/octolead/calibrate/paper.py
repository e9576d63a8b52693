# SPDX-License-Identifier: Apache-2.0
"""The certificate on paper: a PDF of two pages, drawn from the report's plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..calibration import LEADS
from ..paper.fonts import Typeface
from ..paper.pdf import PdfSurface
from ..report.sheet import Column, Frame, Sheet
from .certificate import Certificate

_NONE = "—"
_MEASURED = ("gain error\n%", "offset\nµV", "noise rms\nµV", "noise p-p\nµV in 10 s", "skew\nµs", "gain again\n%")
_CLAIM = (
    "Expanded uncertainties (±) hold the true value with 95 %, if the budget names all that matters; the shapes of its components are "
    "propagated (JCGM 101). Values are traceable as far as the reference is. No claim of conformity with any standard."
)
_MADE_OF = {
    "rectangular": "± {half:.3g}, any as likely",
    "normal": "standard uncertainty {u:.3g}",
    "t": "of {n} repeats: {u:.3g}",
}


def write_pdf(certificate: Certificate, path: Path) -> Path:
    """Write the certificate on paper; return its path.

    Raises:
        OSError: it cannot be written.
    """
    found = certificate.calibration
    surface = PdfSurface(Typeface(None), title=f"Calibration certificate {found.calibration_id:08x}", author=found.operator)
    frame = Frame(
        f"Calibration certificate {found.calibration_id:08x}",
        f"recorder {found.device_id}",
        f"octolead {certificate.report['octolead']} · signature {found.record[-16:].hex()}",
    )
    pages = (("What was measured", _results), ("Frequency, DC offset, crosstalk and budget", _details))
    for number, (title, draw) in enumerate(pages):
        sheet = Sheet(surface, "a4", landscape=False)
        surface.begin_page(sheet.width, sheet.height, title)
        sheet.frame(frame, title, number + 1, len(pages))
        draw(sheet, certificate.report)
        surface.end_page()
    path.write_bytes(surface.finish())
    return path


def _results(sheet: Sheet, report: dict[str, Any]) -> None:
    y = sheet.heading(sheet.top, "Recorder, reference and surroundings")
    y = sheet.facts(sheet.left, y, sheet.room_mm, _facts(report)) + 3
    y = sheet.heading(y, "Each lead", f"at gain {report['gain']}, {report['rate_hz']} samples/s")
    measured = report["measured"]
    columns = [Column("lead", 12, "start")]
    columns += [
        Column(title, 25)
        for title in ("gain error\n%", "offset\nµV", "noise rms\nµV", "noise p-p\nµV in 10 s", "skew\nµs", "gain again\n%")
    ]
    rows = [
        [
            lead,
            _shown(measured["gain"].get(lead), 100),
            _shown(measured["offset"].get(lead)),
            _shown(measured["noise_rms"].get(lead), digits=2),
            _shown(measured["noise_peak_to_peak"].get(lead), bare=True),
            _shown(measured["skew"].get(lead), digits=1),
            _shown(measured["gain_again"].get(lead), 100),
        ]
        for lead in LEADS
    ]
    y = sheet.table(sheet.left, y, columns, rows)
    rate = measured["rate"]
    words = (
        "not measured: the internal test signal is made by the same clock" if rate is None else f"{_shown(rate, digits=1)} ppm over nominal"
    )
    y = sheet.facts(sheet.left, y + 2, sheet.room_mm, [("Sampling rate", words)])
    y = sheet.heading(sheet.note(y + 2, _CLAIM) + 3, "Limits", "the worst of all that was judged by each")
    rows = [[line["verdict"], line["title"], _figure(line), line["source"]] for line in _worst(report["limits"])]
    sheet.table(sheet.left, y, _LIMITS, rows[: sheet.rows_that_fit(y)])


def _facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    reference, conditions, device = report["reference"], report["conditions"], report["device"]
    parts = [
        f"{reference['shape']}, {2 * reference['amplitude_uv'] / 1000:g} mV peak to peak ± {100 * reference['amplitude_tolerance']:g} %",
        f"{reference['frequency_hz']:g} Hz ± {reference['frequency_tolerance_ppm']:g} ppm",
        f"other frequencies ± {100 * reference['flatness']:g} %",
    ]
    warmth = conditions["temperature_c"]
    return [
        ("Recorder", ", ".join(f"{name} {value}" for name, value in device.items())),
        ("Made", report["made"]),
        ("Operator", report["operator"] or _NONE),
        ("Reference", reference["name"]),
        ("", "; ".join(parts)),
        ("Temperature", f"{'not known' if warmth is None else f'{warmth:.1f} °C'}, ± {conditions['spread_c']:g} °C while measured"),
    ]


def _details(sheet: Sheet, report: dict[str, Any]) -> None:
    measured, y = report["measured"], sheet.top
    responses = {**measured["response"], **{f"gain at {name}, change in %": part for name, part in measured["gain_at_offset"].items()}}
    if responses:
        y = sheet.heading(y, "Amplitude over that of the gain measurement, in %; change of gain under DC")
        rows = [[name, *(_shown(part.get(lead), 100) for lead in LEADS)] for name, part in responses.items()]
        y = sheet.table(sheet.left, y, _lead_columns("", 34), rows) + 2
    if measured["crosstalk"]:
        y = sheet.heading(y, "Crosstalk in %", "of the lead at the left, seen in the others; — where the wiring drives that lead, too")
        rows = [[name, *(_shown(part.get(lead), 100, bare=True) for lead in LEADS)] for name, part in measured["crosstalk"].items()]
        y = sheet.table(sheet.left, y, _lead_columns("into", 34), rows) + 2
    y = sheet.heading(y, "Budget of lead V1", "others differ in their repeats only")
    y = sheet.table(sheet.left, y, _BUDGET, _budget(measured)) + 1
    sheet.note(y, report["correlation"])


_BUDGET = (
    Column("quantity", 24, "start"),
    Column("component", 44, "start"),
    Column("type", 24, "start"),
    Column("what is known", 72, "start"),
    Column("u", 22),
)
_LIMITS = (Column("", 14, "start"), Column("what", 74, "start"), Column("worst", 34, "start"), Column("source of the limit", 66, "start"))


def _lead_columns(title: str, width_mm: float) -> list[Column]:
    return [Column(title, width_mm, "start"), *(Column(lead, 19) for lead in LEADS)]


def _budget(measured: dict[str, Any]) -> list[list[str]]:
    """The components of a lead's gain and offset."""
    rows = []
    for name in ("gain", "offset"):
        found = measured[name]["V1"]
        for part in found["components"]:
            known = _MADE_OF[part["shape"]].format(half=part["u"] * 3**0.5, u=part["u"], n=part.get("dof", 0) + 1)
            rows.append([name, part["name"], part["kind"] + (", common" if part["common"] else ""), known, f"{part['u']:.2g}"])
        rows.append([name, "together", "", f"expanded, 95 %: {found['expanded']:.3g} {found['unit'].strip('1')}", f"{found['u']:.2g}"])
    return rows


def _worst(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each limit: that whose value is furthest from the middle of what is allowed."""
    worst: dict[str, dict[str, Any]] = {}
    for line in lines:
        middle = ((line["least"] or 0.0) + (line["most"] or 0.0)) / 2 if line["least"] is not None else 0.0
        before = worst.get(line["key"])
        if before is None or abs(line["value"] - middle) > abs(before["value"] - middle):
            worst[line["key"]] = line
    return list(worst.values())


def _figure(line: dict[str, Any]) -> str:
    where = f"{line['where']}: " if line["where"] else ""
    return _NONE if line["value"] is None else f"{where}{line['value']:.4g} {line['unit']}"


def _shown(found: dict[str, Any] | None, scale: float = 1.0, *, digits: int = 3, bare: bool = False) -> str:
    """A value with its expanded uncertainty, or alone."""
    if found is None or found["value"] is None:
        return _NONE
    value, width = found["value"] * scale, found["expanded"]
    return f"{value:.{digits}f}" if bare or width is None else f"{value:.{digits}f} ± {width * scale:.{digits}f}"


def figures(certificate: Certificate) -> Sequence[Sequence[str]]:
    """Lead by lead for a terminal: lead, gain error in %, offset in µV, noise in µV rms, skew in µs."""
    measured = certificate.report["measured"]
    return [
        [
            lead,
            _shown(measured["gain"].get(lead), 100),
            _shown(measured["offset"].get(lead)),
            _shown(measured["noise_rms"].get(lead), digits=2),
            _shown(measured["skew"].get(lead), digits=1),
        ]
        for lead in LEADS
    ]
