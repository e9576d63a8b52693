# SPDX-License-Identifier: Apache-2.0
"""Other makers' records as integers with an exact scale: the choice of reader and the choice of leads.

`load` reads a WFDB record or a DICOM waveform. What cannot be kept exactly is refused by name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import ImportRefused, SourceError
from .imported import ImportedSignal
from .leads import lead_name
from .reader import MISSING_RAW


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
