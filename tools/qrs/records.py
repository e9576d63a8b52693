# SPDX-License-Identifier: Apache-2.0
"""Records to train on, and what each is seen as: as it is, in noise, at another pace, and with others' beats in it.

No record gets anything that another does not. Beats put into a record come from records of the same fold, so that a
half that is left out is not seen in any form.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

Array = np.ndarray[Any, Any]
BEATS = list("NLRBAaJSVrFejnE/fQ?")
WEIGHTS = {"mitdb": 1.0, "qtdb": 0.5, "cpsc2021": 1.0, "cudb": 0.06, "ludb": 1.0}
LEADS = ["i", "ii", "v1", "v2", "v3", "v4", "v5", "v6"]
FOLDS = 4
MIXED_WEIGHT = 0.09
DONOR_HZ = 250
BEFORE_S, AFTER_S = 0.12, 0.45


@dataclass(frozen=True)
class Record:
    """A record: microvolts, beats with their symbols, and fibrillation, which is left out."""

    db: str
    name: str
    frames: Array
    fs_hz: float
    beats: Array
    symbols: Array
    vf: tuple[tuple[int, int], ...] = ()
    fold: int = 0


def load_db(data: Path, db: str) -> list[Record]:
    """Return the records of one database that have beats all along."""
    records: list[Record] = []
    for header in sorted((data / db).rglob("*.hea")):
        name = str(header.with_suffix(""))
        if db != "ludb" and not header.with_suffix(".atr").is_file():
            continue
        notes, record = wfdb.rdann(name, "ii" if db == "ludb" else "atr"), wfdb.rdrecord(name)
        symbols, sample = np.array(notes.symbol), np.asarray(notes.sample)
        is_beat = np.isin(symbols, BEATS)
        if is_beat.sum() < (2 if db == "ludb" else 50):
            continue
        names = [s.lower() for s in record.sig_name]
        columns = [names.index(lead) for lead in LEADS] if db == "ludb" else slice(None)
        ends = [*sample[symbols == "]"], record.sig_len]
        vf = tuple((int(start), int(min(e for e in ends if e > start))) for start in sample[symbols == "["])
        frames = np.nan_to_num(record.p_signal[:, columns]) * 1000
        fold = len(records) % FOLDS
        records.append(Record(db, header.stem, frames, float(record.fs), sample[is_beat], symbols[is_beat], vf, fold))
    return records


def load_noises(data: Path) -> list[Array]:
    """Return noise of the stress test at 360 samples/s but for the first column of em, of which the test is made."""
    signals = {name: wfdb.rdrecord(str(data / "nstdb" / name)).p_signal for name in ("ma", "em", "bw")}
    return [signals["ma"][:, 0], signals["ma"][:, 1], signals["em"][:, 1], signals["bw"][:, 1]]


def size(x: Array) -> float:
    """How high a lead goes, in microvolt."""
    return float(np.percentile(np.abs(x - np.median(x)), 99))


def draw_noise(noises: list[Array], n: int, fs_hz: float, rng: np.random.Generator) -> Array:
    """Return `n` frames of noise, a third of its deviation high."""
    noise = noises[rng.integers(len(noises))]
    rolled = np.interp(np.arange(n) * 360 / fs_hz, np.arange(len(noise)), np.roll(noise, rng.integers(len(noise))))
    return np.asarray(rolled / (3 * rolled.std()))


def donors(records: list[Record]) -> dict[int, list[Array]]:
    """Return single beats by fold: some of each kind of each record, of height 1, `BEFORE_S` to `AFTER_S`."""
    out: dict[int, list[Array]] = {fold: [] for fold in range(FOLDS)}
    rng = np.random.default_rng(9)
    for r in records:
        if r.db not in ("mitdb", "cpsc2021"):
            continue
        inside = (r.beats > r.fs_hz) & (r.beats < len(r.frames) - r.fs_hz)
        for symbol in dict.fromkeys(r.symbols):
            for beat in rng.permutation(r.beats[(r.symbols == symbol) & inside])[: 12 if symbol in "VFE" else 4]:
                at = beat / r.fs_hz + np.arange(-BEFORE_S, AFTER_S, 1 / DONOR_HZ)
                y = np.interp(at * r.fs_hz, np.arange(len(r.frames)), r.frames[:, 0])
                y -= np.linspace(np.median(y[:5]), np.median(y[-8:]), len(y))
                out[r.fold].append(y / (np.abs(y).max() + 1))
    return out


class _Tape:
    """Pieces put together without steps: what jumps decays in 150 ms."""

    def __init__(self, fs_hz: float) -> None:
        self.fs_hz, self.parts, self.n, self.last = fs_hz, list[Array](), 0, 0.0

    def put(self, piece: Array) -> None:
        if len(piece):
            jump = self.last - piece[0] if self.n else 0.0
            piece = piece + jump * np.exp(-np.arange(len(piece)) / (0.15 * self.fs_hz))
            self.last, self.n = float(piece[-1]), self.n + len(piece)
            self.parts.append(piece)


def mix(r: Record, pool: list[Array], rng: np.random.Generator) -> Record:
    """Return the first lead with others' beats between its own, early and of a few shapes and heights; its own changed too.

    Some of its own are made smaller, and intervals cut at random.
    """
    tape, before, beats = _Tape(r.fs_hz), int(BEFORE_S * r.fs_hz), []
    x = r.frames[:, 0].astype(float)
    shapes = [pool[i] for i in rng.integers(len(pool), size=rng.integers(2, 6))]
    heights = size(x) * np.exp(rng.uniform(np.log(0.3), np.log(1.8), len(shapes)))
    p_early, p_cut, p_small = rng.uniform(0.05, 0.35), rng.choice([0, 0.3, 0.8]), rng.choice([0, 0, 0.3])
    for this, following in zip(r.beats[1:-1], r.beats[2:], strict=True):
        piece, rr_s = x[this - before : following - before], (following - this) / r.fs_hz
        if p_small and rng.random() < p_small and len(piece):
            piece = piece[0] + (piece - piece[0]) * rng.uniform(0.4, 1)
        early = rng.random() < p_early and 0.4 < rr_s < 2.5
        if early or (rr_s > 0.5 and rng.random() < p_cut):
            piece = piece[: int((rng.uniform(0.33, min(0.7, rr_s)) if early else rng.uniform(0.4, rr_s)) * r.fs_hz)]
        beats.append(tape.n + before)
        tape.put(piece)
        for _ in range(1 + (rng.random() < 0.2) if early else 0):
            which = rng.integers(len(shapes))
            y = shapes[which] * heights[which] * rng.uniform(0.8, 1.2)
            y = np.interp(np.arange(0, BEFORE_S + AFTER_S, 1 / r.fs_hz), np.arange(len(y)) / DONOR_HZ, y)
            beats.append(tape.n + before)
            tape.put(y[: int((BEFORE_S + rng.uniform(0.33, 0.45)) * r.fs_hz)] + tape.last)
    return replace(r, frames=np.concatenate(tape.parts)[:, None], beats=np.array(beats), vf=())


def variants(r: Record, noises: list[Array], pool: list[Array], rng: np.random.Generator) -> Iterator[tuple[Record, float]]:
    """Yield what a record is seen as, and the weight of it."""
    weight, n, one = WEIGHTS[r.db], len(r.frames), r.frames[:, [0]]
    for lead in range(0, r.frames.shape[1], 3 if r.db == "ludb" else 1):
        yield replace(r, frames=r.frames[:, [lead]]), weight * (0.15 if lead and r.db != "ludb" else 1)
    if r.frames.shape[1] > 1:
        yield r, weight * (2 if r.db == "ludb" else 0.7)
    if r.db in ("cudb", "ludb"):
        return
    on = (np.arange(n) // int(r.fs_hz * 60) % 2 == 0)[:, None]
    for leads, pace in ((one, 1.0), (r.frames, rng.uniform(0.85, 1.2))):
        added = [draw_noise(noises, n, r.fs_hz, rng) * size(x) * 10 ** rng.uniform(-1, 0.9) for x in leads.T]
        yield replace(r, frames=leads + np.stack(added, 1) * on, fs_hz=r.fs_hz * pace), weight * 0.2
    yield replace(r, frames=one, fs_hz=r.fs_hz * rng.uniform(0.8, 1.25)), weight * 0.5
    for is_noisy in (False, True):
        mixed = mix(r, pool, rng)
        if is_noisy:
            height = size(one) * 10 ** rng.uniform(-2, -0.3)
            mixed = replace(mixed, frames=mixed.frames + draw_noise(noises, len(mixed.frames), r.fs_hz, rng)[:, None] * height)
        yield replace(mixed, fs_hz=r.fs_hz * rng.uniform(0.85, 1.2)), weight * MIXED_WEIGHT


def label(r: Record, rows: Array) -> tuple[Array, Array]:
    """Return for each candidate (frame, log odds, features) whether it is a beat, and its weight."""
    window, at = 0.15 * r.fs_hz, rows[:, 0]
    is_beat, weight = np.zeros(len(rows)), np.ones(len(rows))
    for beat in r.beats:
        first, last = np.searchsorted(at, [beat - window, beat + window])
        if last > first:
            best = first + int(np.argmax(rows[first:last, 1] - 3 * np.abs(at[first:last] - beat) / window))
            weight[first:last] = np.where(is_beat[first:last] == 0, 0.3, weight[first:last])
            is_beat[best] = weight[best] = 1
    for start, end in r.vf:
        weight[(at >= start - window) & (at <= end + window)] = 0
    if r.db == "ludb":
        weight[(at < r.beats[0] - 0.4 * r.fs_hz) | (at > r.beats[-1] + 0.4 * r.fs_hz)] = 0
    return is_beat, weight
