# SPDX-License-Identifier: Apache-2.0
"""WFDB records. The samples are read by the wfdb package; gains and rates come from the header's own decimal text.

Header format: https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ImportRefused, SourceError
from .imported import ImportedSignal, choose_leads, unit_nv
from .leads import lead_id
from .reader import MISSING_RAW

_DEFAULT_GAIN = "200"
_DEFAULT_RATE = "250"
_GAIN = re.compile(r"^([-+0-9.eE]+)(?:\(([-+]?\d+)\))?(?:/(\S+))?$")
_FORMAT = re.compile(r"^(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?$")
# value that stands for "no sample", and bits, per storage format (signal-5.htm)
_INVALID = {
    "8": None,
    "16": -(2**15),
    "24": -(2**23),
    "32": -(2**31),
    "61": -(2**15),
    "80": -128,
    "160": -(2**15),
    "212": -(2**11),
    "310": -(2**9),
    "311": -(2**9),
    "508": -128,
    "516": -(2**15),
    "524": -(2**23),
}


@dataclass(frozen=True)
class SignalLine:
    """One signal of a header. `gain` is the text; `invalid` the value that stands for no sample."""

    name: str
    file: str
    fmt: str
    per_frame: int
    gain: str
    unit: str
    baseline: int
    adc_bits: int
    adc_zero: int

    @property
    def invalid(self) -> int | None:
        """The format's value for "no sample here"."""
        return _INVALID.get(self.fmt)


@dataclass(frozen=True)
class Header:
    """What a record's header says; `rate` is text, `start` the local date and time as written."""

    path: Path
    rate: str
    n_frames: int | None
    start: str
    signals: tuple[SignalLine, ...]
    segments: int
    comments: tuple[str, ...]


def find_header(path: Path) -> Path:
    """The .hea of a record given with or without an extension.

    Raises:
        SourceError: there is none.
    """
    for candidate in (path, path.with_name(path.name + ".hea"), path.with_suffix(".hea")):
        if candidate.suffix.lower() == ".hea" and candidate.is_file():
            return candidate
    if path.is_file():
        from .sniff import looks_like

        with path.open("rb") as file:
            what = looks_like(file.read(4096), path.name)
        raise SourceError(
            f"{path}: no record to convert: no WFDB header {path.with_suffix('.hea').name} beside it and no DICOM; it looks like {what}",
            path=str(path),
            kind="foreign",
        )
    raise SourceError(f"{path}: no such record (no {path.name}.hea)", path=str(path), kind="missing")


def parse_header(path: Path) -> Header:
    """Parse a .hea file.

    Raises:
        SourceError: it is not a WFDB header; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", path=str(path), kind="unreadable") from error
    lines = [(i + 1, line.strip()) for i, line in enumerate(text.splitlines()) if line.strip()]
    comments = tuple(line.lstrip("# ") for _, line in lines if line.startswith("#"))
    body = [(i, line) for i, line in lines if not line.startswith("#")]
    try:
        words = body[0][1].split()
        n_signals = int(words[1])
        segments = int(words[0].split("/")[1]) if "/" in words[0] else 0
        rate = words[2].split("/")[0] if len(words) > 2 else _DEFAULT_RATE
        n_frames = int(words[3]) if len(words) > 3 else None
    except (IndexError, ValueError):
        raise SourceError(
            f"{path}: not a WFDB header: its first line should be NAME SIGNALS RATE SAMPLES, it is {body[0][1][:60] if body else ''!r}",
            path=str(path),
            kind="foreign",
        ) from None
    signals = () if segments else tuple(_signal_line(path, number, line, n) for n, (number, line) in enumerate(body[1 : n_signals + 1]))
    if not segments and len(signals) < n_signals:
        raise SourceError(f"{path}: {n_signals} signals announced, {len(signals)} described", path=str(path), kind="foreign")
    return Header(path, rate, n_frames or None, " ".join(words[4:6]), signals, segments, comments)


def _signal_line(path: Path, number: int, line: str, index: int) -> SignalLine:
    words = line.split(maxsplit=8)
    try:
        form = _FORMAT.match(words[1])
        gain = _GAIN.match(words[2] if len(words) > 2 else _DEFAULT_GAIN)
        if form is None or gain is None:
            raise ValueError  # noqa: TRY301
        bits = int(words[3]) if len(words) > 3 else 0
        adc_zero = int(words[4]) if len(words) > 4 else 0
        value = gain[1] if Fraction(gain[1]) else _DEFAULT_GAIN
    except (IndexError, ValueError):
        raise SourceError(f"{path}: line {number} is no signal description: {line[:60]!r}", path=str(path), kind="foreign") from None
    name = words[8] if len(words) > 8 else f"ECG{index + 1}"
    return SignalLine(
        name,
        words[0],
        form[1],
        int(form[2] or 1),
        value,
        gain[3] or "mV",
        int(gain[2]) if gain[2] is not None else adc_zero,
        bits,
        adc_zero,
    )


def read_wfdb(header_path: Path, leads: Sequence[str] | None) -> ImportedSignal:
    """Read a record.

    Raises:
        SourceError: unreadable or inconsistent.
        ImportRefused: several segments, several rates, units other than volt, floating point samples.
    """
    header = parse_header(header_path)
    record = header_path.stem
    if header.segments:
        raise ImportRefused(f"{record}: a record of {header.segments} segments; convert its segments one by one")
    if not header.signals:
        raise ImportRefused(f"{record}: a record without signals")
    names = [s.name for s in header.signals]
    candidates = _volt_leads(header, leads)
    places, ids, said = choose_leads([names[i] for i in candidates], leads, record)
    chosen = [candidates[i] for i in places]
    lines = [header.signals[i] for i in chosen]
    per_frame = _common_rate(record, lines)
    raw = _samples(header, chosen, per_frame)
    step = tuple(unit_nv(s.unit, s.name, record) / Fraction(s.gain) for s in lines)
    if any(s <= 0 for s in step):
        raise ImportRefused(f"{record}: a negative gain: {', '.join(s.gain for s in lines)}")
    if len(candidates) < len(names):
        left = ", ".join(f"{s.name} ({s.unit})" for i, s in enumerate(header.signals) if i not in candidates)
        said = f"{said}; not ECG: {left}" if said else f"not ECG, left out: {left}"
    return ImportedSignal(
        raw,
        tuple(ids),
        tuple(s.name for s in lines),
        tuple(s.baseline for s in lines),
        step,
        Fraction(header.rate) * per_frame,
        tuple(map(_limits, lines)),
        tuple(_notes(header, lines)),
        (said,) if said else (),
    )


def _volt_leads(header: Header, leads: Sequence[str] | None) -> list[int]:
    """Signals in volt. With none of them, or with the leads named, all: the unit is then refused by name."""
    volts = [i for i, s in enumerate(header.signals) if s.unit.lower() in ("v", "mv", "uv", "µv", "nv")]
    known = [i for i in volts if lead_id(header.signals[i].name) is not None]
    return list(range(len(header.signals))) if leads or not volts else (known if len(known) >= 8 else volts)


def _common_rate(record: str, lines: Sequence[SignalLine]) -> int:
    rates = {s.per_frame for s in lines}
    if len(rates) > 1:
        raise ImportRefused(
            f"{record}: leads of several rates: "
            + ", ".join(f"{s.name} {s.per_frame} a frame" for s in lines)
            + "; choose those of one rate with --leads"
        )
    return rates.pop()


def _limits(line: SignalLine) -> tuple[int, int] | None:
    if not 2 <= line.adc_bits <= 32:
        return None
    half = 1 << (line.adc_bits - 1)
    return line.adc_zero - half, line.adc_zero + half - 1


def _notes(header: Header, lines: Sequence[SignalLine]) -> list[str]:
    notes = [f"record={header.path.stem}", "format=WFDB"]
    if header.start:
        notes.append(f"start_local={header.start}")
    notes += [f"gain.{i}={s.gain}({s.baseline})/{s.unit}" for i, s in enumerate(lines)]
    notes += [f"lead.{i}={s.name}" for i, s in enumerate(lines)]
    return notes + [f"comment={text}" for text in header.comments[:8]]


def _samples(header: Header, chosen: Sequence[int], per_frame: int) -> npt.NDArray[np.int32]:
    """int32 (frames, leads), `MISSING_RAW` where the storage format says there is no sample."""
    with warnings.catch_warnings():  # its own dependencies' deprecations are no news to whoever converts a record
        warnings.simplefilter("ignore")
        import wfdb

    record = str(header.path.with_suffix(""))
    try:
        read: Any = wfdb.rdrecord(record, physical=False, channels=sorted(set(chosen)), smooth_frames=False)
    except Exception as error:  # wfdb raises whatever comes: a missing .dat, a wrong length, an unknown format
        raise SourceError(f"{record}: the signal files of this record cannot be read: {error}", path=record, kind="unreadable") from error
    columns = []
    for place in chosen:
        values = np.asarray(read.e_d_signal[sorted(set(chosen)).index(place)])
        if values.dtype.kind not in "iu":
            raise ImportRefused(f"{header.path.stem}: lead {header.signals[place].name} holds floating point samples")
        invalid = header.signals[place].invalid
        column = values.astype(np.int64)
        if invalid is not None:
            column[column == invalid] = MISSING_RAW
        columns.append(column)
    if len({len(col) for col in columns}) > 1:
        raise SourceError(f"{record}: its leads are of different length", path=record, kind="foreign")
    return np.stack(columns, axis=1).astype(np.int32)
