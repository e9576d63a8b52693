# SPDX-License-Identifier: Apache-2.0
"""Samples as npz or csv, written piece by piece, and the blocks of a session as `.olr`."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from .encode import replacing
from .reader import MISSING_RAW
from .recording import Recording

_CHUNK_FRAMES = 65536
Progress = Callable[[int, int], None]


def write_npz(
    recording: Recording,
    out: str | os.PathLike[str],
    start: int,
    stop: int,
    leads: Sequence[str],
    *,
    raw: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write frames `start` to `stop` as npz.

    Arrays: `signal` float32 (frames, leads) in µV with NaN where missing, or with `raw` int32 with -2**31;
    `leads`, `fs_hz`, `start_frame`, `mark_frames`, `meta` (JSON text).
    """
    read: Any = recording.signal_raw if raw else recording.signal_uv
    with replacing(Path(out)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("signal.npy", "w", force_zip64=True) as member:
            kind = "<i4" if raw else "<f4"
            header = {"descr": kind, "fortran_order": False, "shape": (stop - start, len(leads))}
            np.lib.format.write_array_header_1_0(member, header)
            for at in range(start, stop, _CHUNK_FRAMES):
                end = min(stop, at + _CHUNK_FRAMES)
                member.write(np.ascontiguousarray(read(at, end, leads), kind).tobytes())
                if progress:
                    progress(end - start, stop - start)
        moment = recording.time_of(start)
        meta = {
            "unit": "step" if raw else "uV",
            "session_id": recording.session_id,
            "device_id": recording.device_id,
            "step_nv": str(recording.step_nv),
            "calibration": None if raw or recording.calibration is None else f"{recording.calibration.calibration_id:08x}",
            "start_utc": moment.utc.isoformat() if moment else None,
        }
        for name, value in (
            ("leads", np.array(leads)),
            ("fs_hz", np.array(recording.fs_hz)),
            ("start_frame", np.array(start)),
            ("mark_frames", np.array([m.frame for m in recording.marks], np.int64)),
            ("meta", np.array(json.dumps(meta))),
        ):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, value, allow_pickle=False)
            archive.writestr(f"{name}.npy", buffer.getvalue())


def write_csv(
    recording: Recording,
    out: str | os.PathLike[str] | IO[str],
    start: int,
    stop: int,
    leads: Sequence[str],
    *,
    raw: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write frames `start` to `stop` as csv: frame, seconds from the session's start, a column per lead (µV, or stored integers).

    A missing frame has its line, with empty fields.
    """
    if not isinstance(out, (str, os.PathLike)):
        _csv_rows(recording, out, start, stop, leads, raw, progress)
        return
    with replacing(Path(out)) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        _csv_rows(recording, text, start, stop, leads, raw, progress)


def _csv_rows(
    recording: Recording,
    out: IO[str],
    start: int,
    stop: int,
    leads: Sequence[str],
    raw: bool,
    progress: Progress | None,
) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["frame", "time_s", *(name if raw else f"{name}_uV" for name in leads)])
    rate = recording.fs_hz
    for at in range(start, stop, _CHUNK_FRAMES):
        end = min(stop, at + _CHUNK_FRAMES)
        values: Any = recording.signal_raw(at, end, leads) if raw else recording.signal_uv(at, end, leads)
        for i, row in enumerate(values.tolist()):
            writer.writerow([at + i, f"{(at + i) / rate:.6f}", *(_cell(v, raw) for v in row)])
        if progress:
            progress(end - start, stop - start)


def _cell(value: Any, raw: bool) -> str | int:
    """A stored integer or µV with three decimals; empty where missing (NaN is what does not equal itself)."""
    if raw:
        return "" if value == MISSING_RAW else int(value)
    return "" if value != value else f"{value:.3f}"


def write_olr(recording: Recording, out: str | os.PathLike[str], *, progress: Progress | None = None) -> int:
    """Copy the session's blocks, byte for byte as they stand in the source, in order; returns the bytes written.

    Checkpoints that stand in for a block that was never sealed are copied as they are.
    """
    n_bytes = 0
    with replacing(Path(out)) as file:
        for done, (_, block) in enumerate(recording.blocks(), 1):
            file.write(block)
            n_bytes += len(block)
            if progress:
                progress(done, recording.n_blocks)
    return n_bytes
