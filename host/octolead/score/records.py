# SPDX-License-Identifier: Apache-2.0
"""Which records a folder holds, what their references are, and their samples in µV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..import_wfdb import find_header, parse_header
from ..imported import UNITS_NV

LEAD_EXTENSIONS: Final = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
"""Annotators of LUDB, one a lead."""
BEAT_REFERENCE: Final = "atr"
WAVE_REFERENCES: Final = ("q1c", "q2c")


@dataclass(frozen=True)
class Record:
    """A WFDB record with references.

    Attributes:
        path: of its header, without `.hea`.
        database: name of the folder it was asked for by.
        fs_hz: sampling rate, which is the clock of its annotations too.
        n_frames: length; 0 if the header does not say.
        leads: names of its signals.
        has_signal: the files with the samples are there.
        annotators: extensions of the files beside it.
        is_free_of_af: the header says "non atrial fibrillation" (CPSC 2021), so no rhythm annotation means no AF.
    """

    path: Path
    database: str
    fs_hz: float
    n_frames: int
    leads: tuple[str, ...]
    has_signal: bool
    annotators: frozenset[str]
    is_free_of_af: bool = False

    @property
    def name(self) -> str:
        """Name of the record."""
        return self.path.name

    @property
    def wave_references(self) -> dict[str, int | None]:
        """Extensions that mark waves, and which lead each is for; None: for all."""
        for extension in WAVE_REFERENCES:
            if extension in self.annotators:
                return {extension: None}
        lower = [name.lower() for name in self.leads]
        return {e: lower.index(e) for e in LEAD_EXTENSIONS if e in self.annotators and e in lower}


def records_of(source: str, names: Sequence[str] = ()) -> list[Record]:
    """The annotated records of a folder (or of a folder `data` in it), or one record.

    Args:
        source: a folder, or a record with or without extension.
        names: only these; default all.

    Raises:
        SourceError: there is none, or one of `names` is not there.
    """
    where = Path(source)
    if where.is_dir():
        headers = sorted(where.glob("*.hea")) or sorted((where / "data").glob("*.hea"))
        database = where.resolve().name
    else:
        headers, database = [find_header(where)], where.resolve().parent.name
    beside = _annotators(headers[0].parent) if headers else {}
    if names:
        missing = [n for n in names if n not in {h.stem for h in headers}]
        if missing:
            raise SourceError(f"{source}: no record {', '.join(missing)}", path=source, kind="missing")
        headers = [h for h in headers if h.stem in names]
    annotated = [h for h in headers if beside.get(h.stem, frozenset()) - {"dat", "hea"}]
    if not annotated:
        raise SourceError(f"{source}: no WFDB record with annotations", path=source, kind="missing")
    return [_record(h, database, beside[h.stem]) for h in annotated]


def _annotators(folder: Path) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for file in folder.iterdir():
        if file.suffix:
            found.setdefault(file.stem, set()).add(file.suffix[1:])
    return {stem: frozenset(extensions) for stem, extensions in found.items()}


def _record(header_path: Path, database: str, annotators: frozenset[str]) -> Record:
    header = parse_header(header_path)
    try:
        fs_hz = float(header.rate.split("/")[0].split("(")[0])
    except ValueError:
        fs_hz = 0.0
    if not 0 < fs_hz < 1e6:
        raise SourceError(f"{header_path}: sampling rate {header.rate!r}", path=str(header_path), kind="damaged")
    return Record(
        path=header_path.with_suffix(""),
        database=database,
        fs_hz=fs_hz,
        n_frames=header.n_frames or 0,
        leads=tuple(s.name for s in header.signals),
        has_signal=bool(header.signals) and all((header_path.parent / s.file).is_file() for s in header.signals),
        annotators=annotators,
        is_free_of_af="non atrial fibrillation" in (c.strip().lower() for c in header.comments),
    )


def signal_uv(record: Record, leads: Sequence[int]) -> npt.NDArray[np.float32]:
    """Samples in µV, float32 (frames, leads); NaN where the file has none. `leads`: by place.

    Raises:
        SourceError: the samples cannot be read, or are not in volts.
    """
    import wfdb

    try:
        found = wfdb.rdrecord(str(record.path), channels=list(leads))
    except Exception as error:  # the reader raises whatever the bytes lead it to
        raise SourceError(f"{record.path}: samples cannot be read: {error}", path=str(record.path), kind="damaged") from error
    scale = []
    for unit in found.units:
        nanovolt = UNITS_NV.get(unit.strip().lower())
        if nanovolt is None:
            raise SourceError(f"{record.path}: a signal in {unit!r}, not in volts", path=str(record.path), kind="foreign")
        scale.append(nanovolt / 1000.0)
    return np.asarray(found.p_signal * np.array(scale), np.float32)


def choose(record: Record, wanted: str) -> list[int]:
    """Places of the leads that `wanted` means: "all" (the first eight), numbers from 0, or names, comma-separated.

    Raises:
        SourceError: the record has no such lead.
    """
    if wanted == "all":
        return list(range(min(8, len(record.leads))))
    lower = [name.lower() for name in record.leads]
    chosen = []
    for word in wanted.split(","):
        text = word.strip().lower()
        if text in lower:
            chosen.append(lower.index(text))
        elif text.isdigit() and int(text) < len(lower):
            chosen.append(int(text))
        else:
            said = f"{record.path}: no lead {word.strip()!r}; it has {', '.join(record.leads)}"
            raise SourceError(said, path=str(record.path), kind="missing")
    return chosen
