# SPDX-License-Identifier: Apache-2.0
"""Train the networks that weigh the detector's candidates, and write native/src/qrs_net.h.

    python -m tools.train_qrs --data DATA            on all records; then score on them
    python -m tools.train_qrs --data DATA --halves   on every other record of each database, scored on those left out, both
                                                     ways; writes nothing

DATA has mitdb, qtdb, cpsc2021, cudb, ludb and nstdb as WFDB records. Candidates come from the detector as it is now; one is
a beat where it is the likeliest within 150 ms of one. What is not learnt but chosen (the decay of the weights, and the
numbers on top of qrs_path.c) was chosen by the halves too, so their figures are a little too good. Needs gcc, numpy and
wfdb.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from octolead.score.matching import match, window_frames
from tools.qrs import net
from tools.qrs.detector import NET, compile_detector, detect, with_nets
from tools.qrs.records import FOLDS, WEIGHTS, Record, donors, label, load_db, load_noises, variants

Array = np.ndarray[Any, Any]
SEEDS = (0, 1)
UNLIKELY = -9.0
"""Log odds below which one of four candidates that are no beats stands for all."""


def training_set(records: list[Record], data: Path) -> tuple[Array, Array, Array, Array]:
    """Return features, truth, weight and fold of all candidates in all that the records are seen as."""
    library, noises, pools, rng = compile_detector(), load_noises(data), donors(records), np.random.default_rng(5)
    parts: list[tuple[Array, Array, Array, Array]] = []
    for record in records:
        for seen, weight in variants(record, noises, pools[record.fold], rng):
            rows = detect(library, seen.frames, seen.fs_hz)[1]
            is_beat, own = label(seen, rows)
            sure = (is_beat == 0) & (rows[:, 1] <= UNLIKELY)
            kept = ~sure | (rng.random(len(rows)) < 0.25)
            w = np.where(sure, 4 * own, own) * weight
            parts.append((rows[kept, 2:], is_beat[kept], w[kept], np.full(kept.sum(), record.fold)))
    x, y, w, fold = (np.concatenate([part[k] for part in parts]) for k in range(4))
    print(f"{len(x)} candidates, {y.mean():.1%} beats", flush=True)
    return x, y, w, fold


def errors(library: Any, r: Record, leads: Any) -> Array:
    """Return beats found, missed and false, fibrillation left out."""
    found = np.rint(detect(library, r.frames[:, leads], r.fs_hz)[0]).astype(np.int64)
    window, truth = window_frames(150, r.fs_hz), r.beats.astype(np.int64)
    for start, end in r.vf:
        found = found[(found < start - window) | (found > end + window)]
        truth = truth[(truth < start - window) | (truth > end + window)]
    if r.db == "ludb":
        found = found[(found > truth[0] - 0.3 * r.fs_hz) & (found < truth[-1] + 0.3 * r.fs_hz)]
    m = match(truth, found, window)
    return np.array([len(m.pairs), len(m.missed), len(m.extra)])


def line(name: str, counts: Array) -> str:
    """Return a row of the table."""
    right, missed, false = counts
    n = max(1, right + missed)
    return (
        f"{name:22}{n:8}{missed:6}{false:6}{100 * right / n:8.2f}{100 * right / max(1, right + false):8.2f}"
        f"{100 * (missed + false) / n:8.2f}"
    )


def report(scored: list[tuple[Any, Record]]) -> None:
    """Print the table: a line a database and lead, one for each step of the noise stress test."""
    print(f"{'':22}{'beats':>8}{'FN':>6}{'FP':>6}{'Se %':>8}{'+P %':>8}{'DER %':>8}")
    for db in WEIGHTS:
        for name, leads in (("first lead", [0]), ("all leads", slice(None))):
            own = [errors(library, r, leads) for library, r in scored if r.db == db]
            if own and not (db == "cudb" and name == "all leads"):
                print(line(f"{db}, {name}", np.sum(own, axis=0)))
    for library, r in scored:
        if r.db == "nstdb":
            print(line(f"{r.name}, first lead", errors(library, r, [0])))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--halves", action="store_true", help="score each half by what the other gives")
    options = parser.parse_args()
    records = [r for db in WEIGHTS for r in load_db(options.data, db)]
    stress = load_db(options.data, "nstdb")
    x, y, w, fold = training_set(records, options.data)
    scored: list[tuple[Any, Record]] = []
    if not options.halves:
        nets = [net.train(x, y, w, seed) for seed in SEEDS]
        NET.write_text(with_nets(NET.read_text(encoding="utf-8"), nets), encoding="utf-8")
        library = compile_detector()
        report([(library, r) for r in records + stress])
        return
    made_of = {r.name: r.fold % 2 for r in records if r.db == "mitdb"}
    for half in range(FOLDS // 2):
        others = fold % 2 != half
        library = compile_detector([net.train(x[others], y[others], w[others], seed) for seed in SEEDS])
        scored += [(library, r) for r in records if r.fold % 2 == half]
        scored += [(library, r) for r in stress if made_of[r.name[:3]] == half]
    report(scored)


if __name__ == "__main__":
    main()
