# SPDX-License-Identifier: Apache-2.0
"""Lossless size on real 12-lead records: whole `.olr` files, written, read back and compared, beside FLAC and Rice."""

import tempfile
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import numpy as np

import octolead
from octolead import encode as encoding
from octolead.imported import ImportedSignal
from octolead.leads import RECORDER_LEAD_IDS, RECORDER_LEADS
from tools.bench import records, references

SLOTS = (4096, 8192, 16384)
GOALS = {5.0: 2.85, 2.5: 3.47}
PER_LINE = 8
MB_PER_BIT = 8 * 500 * 86_400 / 8 / 1e6
"""Megabytes of 24 h of 8 leads at 500 samples/s, for each bit a sample."""


def file_bits(frames: np.ndarray, step_uv: float, slot_bytes: int, folder: Path) -> float:
    """Return the bits a sample of the file `octolead encode` would write; raise if it reads back differently."""
    signal = ImportedSignal(
        raw=frames,
        lead_ids=tuple(RECORDER_LEAD_IDS),
        names=tuple(RECORDER_LEADS),
        zero=(0,) * 8,
        step_nv=(Fraction(step_uv) * 1000,) * 8,
        rate_hz=Fraction(500),
        limits=(None,) * 8,
    )
    path = folder / "record.olr"
    encoding.encode(signal, path, slot_bytes=slot_bytes)
    with octolead.open(path) as recording:
        if not np.array_equal(recording.signal_raw(0, len(frames)), frames):
            raise AssertionError("what was read back differs")
    return path.stat().st_size * 8 / frames.size


def measure(step_uv: float, say=lambda text: None) -> dict[str, object]:
    """Return the sizes of every record, group, and their means, in bits a sample with all overhead."""
    groups = tuple(g for g in records.GROUPS if step_uv >= 5 or g not in records.FIVE_UV_ONLY)
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    names: dict[str, dict[str, float]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as folder:
        for group, name, frames in records.records(step_uv, groups):
            say(f"{step_uv:g} uV {group} {name}")
            for slot in SLOTS:
                rows[group][str(slot)].append(file_bits(frames, step_uv, slot, Path(folder)))
            rows[group]["flac"].append(references.flac_bits(frames))
            rows[group]["rice"].append(references.second_difference_rice_bits(frames))
            names[group][name] = rows[group][str(SLOTS[-1])][-1]
    columns = [*map(str, SLOTS), "flac", "rice"]
    means = {g: {c: fmean(rows[g][c]) for c in columns} for g in groups}
    every = {c: [x for g in groups for x in rows[g][c]] for c in columns}
    sets = {"ptbdb": ["ptbdb"], "cinc2011": ["cinc2011"], "cinc2021": ["georgia", "ptbxl", "ningbo"], "ludb": ["ludb"]}
    by_set = {
        c: fmean(fmean(x for g in members for x in rows[g][c]) for s, members in sets.items() if members[0] in groups) for c in columns
    }
    return {
        "step_uv": step_uv,
        "goal": GOALS[step_uv],
        "records": {g: len(names[g]) for g in groups},
        "groups": means,
        "mean_of_groups": {c: fmean(means[g][c] for g in groups) for c in columns},
        "mean_of_sets": by_set,
        "mean_of_records": {c: fmean(every[c]) for c in columns},
        "per_record": names,
    }


def lines(result: dict[str, object]) -> list[str]:
    """Return the table for people."""
    out = [f"Lossless size at {result['step_uv']:g} uV, 8 leads, 500 samples/s, bits a sample with all overhead (goal <= {result['goal']})"]
    out.append(f"{'':<22}{'records':>8}" + "".join(f"{f'{s // 1024} KiB':>9}" for s in SLOTS) + f"{'FLAC -8':>9}{'d2+Rice':>9}")
    rows = [(g, result["groups"][g], result["records"][g]) for g in result["groups"]]
    total = sum(result["records"].values())
    rows += [(f"mean of {over}", result[f"mean_of_{over}"], total) for over in ("groups", "sets", "records")]
    for name, values, count in rows:
        out.append(f"{name:<22}{count:>8}" + "".join(f"{values[c]:>9.3f}" for c in values))
    mean = result["mean_of_groups"]
    out.append(f"{'MB per 24 h (groups)':<30}" + "".join(f"{values * MB_PER_BIT:>9.1f}" for values in mean.values()))
    out.append(f"Each record, {SLOTS[-1] // 1024} KiB:")
    for group, names in result["per_record"].items():
        cells = [f"{name} {bits:.2f}" for name, bits in names.items()]
        for at in range(0, len(cells), PER_LINE):
            out.append(f"  {group if at == 0 else '':<9}" + "".join(f"{cell:<15}" for cell in cells[at : at + PER_LINE]))
    return out
