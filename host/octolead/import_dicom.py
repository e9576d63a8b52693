# SPDX-License-Identifier: Apache-2.0
"""DICOM waveforms (12-lead and general ECG), read by pydicom; PS3.3 section C.10.9."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ImportRefused, SourceError
from .imported import ImportedSignal, choose_leads, unit_nv
from .leads import lead_id
from .reader import MISSING_RAW

# Last number of a lead's code in MDC (2:1) and SCP-ECG (5.6.3-9-1) alike
_CODES = {
    1: "I",
    2: "II",
    3: "V1",
    4: "V2",
    5: "V3",
    6: "V4",
    7: "V5",
    8: "V6",
    61: "III",
    62: "aVR",
    63: "aVL",
    64: "aVF",
}


def read_dicom(path: Path, leads: Sequence[str] | None) -> ImportedSignal:
    """Read the first original waveform of a DICOM file.

    The value of an integer is `integer · sensitivity · correction factor + baseline` in the channel's unit.

    Raises:
        SourceError: not readable as DICOM.
        ImportRefused: no waveform, other units, companded samples, or a baseline that is not a whole number of steps.
    """
    dataset = _dataset(path)
    groups = list(dataset.get("WaveformSequence", []))
    if not groups:
        raise ImportRefused(f"{path.name}: a DICOM file without waveforms ({dataset.get('Modality', 'modality not given')})")
    place = next((i for i, g in enumerate(groups) if g.get("WaveformOriginality") == "ORIGINAL"), 0)
    group = groups[place]
    channels = list(group.ChannelDefinitionSequence)
    names = [_name(ch, i) for i, ch in enumerate(channels)]
    places, ids, said = choose_leads(names, leads, path.name)
    raw = _raw(dataset, place, group, path.name)[:, places]
    kept = [channels[i] for i in places]
    step = tuple(_step(ch, names[i], path.name) for ch, i in zip(kept, places, strict=True))
    zero = tuple(_zero(ch, s, names[i], path.name) for ch, s, i in zip(kept, step, places, strict=True))
    messages = [said] if said else []
    if len(groups) > 1:
        messages.append(
            f"waveform {place + 1} of {len(groups)} taken ({group.get('WaveformOriginality', 'not said')}), the others left out"
        )
    return ImportedSignal(
        np.ascontiguousarray(raw),
        tuple(ids),
        tuple(names[i] for i in places),
        zero,
        step,
        Fraction(str(group.SamplingFrequency)),
        tuple(_limits(ch, group) for ch in kept),
        tuple(_notes(dataset, path, names, places)),
        tuple(messages),
        _start_utc_us(dataset),
    )


def _dataset(path: Path) -> Any:
    import pydicom

    try:
        return pydicom.dcmread(path)
    except Exception as error:  # pydicom raises many kinds on a damaged file
        raise SourceError(f"{path}: this DICOM file cannot be read: {error}", path=str(path), kind="foreign") from error


def _raw(dataset: Any, place: int, group: Any, record: str) -> npt.NDArray[np.int32]:
    kind = group.get("WaveformSampleInterpretation", "SS")
    if kind in ("MB", "AB"):
        raise ImportRefused(f"{record}: samples are companded ({kind}); only linear ones can be kept exactly")
    try:
        from pydicom.waveforms.numpy_handler import multiplex_array

        values = np.asarray(multiplex_array(dataset, place, as_raw=True))
    except Exception as error:
        raise SourceError(f"{record}: the waveform cannot be decoded: {error}", path=record, kind="foreign") from error
    wide = values.astype(np.int64)
    if wide.max(initial=0) >= 2**31 or wide.min(initial=0) <= MISSING_RAW:
        raise ImportRefused(f"{record}: samples do not fit 32 bits")
    padding = group.get("WaveformPaddingValue")
    if padding is not None:
        value = int.from_bytes(padding, "little", signed=kind.startswith("S")) if isinstance(padding, bytes) else int(padding)
        wide[wide == value] = MISSING_RAW
    return wide.astype(np.int32)


def _name(channel: Any, index: int) -> str:
    source = channel.get("ChannelSourceSequence")
    if not source:
        return str(channel.get("ChannelLabel", f"ECG{index + 1}"))
    text = str(source[0].get("CodeMeaning", ""))
    if lead_id(text) is not None:
        return text
    tail = str(source[0].get("CodeValue", "")).replace(":", "-").rsplit("-", 1)[-1]
    if source[0].get("CodingSchemeDesignator") in ("MDC", "SCPECG") and tail.isdigit() and int(tail) in _CODES:
        return _CODES[int(tail)]
    return text or f"ECG{index + 1}"


def _step(channel: Any, name: str, record: str) -> Fraction:
    if "ChannelSensitivity" not in channel:
        raise ImportRefused(f"{record}: lead {name} has no sensitivity: its integers have no unit")
    units = channel.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].CodeValue) if units else "uV"
    factor = Fraction(str(channel.get("ChannelSensitivityCorrectionFactor", 1) or 1))
    step = Fraction(str(channel.ChannelSensitivity)) * factor * unit_nv(unit, name, record)
    if step <= 0:
        raise ImportRefused(f"{record}: lead {name} has a sensitivity of {channel.ChannelSensitivity}")
    return step


def _zero(channel: Any, step_nv: Fraction, name: str, record: str) -> int:
    units = channel.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].CodeValue) if units else "uV"
    zero = -Fraction(str(channel.get("ChannelBaseline", 0) or 0)) * unit_nv(unit, name, record) / step_nv
    if zero.denominator != 1:
        raise ImportRefused(f"{record}: lead {name} has a baseline of {channel.ChannelBaseline} {unit}, not a whole number of its steps")
    return int(zero)


def _limits(channel: Any, group: Any) -> tuple[int, int] | None:
    bits = int(channel.get("WaveformBitsStored", 0) or 0)
    if not 2 <= bits <= 32:
        return None
    if str(group.get("WaveformSampleInterpretation", "SS")).startswith("U"):
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def _notes(dataset: Any, path: Path, names: Sequence[str], places: Sequence[int]) -> list[str]:
    notes = [f"record={path.name}", "format=DICOM"]
    for key, tag in (
        ("start_local", "AcquisitionDateTime"),
        ("timezone", "TimezoneOffsetFromUTC"),
        ("maker", "Manufacturer"),
        ("model", "ManufacturerModelName"),
    ):
        if dataset.get(tag):
            notes.append(f"{key}={dataset.get(tag)}")
    return notes + [f"lead.{k}={names[i]}" for k, i in enumerate(places)]


def _start_utc_us(dataset: Any) -> int | None:
    """Start in µs UTC if the file says its offset from UTC, else None: local time alone is no anchor."""
    text = str(dataset.get("AcquisitionDateTime") or "")
    match = re.match(r"^(\d{14})(?:\.(\d{1,6}))?([-+]\d{4})?$", text.strip())
    if match is None:
        return None
    offset = match[3] or str(dataset.get("TimezoneOffsetFromUTC") or "")
    if not re.match(r"^[-+]\d{4}$", offset):
        return None
    try:
        start = datetime.strptime(match[1] + offset, "%Y%m%d%H%M%S%z")
    except ValueError:
        return None
    return int(start.timestamp()) * 1_000_000 + int((match[2] or "0").ljust(6, "0"))
