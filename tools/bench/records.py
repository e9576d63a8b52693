# SPDX-License-Identifier: Apache-2.0
"""The 12-lead records the size is measured on, as integers of a given step at 500 samples/s."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import wfdb
from scipy.signal import resample_poly

ROOT = Path(__file__).resolve().parents[2]
LEADS = ("i", "ii", "v1", "v2", "v3", "v4", "v5", "v6")
RATE_HZ = 500
GROUPS = ("ptbdb", "cinc2011", "georgia", "ptbxl", "ningbo", "ludb")
FIVE_UV_ONLY = ("cinc2011",)
"""Groups whose own step is 5 uV: nothing finer is in them."""


def data_dir() -> Path:
    """Return the folder of records (OCTOLEAD_DATA, or shared/data beside the checkout)."""
    return Path(os.environ.get("OCTOLEAD_DATA", ROOT.parent / "shared" / "data"))


def group_paths(group: str) -> list[Path]:
    """Return the record paths (without extension) of one group, sorted."""
    root = data_dir()
    if group == "ptbdb":
        paths = [root / "ptbdb" / "s0010_re"]
    elif group == "cinc2011":
        with (root / "cinc2011" / "QUALITY.csv").open(newline="", encoding="utf-8") as file:
            paths = [root / "cinc2011" / row["record"] for row in csv.DictReader(file) if row["quality"] == "acceptable"]
    elif group == "ludb":
        paths = [p.with_suffix("") for p in (root / "ludb" / "data").glob("*.hea")]
    else:
        prefix = {"georgia": "E", "ptbxl": "HR", "ningbo": "JS"}[group]
        paths = [p.with_suffix("") for p in (root / "cinc2021").glob(f"{prefix}*.hea")]
    return sorted(paths)


def read_uv(path: Path) -> np.ndarray:
    """Return the recorder's eight leads of a 12-lead record in microvolt at 500 samples/s, float64 (frames, 8)."""
    names = [name.lower() for name in wfdb.rdheader(str(path)).sig_name]
    record = wfdb.rdrecord(str(path), channels=[names.index(lead) for lead in LEADS])
    uv = record.p_signal * 1000.0
    uv = np.nan_to_num(uv)
    if record.fs != RATE_HZ:
        uv = resample_poly(uv, RATE_HZ, int(record.fs), axis=0)
    return uv


def records(step_uv: float, groups: tuple[str, ...] = GROUPS) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (group, name, int32 (frames, 8)) of every record, in whole steps."""
    for group in groups:
        for path in group_paths(group):
            yield group, path.name, np.rint(read_uv(path) / step_uv).astype(np.int32)
