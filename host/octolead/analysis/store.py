# SPDX-License-Identifier: Apache-2.0
"""An analysis kept in a folder, so that it is made once: its arrays as .npy files, which are mapped when they are read."""

from __future__ import annotations

import json
import mmap
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np

from .. import __version__
from ..native.beats import Beats
from ..recording import Recording
from .analysis import Analysis
from .pipeline import Found

FOLDER: Final = "analysis"
"""Name of the folder beside a recording that the viewer keeps its analysis in."""
_FORM: Final = 1
_PACKAGE: Final = Path(__file__).parents[1]
_ARRAYS: Final = ("labels", "templates", "counts", "waves", "fiducial_s", "spans", "seconds")


def key_of(recording: Recording) -> str:
    """What an analysis must have been made of, and by which program, to stand for the recording as it is."""
    of = f"{recording.session_id} {recording.n_frames} {crc32(recording.block_heads.tobytes()):08x}"
    return f"{_FORM} {__version__} {_program()} {of}"


@cache
def _program() -> str:
    """Of the core and of what feeds it: another build of the same version finds other beats."""
    crc = 0
    for path in [*sorted(_PACKAGE.glob("_native*")), *sorted(Path(__file__).parent.glob("*.py"))]:
        crc = crc32(path.read_bytes(), crc)
    return f"{crc:08x}"


def save(analysis: Analysis, folder: Path, key: str) -> None:
    """Keep an analysis: under a name of its own first, then in the place of the one before."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    found = analysis.found
    beats = {"labels": found.beats.labels, "templates": found.beats.templates, "counts": found.beats.counts}
    rest = {"waves": found.waves, "fiducial_s": found.fiducial_s, "spans": found.spans, "seconds": found.seconds}
    for name, array in (beats | rest).items():
        np.save(part / f"{name}.npy", array, allow_pickle=False)
    facts = {name: getattr(analysis, name) for name in ("name", "leads", "fs_hz", "n_frames", "start_utc", "marks", "gaps")}
    (part / "facts.json").write_text(json.dumps({"key": key, **facts}), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def load(folder: Path, key: str | None = None) -> Analysis | None:
    """Return what was kept under this key (None: under any), or None; the arrays are mapped, read-only."""
    try:
        facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        if facts.pop("key", None) != key and key is not None:
            return None
        got = {name: _array(folder / f"{name}.npy") for name in _ARRAYS}
    except (OSError, ValueError, EOFError):
        return None
    found = Found(Beats(got["labels"], got["templates"], got["counts"]), got["waves"], got["fiducial_s"], got["spans"], got["seconds"])
    facts["leads"] = tuple(facts["leads"])
    facts |= {name: tuple(tuple(item) for item in facts[name]) for name in ("marks", "gaps")}
    return Analysis(**facts, found=found)


def release_pages(array: Any) -> None:
    """Let the system take back the memory that an array's pages fill, if it is a mapped one."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _array(path: Path) -> Any:
    return np.load(path, mmap_mode="r" if path.stat().st_size > 1 << 16 else None, allow_pickle=False)
