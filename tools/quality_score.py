# SPDX-License-Identifier: Apache-2.0
"""Score the quality of each lead and second against what people wrote beside the signal: `python -m tools.quality_score --data DATA`.

MIT-BIH: the annotators marked where a lead is noisy (`~`, one bit a lead). Seconds wholly in such a stretch are noisy,
seconds wholly outside are clean, others are left out. CinC 2011: recordings of ten seconds that a reader could accept or not.
A limit of the way gone in a second over its swing is chosen on every other record, so that 2 % of its clean seconds are
above, and measured on the others: what the flag could tell, were its limit fitted.
"""

import argparse
import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from octolead.native.analyzer import DETECT, Analyzer

Array = np.ndarray[Any, Any]
NOISE, SATURATED, MAINS, UNUSABLE = 8, 2, 16, 128
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
CLEAN_KEPT = 0.98


def judged(signal_uv: Array, fs_hz: float) -> Array:
    """Return flags of each whole second and lead, shape (seconds, leads)."""
    analyzer, step = Analyzer(fs_hz, signal_uv.shape[1], stages=DETECT), round(fs_hz)
    for at in range(0, len(signal_uv), step):
        analyzer.push(signal_uv[at : at + step])
    whole = len(signal_uv) // step
    return np.asarray(analyzer.finish().seconds["flags"][:whole, : signal_uv.shape[1]], np.int64)


def way(signal_uv: Array, fs_hz: float) -> Array:
    """Return how far each lead goes in each whole second, in swings of that second: what the noise flag rests on."""
    step = round(fs_hz)
    seconds = signal_uv[: len(signal_uv) // step * step].reshape(-1, step, signal_uv.shape[1])
    return np.asarray(np.abs(np.diff(seconds, axis=1)).sum(1) / (np.ptp(seconds, axis=1) + 1))


def noisy_share(path: Path, n_frames: int, n_leads: int, fs_hz: float) -> Array:
    """Return the share of each whole second and lead that the annotators call noisy."""
    notes, noisy = wfdb.rdann(str(path), "atr"), np.zeros((n_frames, n_leads))
    changes = [(int(a), int(t)) for a, s, t in zip(notes.sample, notes.symbol, notes.subtype, strict=True) if s == "~"]
    for (start, bits), (end, _) in itertools.pairwise([*changes, (n_frames, 0)]):
        for lead in range(n_leads):
            noisy[start:end, lead] = bits < 0 or bits >> lead & 1
    step = round(fs_hz)
    return np.asarray(noisy[: n_frames // step * step].reshape(-1, step, n_leads).mean(1))


def mitdb(folder: Path) -> None:
    """Print what is flagged in noisy and in clean seconds, and what a limit of one half does on the other."""
    parts: dict[int, list[tuple[Array, Array, Array]]] = {0: [], 1: []}
    for i, head in enumerate(sorted(folder.glob("*.hea"))):
        record = wfdb.rdrecord(str(head.with_suffix("")))
        signal = np.ascontiguousarray(record.p_signal * 1000, np.float32)
        noisy = noisy_share(head.with_suffix(""), len(signal), signal.shape[1], record.fs)
        parts[i % 2].append((noisy.ravel(), judged(signal, record.fs).ravel(), way(signal, record.fs).ravel()))
    halves = [tuple(np.concatenate([p[k] for p in parts[h]]) for k in range(3)) for h in (0, 1)]
    noisy, flags, _ = (np.concatenate([h[k] for h in halves]) for k in range(3))
    for name, seconds in (("noisy", noisy == 1), ("clean", noisy == 0)):
        shares = [f"{what} {100 * (flags[seconds] & bit > 0).mean():.2f} %" for what, bit in WHAT]
        print(f"MIT-BIH, {seconds.sum()} {name} lead-seconds flagged as: {', '.join(shares)}")
    for own, other in ((0, 1), (1, 0)):
        limit = np.quantile(halves[own][2][halves[own][0] == 0], CLEAN_KEPT)
        above = [100 * (halves[other][2][halves[other][0] == k] > limit).mean() for k in (1, 0)]
        print(f"limit {limit:.1f} from half {own + 1}: above it on the other {above[0]:.1f} % of noisy, {above[1]:.1f} % of clean seconds")


def cinc2011(folder: Path) -> None:
    """Print how many recordings have an unusable lead-second, by what readers thought of them."""
    with (folder / "QUALITY.csv").open(encoding="utf-8") as file:
        told = {row["record"]: row["quality"] for row in csv.DictReader(file)}
    found: dict[str, list[float]] = {"acceptable": [], "unacceptable": []}
    for head in sorted(folder.rglob("*.hea")):
        record = wfdb.rdrecord(str(head.with_suffix("")))
        signal = np.ascontiguousarray(record.p_signal[:, [record.sig_name.index(n) for n in EIGHT]] * 1000, np.float32)
        found[told[head.stem]].append(float((judged(signal, record.fs) & UNUSABLE > 0).any()))
    for name, some in found.items():
        print(f"CinC 2011, {len(some)} {name} recordings: {int(sum(some))} with an unusable lead in some second")


WHAT = (("noise", NOISE), ("saturated", SATURATED), ("mains", MAINS), ("unusable", UNUSABLE))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    mitdb(options.data / "mitdb")
    cinc2011(options.data / "cinc2011")


if __name__ == "__main__":
    main()
