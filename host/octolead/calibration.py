# SPDX-License-Identifier: Apache-2.0
"""The calibration of a recorder (docs/SPEC.md 6.5.4): its record, its signature, where it lies beside recordings, and applying it.

Signing and checking need the standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .errors import CalibrationError

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
SUFFIX = ".olc"
SIGNATURE_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPERATOR_BYTES, _REFERENCE_BYTES = 20, 24
_TOP_U16 = 0xFFFF


@dataclass(frozen=True)
class LeadCalibration:
    """Of one lead: gain over its nominal value, less 1; µV shown for 0 V; ns sampled later than the mean of the leads."""

    gain_error: float
    gain_u: float
    offset_uv: float
    offset_u_uv: float
    skew_ns: int


@dataclass(frozen=True)
class Calibration:
    """What was measured when a recorder was calibrated, `u` being standard uncertainties.

    Attributes:
        device_id: hex.
        gain: of the amplifier, at which it was measured.
        leads: in the order of `LEADS`.
        rate_error_ppb, rate_u_ppb: how much faster than it says it samples; None where that was not measured.
        temperature_c: None where not known.
        report_sha256: first bytes, of the report's JSON.
        record: the bytes that the recorder keeps; empty until it is signed.
    """

    device_id: str
    made: datetime
    gain: int
    leads: tuple[LeadCalibration, ...]
    rate_error_ppb: int | None = None
    rate_u_ppb: int | None = None
    temperature_c: float | None = None
    operator: str = ""
    reference: str = ""
    report_sha256: bytes = bytes(16)
    record: bytes = field(default=b"", repr=False)

    @property
    def calibration_id(self) -> int:
        """As in the blocks; 0 while it is not signed."""
        return int.from_bytes(self.record[8:12], "little")

    @property
    def name(self) -> str:
        """Of its file beside recordings."""
        return file_name(self.device_id, self.calibration_id)

    def signed(self, device_key: bytes) -> Calibration:
        """The same with its record, signed with the device key."""
        head = _packed(self)
        return replace(self, record=head + signature(head, device_key))

    def is_signed_with(self, device_key: bytes) -> bool:
        """Whether the signature is the device key's; in constant time."""
        at = c.CALIBRATION_SIGNATURE
        return hmac.compare_digest(self.record[at:], signature(self.record[:at], device_key))

    def apply(self, microvolt: npt.NDArray[np.floating], leads: Sequence[str]) -> npt.NDArray[np.float64]:
        """Calibrated µV of these stored leads, shape (frames, leads).

        Raises:
            CalibrationError: it has no such lead.
        """
        offset_uv, gain = self.coefficients(leads)
        return np.asarray((microvolt - offset_uv) / gain, np.float64)

    def coefficients(self, leads: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(offsets in µV, gains over nominal) of these leads."""
        missing = [name for name in leads if name not in LEADS]
        if missing:
            raise CalibrationError("leads", f"a calibration has the leads {', '.join(LEADS)}, not {', '.join(missing)}")
        found = [self.leads[LEADS.index(name)] for name in leads]
        return np.array([lead.offset_uv for lead in found]), np.array([1 + lead.gain_error for lead in found])


def signature(head: bytes, device_key: bytes) -> bytes:
    """Of the bytes before it: HMAC-SHA256 under a key that HKDF-SHA256 (RFC 5869) draws from the device key."""
    secret = hmac.digest(b"octolead calibration", device_key, "sha256")
    return hmac.digest(hmac.digest(secret, b"sign\x01", "sha256"), head, "sha256")[:SIGNATURE_BYTES]


def parse(record: bytes, *, device_id: str | None = None, calibration_id: int | None = None, key: bytes | None = None) -> Calibration:
    """The calibration in a record.

    Args:
        record: its bytes.
        device_id: hex; refuse another recorder's.
        calibration_id: refuse another one.
        key: the device key; refuse what it did not sign.

    Raises:
        CalibrationError: it is none, was altered, or is not the one that is meant.
    """
    if len(record) != c.CALIBRATION_SIZE or record[:4] != c.OLC_MAGIC or struct.unpack_from("<H", record, 6)[0] != len(record):
        raise CalibrationError("damaged", f"no calibration: {len(record)} bytes, {c.CALIBRATION_SIZE} with their magic are due")
    if record[c.CALIBRATION_VERSION_MAJOR] > c.VERSION_MAJOR or record[c.CALIBRATION_N_LEADS] != len(LEADS):
        version, n = record[c.CALIBRATION_VERSION_MAJOR], record[c.CALIBRATION_N_LEADS]
        raise CalibrationError("version", f"a calibration of version {version} with {n} leads: a newer octolead may read it")
    found = _unpacked(record)
    if found.calibration_id != _id_of(record):
        words = f"was altered: it says it is {found.calibration_id:08x}, its values give {_id_of(record):08x}"
        raise CalibrationError("altered", f"the calibration {words}; fetch it again from the recorder")
    if device_id is not None and found.device_id != device_id:
        raise CalibrationError("device", f"the calibration is of recorder {found.device_id}, this is of {device_id}")
    if calibration_id is not None and found.calibration_id != calibration_id:
        raise CalibrationError("other", f"the blocks name calibration {calibration_id:08x}, this one is {found.calibration_id:08x}")
    if key is not None and not found.is_signed_with(key):
        raise CalibrationError(
            "signature", "the calibration is not signed with this recorder's key: it was altered, or the key was changed"
        )
    return found


def file_name(device_id: str, calibration_id: int) -> str:
    """Of a record beside recordings."""
    return f"calibration-{device_id}-{calibration_id:08x}{SUFFIX}"


def kept_folder() -> Path:
    """Where records are kept for recordings that lie where none is beside them: `$OCTOLEAD_STATE/calibrations`."""
    given = os.environ.get("OCTOLEAD_STATE")
    home = Path(given) if given else Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "octolead"
    return home / "calibrations"


def find(source: Path, device_id: str, calibration_id: int) -> Path | None:
    """The file of that calibration beside a recording (in its folder, or in it where it is one), or among those kept."""
    name = file_name(device_id, calibration_id)
    folders = [source if source.is_dir() else source.parent, kept_folder()]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def save(calibration: Calibration, folder: Path) -> Path:
    """Write the record into a folder, whole or not at all; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / calibration.name
    beside = path.with_suffix(path.suffix + ".new")
    beside.write_bytes(calibration.record)
    beside.replace(path)
    return path


def as_dict(found: Calibration) -> dict[str, Any]:
    """Plain values, for JSON."""
    leads = {name: asdict(lead) for name, lead in zip(LEADS, found.leads, strict=True)}
    shown = {name: getattr(found, name) for name in ("device_id", "gain", "rate_error_ppb", "rate_u_ppb", "temperature_c")}
    return {**shown, "made": found.made.isoformat(), "operator": found.operator, "reference": found.reference, "leads": leads}


def _id_of(record: bytes) -> int:
    digest = hashlib.sha256(record[c.CALIBRATION_DEVICE_ID : c.CALIBRATION_SIGNATURE]).digest()
    return int.from_bytes(digest[:4], "little") & 0x7FFFFFFF or 1


def _packed(found: Calibration) -> bytes:
    """All before the signature."""
    leads = b"".join(_packed_lead(lead) for lead in found.leads)
    rate = (0, c.RATE_U_UNKNOWN) if found.rate_u_ppb is None else (found.rate_error_ppb or 0, found.rate_u_ppb)
    made_us = (found.made - _EPOCH) // timedelta(microseconds=1)
    warmth = c.TEMPERATURE_UNKNOWN if found.temperature_c is None else round(found.temperature_c * 100)
    rest = struct.pack(
        "<8sqBBhiI128s20s24s16s",
        bytes.fromhex(found.device_id), made_us, found.gain, len(found.leads), warmth, *rate, leads,
        _cut(found.operator, _OPERATOR_BYTES), _cut(found.reference, _REFERENCE_BYTES), found.report_sha256,
    )  # fmt: skip
    head = struct.pack("<4sBBH", c.OLC_MAGIC, c.VERSION_MAJOR, c.VERSION_MINOR, c.CALIBRATION_SIZE)
    return head + _id_of(head + bytes(4) + rest + bytes(SIGNATURE_BYTES)).to_bytes(4, "little") + rest


def _packed_lead(lead: LeadCalibration) -> bytes:
    gain_u, offset_u = (min(_TOP_U16, round(u)) for u in (lead.gain_u * 1e6, lead.offset_u_uv * 1e3))
    return struct.pack(c.CALIBRATION_LEAD_FORMAT, round(lead.gain_error * 1e9), round(lead.offset_uv * 1e3), lead.skew_ns, gain_u, offset_u)


def _cut(text: str, n_bytes: int) -> bytes:
    return text.encode()[:n_bytes].decode(errors="ignore").encode()


def _unpacked(record: bytes) -> Calibration:
    (_, _, _, _, _, device_id, made_us, gain, _, warmth, rate_error, rate_u, leads, operator, reference, digest, _) = struct.unpack(
        c.CALIBRATION_FORMAT, record
    )
    parts = struct.iter_unpack(c.CALIBRATION_LEAD_FORMAT, leads)
    measured = rate_u != c.RATE_U_UNKNOWN
    return Calibration(
        device_id.hex(),
        _EPOCH + timedelta(microseconds=made_us),
        gain,
        tuple(LeadCalibration(g / 1e9, gu / 1e6, o / 1e3, ou / 1e3, skew) for g, o, skew, gu, ou in parts),
        rate_error if measured else None,
        rate_u if measured else None,
        None if warmth == c.TEMPERATURE_UNKNOWN else warmth / 100,
        operator.rstrip(b"\0").decode(errors="replace"),
        reference.rstrip(b"\0").decode(errors="replace"),
        digest,
        bytes(record),
    )
