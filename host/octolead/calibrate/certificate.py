# SPDX-License-Identifier: Apache-2.0
"""The certificate of a calibration: the signed record, and the report that its digest binds to it, as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__, calibration
from ..calibration import LEADS, Calibration, LeadCalibration
from ..errors import CalibrationError
from ..limits import Trial
from .bench import Reference
from .evaluate import Conditions, Leads
from .uncertainty import COVERAGE, Quantity

if TYPE_CHECKING:
    from ..link import Recorder

FORMAT = "octolead calibration report 1"
CORRELATION = (
    "Components marked common are one error for all leads (correlation 1 between leads); the others are independent of each other and "
    "between leads. Gains and offsets come of different measurements and are independent."
)


@dataclass
class Measured:
    """Everything that was measured, by lead; empty where it was not."""

    offset: Leads = field(default_factory=dict)
    noise_rms: Leads = field(default_factory=dict)
    noise_peak_to_peak: Leads = field(default_factory=dict)
    test_signal: Leads = field(default_factory=dict)
    gain: Leads = field(default_factory=dict)
    gain_again: Leads = field(default_factory=dict)
    skew: Leads = field(default_factory=dict)
    rate: Quantity | None = None
    gain_at_offset: dict[str, Leads] = field(default_factory=dict)
    response: dict[float, Leads] = field(default_factory=dict)
    crosstalk: dict[str, Leads] = field(default_factory=dict)
    temperature_c: float | None = None


@dataclass(frozen=True)
class Certificate:
    """What a calibration gave.

    Attributes:
        calibration: with its signed record.
        report: plain values: everything that was measured, with its budget.
    """

    calibration: Calibration
    report: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = self.calibration
        return {"calibration_id": f"{found.calibration_id:08x}", "record": found.record.hex(), "report": self.report}

    def save(self, folder: Path) -> list[Path]:
        """Write the record and the certificate as JSON; return their paths."""
        record = calibration.save(self.calibration, folder)
        words = record.with_suffix(".json")
        words.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return [record, words]


def load(path: Path, *, key: bytes | None = None) -> Certificate:
    """Read a certificate's JSON.

    Raises:
        CalibrationError: it was altered: the record's digest is not that of the report; or the record is not sound.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        record, report = bytes.fromhex(found["record"]), found["report"]
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationError("damaged", f"{path}: no certificate ({error})") from error
    parsed = calibration.parse(record, key=key)
    if parsed.report_sha256 != digest(report):
        raise CalibrationError("altered", f"{path}: the report was altered: its digest is not the one that is signed")
    return Certificate(parsed, report)


def digest(report: dict[str, Any]) -> bytes:
    """The first 16 bytes of a SHA-256 over the report as JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).digest()[:16]


def make(
    measured: Measured,
    trial: Trial,
    recorder: Recorder,
    reference: Reference,
    conditions: Conditions,
    operator: str,
    gain: int,
    rate_hz: int,
) -> Certificate:
    """The certificate of what was measured, signed with the recorder's key."""
    made = datetime.now(UTC).replace(microsecond=0)
    report = {
        "format": FORMAT,
        "device": trial.subject,
        "made": made.isoformat(),
        "octolead": __version__,
        "operator": operator,
        "reference": asdict(reference),
        "conditions": {**asdict(conditions), "temperature_c": measured.temperature_c},
        "gain": gain,
        "rate_hz": rate_hz,
        "coverage": COVERAGE,
        "correlation": CORRELATION,
        "measured": _plain(measured),
        "limits": [line.as_dict() for line in trial.lines],
    }
    found = Calibration(
        recorder.device_id.hex(),
        made,
        gain,
        tuple(_coefficients(measured, lead) for lead in LEADS),
        None if measured.rate is None else round(measured.rate.value * 1000),
        None if measured.rate is None else round(measured.rate.u * 1000),
        measured.temperature_c,
        operator,
        reference.name,
        digest(report),
    )
    return Certificate(calibration.parse(recorder.signed(found).record), report)


def _coefficients(measured: Measured, lead: str) -> LeadCalibration:
    gain, offset, skew = measured.gain[lead], measured.offset[lead], measured.skew[lead]
    return LeadCalibration(gain.value, gain.u, offset.value, offset.u, round(skew.value * 1000))


def _plain(measured: Measured) -> dict[str, Any]:
    """Everything that was measured, as plain values."""
    plain = {name: _leads(getattr(measured, name)) for name in _BY_LEAD}
    return {
        **plain,
        "rate": None if measured.rate is None else _quantity(measured.rate),
        "gain_at_offset": {name: _leads(found) for name, found in measured.gain_at_offset.items()},
        "response": {f"{hertz:g} Hz": _leads(found) for hertz, found in sorted(measured.response.items())},
        "crosstalk": {name: _leads(found) for name, found in measured.crosstalk.items()},
    }


_BY_LEAD = ("offset", "noise_rms", "noise_peak_to_peak", "test_signal", "gain", "gain_again", "skew")


def _leads(found: Leads) -> dict[str, Any]:
    return {name: _quantity(found[name]) for name in LEADS if name in found}


def _quantity(found: Quantity) -> dict[str, Any]:
    components = [{k: v for k, v in asdict(part).items() if k != "dof" or v} for part in found.components]
    figures = {"value": found.value, "u": found.u, "expanded": found.expanded, "k": found.k}
    return {name: _rounded(value) for name, value in figures.items()} | {"unit": found.unit, "components": components}


def _rounded(value: float) -> float | None:
    """Nine figures are enough; what is no number is None, for JSON has none."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
