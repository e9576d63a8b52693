# SPDX-License-Identifier: Apache-2.0
"""Another maker's record on the desk: it is converted once, kept in the user's own folder, and nothing is written where it lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import beside, importers
from .encode import encode, session_id_of

_SUFFIXES: Final = (".hea", ".dat", ".dcm", ".mat", ".atr")
_FILE: Final = "recording.olr"
_DEVICE: Final = "00" * 8


@dataclass(frozen=True)
class Brought:
    """A record that was converted: the `.olr`, the record's name, and what was chosen or left out, in sentences."""

    path: Path
    name: str
    messages: tuple[str, ...]


def is_foreign(source: str | os.PathLike[str]) -> bool:
    """Whether it is a WFDB record (with or without extension) or a DICOM waveform, by its name."""
    path = Path(source)
    return path.suffix.lower() in _SUFFIXES or (not path.exists() and path.with_name(path.name + ".hea").exists())


def name_of(path: Path) -> str:
    """The record's name: without the extension, if it has one of a record.

    >>> name_of(Path("mitdb/100.hea")), name_of(Path("mitdb/100"))
    ('100', '100')
    """
    return path.stem if path.suffix.lower() in _SUFFIXES else path.name


def file_of(session_id: str) -> Path:
    """Where the conversion of a record lies; its samples give the session id, so that it is found wherever the record is moved."""
    return beside.home() / f"{_DEVICE}-{session_id}" / _FILE


def bring_in(source: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None) -> Brought:
    """Convert a record, unless that was done before.

    Raises:
        SourceError, ImportRefused: it cannot be read or kept.
        OSError: the user's folder cannot be written.
    """
    path = Path(source)
    signal = importers.load(path)
    target = file_of(session_id_of(signal.raw))
    messages = signal.messages
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        messages = encode(signal, target, partial_gaps=True, progress=progress).messages
    return Brought(target, name_of(path), messages)
