# SPDX-License-Identifier: Apache-2.0
"""How well a set of weights does, on all records or on one half of them.

    python -m tools.waves.evaluate DATA [--weights FILE] [--half 0]

Compiles the C core with the tables of these weights (needs cc) and runs it beside the annotated beats of LUDB, QTDB and
MIT-BIH's P-wave annotations. Boundaries are scored as `octolead score` does, at its narrow tolerances.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import wfdb

from octolead.native.waves import WAVE_DTYPE
from octolead.score.annotations import read_annotations
from octolead.score.matching import match
from octolead.score.waves import BOUNDARIES, KINDS, Lead, Waves, WaveScore, score_lead, waves_of

from . import data, tables

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "tools" / "waves" / "weights.json"
P_TOLERANCE_MS = 50

Counts = dict[str, tuple[int, int, int]]
"""By record: P waves, those found, and those said to be."""

Delineate = Callable[[npt.ArrayLike, float, npt.ArrayLike], npt.NDArray[Any]]


def compiled(weights: dict[str, Any], folder: Path) -> Delineate:
    """Return the delineator of these weights: frames in microvolt, rate, beats in ms."""
    (folder / "wave_tables.h").write_text(tables.header(weights), encoding="utf-8")
    sources = [*(ROOT / "native/src").glob("wave*.c"), *(ROOT / "native/src" / n for n in ("front.c", "quality.c"))]
    for path in [*sources, *(ROOT / "native/src").glob("*.h")]:
        if path.name != "wave_tables.h":
            (folder / path.name).write_bytes(path.read_bytes())
    sources = [folder / path.name for path in sources] + [ROOT / "tools/waves/delineate.c"]
    command = ["cc", "-std=c11", "-O3", "-w", "-shared", "-fPIC", f"-I{ROOT / 'native/include'}", f"-I{folder}", *map(str, sources), "-lm"]
    subprocess.run([*command, "-o", str(folder / "waves.so")], check=True, stderr=subprocess.DEVNULL)
    library = ctypes.CDLL(str(folder / "waves.so"))
    if library.size_of_beat() != WAVE_DTYPE.itemsize:
        raise RuntimeError(f"a beat has {library.size_of_beat()} bytes in C and {WAVE_DTYPE.itemsize} here")

    def delineate(frames_uv: npt.ArrayLike, fs_hz: float, beats_ms: npt.ArrayLike) -> npt.NDArray[Any]:
        frames, at = np.ascontiguousarray(frames_uv, np.float32), np.ascontiguousarray(beats_ms, np.float64)
        found = np.zeros(len(at), WAVE_DTYPE)
        sizes = (ctypes.c_size_t(len(frames)), ctypes.c_double(fs_hz), ctypes.c_uint32(frames.shape[1]))
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (frames, at, found)]
        n = library.delineate(pointers[0], *sizes, pointers[1], ctypes.c_size_t(len(at)), pointers[2])
        return found[:n]

    return delineate


def as_lead(marks: npt.NDArray[Any], beats_ms: npt.NDArray[np.float64], fs_hz: float) -> Lead:
    """Return the waves of a lead in frames."""
    out: Lead = {}
    for kind in KINDS:
        wave = marks[kind.lower()]
        there = ~np.isnan(wave["peak_ms"])
        sides = []
        for side in ("on_ms", "peak_ms", "off_ms"):
            frames = np.rint((beats_ms + wave[side])[there] * fs_hz / 1000)
            sides.append(np.where(np.isnan(frames), -1, np.nan_to_num(frames)).astype(np.int64))
        out[kind] = Waves(*sides)
    return out


def half_of(names: list[str], half: int | None) -> list[str]:
    """Return the records of a half, which tools/waves/data.py tells by their order."""
    return names if half is None else names[half::2]


def ludb(folder: Path, delineate: Delineate, half: int | None) -> Iterator[tuple[str, WaveScore]]:
    """Give the scores of each record's eight leads, of lead II among them, and of lead II alone."""
    for name in half_of([str(n) for n in sorted(int(p.stem) for p in folder.glob("*.hea"))], half):
        path, fs = str(folder / name), 500.0
        beats_ms = np.array(data.common_beats([data.waves_of(wfdb.rdann(path, lead)) for lead in data.LEADS], fs)) * 1000
        frames = wfdb.rdrecord(path).p_signal * 1000
        truth = [waves_of(read_annotations(folder / name, data.LEADS[k])) for k in data.EIGHT]
        found = delineate(frames[:, data.EIGHT], fs, beats_ms)
        each = [score_lead(ref, as_lead(found["lead"][:, k], beats_ms, fs), fs) for k, ref in enumerate(truth)]
        yield from (("LUDB eight leads", score) for score in each)
        yield "LUDB II of eight", each[1]
        alone = delineate(frames[:, [1]], fs, beats_ms)
        yield "LUDB II alone", score_lead(truth[1], as_lead(alone["lead"][:, 0], beats_ms, fs), fs)


def qtdb(folder: Path, delineate: Delineate, half: int | None) -> Iterator[tuple[str, WaveScore]]:
    """Give the scores of each record's first lead, and of both together."""
    for name in half_of(sorted(p.stem for p in folder.glob("*.q1c")), half):
        path, fs = str(folder / name), 250.0
        beats_ms = np.array(data.annotated_beats(path)) * 1000
        found = delineate(wfdb.rdrecord(path).p_signal * 1000, fs, beats_ms)
        reference = waves_of(read_annotations(folder / name, "q1c"))
        for what, marks in (("QTDB first lead", found["lead"][:, 0]), ("QTDB both leads", found["all_leads"])):
            yield what, score_lead(reference, as_lead(marks, beats_ms, fs), fs, skips_beats=True)


def p_of_mitdb(folder: Path, delineate: Delineate, half: int | None) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Give record, P waves, those found, and P waves said, of the first lead; flutter waves are no place to look."""
    for name in half_of(list(data.P_RECORDS), half):
        path, fs = str(folder / name), 360.0
        notes = wfdb.rdann(path, "atr")
        marked = list(zip(notes.sample / fs * 1000, notes.symbol, strict=True))
        beats_ms = np.array([t for t, c in marked if c in data.BEATS])
        flutter = np.array([t for t, c in marked if c in "[]"]).reshape(-1, 2)
        found = delineate(wfdb.rdrecord(path, channels=[0]).p_signal * 1000, fs, beats_ms)
        mine = [beats_ms + found["lead"]["p"]["peak_ms"][:, 0]]
        mine += [(beats_ms + found["extra_p_ms"][:, k])[found["n_extra_p"] > k] for k in range(4)]
        said = np.sort(np.concatenate(mine))
        said = np.array([t for t in said[~np.isnan(said)] if not ((flutter[:, 0] <= t) & (t <= flutter[:, 1])).any()])
        truth = np.unique(np.rint(wfdb.rdann(path, "pwave").sample / fs * 1000)).astype(np.int64)  # 119 has some twice
        yield name, (len(truth), len(match(truth, np.rint(said).astype(np.int64), P_TOLERANCE_MS).pairs), len(said))


def scores(folder: Path, weights: dict[str, Any], half: int | None = None) -> tuple[dict[str, WaveScore], Counts]:
    """Return the scores by group of leads, and the P waves of MIT-BIH by record."""
    with tempfile.TemporaryDirectory() as place:
        delineate = compiled(weights, Path(place))
        waves: dict[str, WaveScore] = {}
        for part, sub in ((ludb, "ludb/data"), (qtdb, "qtdb")):
            for what, score in part(folder / sub, delineate, half):
                waves[what] = waves.get(what, WaveScore()) + score
        return waves, dict(p_of_mitdb(folder / "mitdb", delineate, half))


def added(parts: list[tuple[dict[str, WaveScore], Counts]]) -> tuple[dict[str, WaveScore], Counts]:
    """Return the scores of several sets of records as one."""
    waves: dict[str, WaveScore] = {}
    for part, _ in parts:
        for what, score in part.items():
            waves[what] = waves.get(what, WaveScore()) + score
    return waves, {name: counts for _, p in parts for name, counts in p.items()}


def lines(waves: dict[str, WaveScore], p: Counts) -> list[str]:
    """Return the table."""
    out = [f"{'F1 % (SD ms)':18}" + "".join(f"{b:>15}" for b in BOUNDARIES) + "    macro-F1 %"]
    for what, score in waves.items():
        cells = [score.boundaries[b].as_dict() for b in BOUNDARIES]
        each = "".join(f"{c['narrow']['f1_percent']:8.2f} ({c['error_sd_ms']:4.1f})" for c in cells)
        out.append(f"{what:18}{each}{score.macro_f1():14.2f}")
    said = [(name, *counts) for name, counts in p.items()]
    said.append(("all", *(sum(c[k] for c in p.values()) for k in range(3))))
    out += [f"P of MIT-BIH {name:5} Se {100 * right / n:6.2f}  +P {100 * right / max(given, 1):6.2f}" for name, n, right, given in said]
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--half", type=int, choices=(0, 1))
    args = parser.parse_args()
    print("\n".join(lines(*scores(args.data, json.loads(args.weights.read_text(encoding="utf-8")), args.half))))


if __name__ == "__main__":
    main()
