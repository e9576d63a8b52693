# SPDX-License-Identifier: Apache-2.0
"""Other makers' records as integers with an exact scale: the choice of reader and the choice of leads.

`load` reads a WFDB record or a DICOM waveform. What cannot be kept exactly is refused by name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .errors import ImportRefused, SourceError
from .leads import RECORDER_LEAD_IDS, lead_id, lead_name

MISSING_RAW = -(2**31)
UNITS_NV = {"v": 10**9, "mv": 10**6, "uv": 10**3, "µv": 10**3, "μv": 10**3, "nv": 1}


@dataclass(frozen=True)
class ImportedSignal:
    """Integers of another maker's record.

    Attributes:
        raw: int32 of shape (frames, leads), the file's own; `MISSING_RAW` where it has no value.
        lead_ids: one per lead, docs/SPEC.md `lead`.
        names: the file's own names of the leads.
        zero: stored value of 0 V, one per lead.
        step_nv: nanovolt per unit, exact, one per lead.
        rate_hz: samples per second, exact.
        limits: (lowest, highest) value of the converter, per lead; None if not known.
        notes: ``key=value`` about the record.
        messages: what was chosen or left out, in sentences, for people.
        start_utc_us: UTC of the first sample in µs since 1970, if the record says its offset from UTC.
    """

    raw: npt.NDArray[np.int32]
    lead_ids: tuple[int, ...]
    names: tuple[str, ...]
    zero: tuple[int, ...]
    step_nv: tuple[Fraction, ...]
    rate_hz: Fraction
    limits: tuple[tuple[int, int] | None, ...]
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = field(default=())
    start_utc_us: int | None = None

    @property
    def n_frames(self) -> int:
        """Length in frames."""
        return int(self.raw.shape[0])

    def missing(self) -> npt.NDArray[np.bool_]:
        """Bool (frames, leads): where the file has no value."""
        return np.asarray(self.raw == MISSING_RAW)


def load(path: str | os.PathLike[str], leads: Sequence[str] | None = None) -> ImportedSignal:
    """Read a WFDB record (with or without extension) or a DICOM waveform.

    Args:
        path: the record.
        leads: which leads, by name; default: the recorder's eight if all are there, else the first eight.

    Raises:
        SourceError: it is missing or no such record.
        ImportRefused: it holds something the format cannot keep; the message names it.
    """
    where = Path(path)
    if where.is_dir():
        raise SourceError(f"{where}: a folder; give a record in it", path=str(where), kind="foreign")
    if _is_dicom(where):
        from .import_dicom import read_dicom

        return read_dicom(where, leads)
    from .import_wfdb import find_header, read_wfdb

    return read_wfdb(find_header(where), leads)


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", path=str(path), kind="unreadable") from error


def unit_nv(unit: str, lead: str, record: str) -> int:
    """Nanovolt per unit.

    Raises:
        ImportRefused: the unit is not V, mV, uV or nV.
    """
    value = UNITS_NV.get(unit.strip().lower())
    if value is None:
        raise ImportRefused(f"{record}: lead {lead} is in {unit!r}, not in V, mV, uV or nV; choose others with --leads")
    return value


def choose_leads(names: Sequence[str], wanted: Sequence[str] | None, record: str) -> tuple[list[int], list[int], str]:
    """Which of a record's leads to keep.

    Returns:
        (places in `names`, lead ids, a sentence saying what was left out or "").

    Raises:
        ImportRefused: a wanted lead is not there, or more than eight are.
    """
    ids = [lead_id(name) for name in names]
    if wanted:
        places = [_place_of(name, names, ids, record) for name in wanted]
        if len(places) > c.MAX_LEADS:
            raise ImportRefused(f"{record}: {len(places)} leads asked for, a recording holds {c.MAX_LEADS}")
    elif all(lead in ids for lead in RECORDER_LEAD_IDS):
        places = [ids.index(lead) for lead in RECORDER_LEAD_IDS]
    else:
        places = list(range(min(len(names), c.MAX_LEADS)))
    left = [names[i] for i in range(len(names)) if i not in places]
    said = f"leads kept: {', '.join(names[i] for i in places)}; left out: {', '.join(left)}" if left else ""
    return places, _unique_ids([ids[i] for i in places]), said


def _place_of(name: str, names: Sequence[str], ids: Sequence[int | None], record: str) -> int:
    if name in names:
        return names.index(name)
    wanted = lead_id(name)
    if wanted is None or wanted not in ids:
        raise ImportRefused(f"{record}: no lead {name!r}; it has {', '.join(names)}")
    return ids.index(wanted)


def _unique_ids(ids: Sequence[int | None]) -> list[int]:
    """Ids as stored: an unknown or repeated name becomes the ECGn of its place."""
    result: list[int] = []
    for place, lead in enumerate(ids):
        taken = lead is None or lead in result
        result.append(c.LEAD_ECG1 + place if taken or lead is None else lead)
    return result


def resample(signal: ImportedSignal, rate_hz: Fraction) -> ImportedSignal:
    """The same record at another rate (polyphase filter, scipy's `resample_poly`), in the same steps, rounded.

    Stretches between missing samples are converted one by one; a missing sample leaves its place missing.
    """
    from scipy.signal import resample_poly

    ratio = rate_hz / signal.rate_hz
    if ratio == 1:
        return signal
    if max(ratio.numerator, ratio.denominator) > 100_000:
        raise ImportRefused(f"from {float(signal.rate_hz)} to {float(rate_hz)} samples/s is {ratio}: too fine a ratio to convert")
    n_out = -(-signal.n_frames * ratio.numerator // ratio.denominator)
    out = np.full((n_out, signal.raw.shape[1]), MISSING_RAW, np.int32)
    good = ~signal.missing().any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        part = resample_poly(signal.raw[start:stop].astype(np.float64), ratio.numerator, ratio.denominator, axis=0, padtype="line")
        first = -(-int(start) * ratio.numerator // ratio.denominator)
        last = min(n_out, -(-int(stop) * ratio.numerator // ratio.denominator))
        rounded = np.clip(np.rint(part[: last - first]), MISSING_RAW + 1, 2**31 - 1).astype(np.int32)
        out[first : first + len(rounded)] = rounded
    message = f"resampled from {float(signal.rate_hz):g} to {float(rate_hz):g} samples/s: no longer the source's own integers"
    return replace(signal, raw=out, rate_hz=rate_hz, limits=(None,) * len(signal.lead_ids), messages=(*signal.messages, message))


def requantise(signal: ImportedSignal, step_nv: Fraction) -> ImportedSignal:
    """The same record in another step, for all leads, zero at 0: `floor(value / step + 1/2)`, computed in integers."""
    out = np.full(signal.raw.shape, MISSING_RAW, np.int32)
    missing = signal.missing()
    limits: list[tuple[int, int] | None] = []
    for k, (zero, step) in enumerate(zip(signal.zero, signal.step_nv, strict=True)):
        ratio = step / step_nv
        values = _scaled(signal.raw[:, k].astype(np.int64) - zero, ratio)
        kept = values[~missing[:, k]]
        if len(kept) and (kept.max() >= 2**31 or kept.min() <= MISSING_RAW):
            raise ImportRefused(f"lead {lead_name(signal.lead_ids[k])}: in steps of {float(step_nv) / 1000:g} µV it does not fit 32 bits")
        out[~missing[:, k], k] = kept
        old = signal.limits[k]
        limits.append(
            None if old is None else (int(_scaled(np.array([old[0] - zero]), ratio)[0]), int(_scaled(np.array([old[1] - zero]), ratio)[0]))
        )
    return replace(
        signal,
        raw=out,
        zero=(0,) * len(signal.zero),
        step_nv=(step_nv,) * len(signal.zero),
        limits=tuple(limits),
        messages=(
            *signal.messages,
            f"requantised to {float(step_nv) / 1000:g} µV: no longer the source's own integers",
        ),
    )


def _scaled(values: npt.NDArray[np.int64], ratio: Fraction) -> npt.NDArray[np.int64]:
    num, den = 2 * ratio.numerator, 2 * ratio.denominator
    top = int(np.abs(values).max(initial=0))
    if top * num + den < 2**63 and den < 2**62:
        return (values * num + ratio.denominator) // den
    return np.array([(int(v) * num + ratio.denominator) // den for v in values], dtype=np.int64)
