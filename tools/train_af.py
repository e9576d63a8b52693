# SPDX-License-Identifier: Apache-2.0
"""Fit the coefficients of `octolead.af` and write host/octolead/af_model.json.

    python -m tools.train_af DATA          all records; first both halves crosswise, to show what they reach unseen
    python -m tools.train_af DATA --dry    the same without writing

DATA holds ltafdb, edb, mitdb and cpsc2021 (references only are read). Halves: of each database the records in the order of their names,
every other one. An interval weighs as its length times `WEIGHTS`, then AF and the rest alike in sum; flutter is left out.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from octolead import af
from octolead.af_features import STRIDE, features, terms
from octolead.score.annotations import read_annotations
from octolead.score.records import Record, records_of
from octolead.score.rhythm import AF_NAMES, AfScore, score_af

WEIGHTS = {"ltafdb": 1.0, "edb": 2.0, "mitdb": 10.0, "cpsc2021": 20.0}
RIDGE = 3e-4
THIN = 3
OUT = Path(__file__).resolve().parent.parent / "host" / "octolead" / "af_model.json"


@dataclass
class Case:
    """A record: its beats, the truth as stretches of AF, and features, truth and weight at every `STRIDE`-th usable interval."""

    name: str
    database: str
    fs_hz: float
    beats: np.ndarray
    classes: np.ndarray
    truth: np.ndarray
    scored: tuple[int, int]
    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


def load(record: Record) -> Case | None:
    """The features and the truth of a record; None if its reference has no rhythms."""
    reference = read_annotations(record.path, "atr")
    rhythms = reference.rhythms(reference.stop) or ([(0, reference.stop, "N")] if record.is_free_of_af else [])
    if not rhythms:
        return None
    beats, classes = reference.beats().frame, reference.beats().classes()
    rr = np.diff(beats) / record.fs_hz
    here = np.flatnonzero(af.usable_intervals(rr, classes))
    middle = ((beats[1:] + beats[:-1]) / 2)[here]
    label = np.full(len(here), np.nan)
    for start, stop, name in rhythms:
        label[(middle >= start) & (middle < stop)] = np.nan if name == "AFL" else name in AF_NAMES
    truth = np.array([(a, b) for a, b, name in rhythms if name in AF_NAMES], np.int64).reshape(-1, 2)
    weight = np.minimum(rr[here], 3.0)[::STRIDE] * WEIGHTS[record.database]
    return Case(record.name, record.database, record.fs_hz, beats, classes, truth, (rhythms[0][0], reference.stop),
                features(rr[here], here), label[::STRIDE], weight)  # fmt: skip


def fit(cases: list[Case], ridge: float = RIDGE) -> af._Model:
    """Logistic regression with a ridge."""
    x, y, w = (np.concatenate([getattr(c, k)[::THIN] for c in cases]) for k in "xyw")
    keep = np.isfinite(y)
    x, y, w = x[keep], y[keep], w[keep]
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = np.column_stack((terms(x, mean, spread), np.ones(len(x))))
    w = np.where(y > 0, w / w[y > 0].sum(), w / w[y == 0].sum()) / 2

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        s = z @ b
        p = 1 / (1 + np.exp(-s))
        penalty = np.append(b[:-1], 0)
        return float(w @ (np.logaddexp(0, s) - y * s) + ridge * penalty @ penalty), z.T @ (w * (p - y)) + 2 * ridge * penalty

    b = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return af._Model(mean, spread, b[:-1], float(b[-1]))


def total(cases: list[Case], model: af._Model, shift: float = 0.0) -> dict[str, AfScore]:
    """The sum of each database with a model in place of the shipped one."""
    used = af._Model(model.mean, model.spread, model.weights, model.bias - shift)
    af._model = lambda: used
    result: dict[str, AfScore] = {}
    for c in cases:
        found = af.detect_af(c.beats, c.fs_hz, c.classes).episodes
        stretches = np.array([(e.start_frame, e.stop_frame) for e in found], np.int64).reshape(-1, 2)
        result[c.database] = result.get(c.database, AfScore()) + score_af(c.truth, stretches, c.scored, c.fs_hz)
    return result


def said(scores: dict[str, AfScore]) -> str:
    """Scores in a line."""
    parts = []
    for name, score in scores.items():
        s = score.as_dict()
        parts.append(f"{name} {s['se_percent'] or 0:.2f}/{s['sp_percent'] or 0:.2f} +P {s['ppv_percent'] or 0:.1f}")
    return "; ".join(parts)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--shift", type=float, default=1.0, help="subtracted from the log odds")
    options = parser.parse_args()
    halves: tuple[list[Case], list[Case]] = ([], [])
    for database in WEIGHTS:
        cases = [c for c in map(load, records_of(f"{options.data}/{database}")) if c is not None]
        halves[0].extend(cases[0::2])
        halves[1].extend(cases[1::2])
    print("Se/Sp in percent of time")
    unseen: dict[str, AfScore] = {}
    for k, (one, other) in enumerate((halves, halves[::-1])):
        found = total(other, fit(one), options.shift)
        print(f"half {2 - k}, unseen: {said(found)}")
        unseen = {name: unseen.get(name, AfScore()) + s for name, s in found.items()}
    print(f"both, unseen:   {said(unseen)}")
    model = fit(halves[0] + halves[1])
    print(f"fitted on both: {said(total(halves[0] + halves[1], model, options.shift))}")
    if not options.dry:
        values = {k: [round(float(v), 6) for v in getattr(model, k)] for k in ("mean", "spread", "weights")}
        text = json.dumps({"made_by": "python -m tools.train_af", **values, "bias": round(model.bias - options.shift, 6)}, indent=1)
        OUT.write_text(text + "\n")


if __name__ == "__main__":
    main()
