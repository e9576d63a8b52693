# SPDX-License-Identifier: Apache-2.0
"""Train the two logistic regressions of the beat classifier on MIT-BIH DS1, and write native/src/beat_weights.h.

    python tools/train_beats.py --data DATA/mitdb            write the weights
    python tools/train_beats.py --data DATA/mitdb --check    compare them with what stands there
    python tools/train_beats.py --data DATA/mitdb --loo      print what leaving each record out gives, and what all gives;
                                                             by leads: both, both with beats moved, the first, the second

DS1 is the training half of de Chazal, O'Dwyer and Reilly 2004 (doi:10.1109/TBME.2004.827359); no record of DS2 is read.
Two questions: ectopic (S, V) or not; and V or S. Fusion beats and unclassifiable ones take no part; nor do aberrated
atrial beats, which nobody can tell from ventricular ones by shape. Each class of each record weighs as a small power of
its number of beats, so that no person rules. Each record is seen four times: both leads with beats where the reference
says, both with beats moved by up to 20 ms as a detector might, and each lead alone, moved too: what holds in all four
holds for more people. Penalties and thresholds were chosen by what leaving each record out gave as a whole.
"""

import argparse
import itertools
import re
import sys
from pathlib import Path

import numpy as np
import wfdb
from octolead._native import lib

from octolead.native.analyzer import CLASSIFY, Analyzer
from octolead.native.beats import features

DS1 = (101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230)
AAMI = {**dict.fromkeys("NLRej", 0), **dict.fromkeys("AaJS", 1), **dict.fromkeys("VE", 2), "F": 3, "/": 5, "f": 4, "Q": 4}
OUT = Path(__file__).resolve().parents[1] / "native" / "src" / "beat_weights.h"
AF = 47
TELL_V, TELL_S, TELL_S_ONE_LEAD = 0.5, 0.635, 0.74
AF_COUNTS = 0.3
BY_SHAPE = 0.6  # what its cluster has to say about a beat being V; the rest it says itself
PENALTY = (10.2, 1.93)
POWER = 0.1
MOST = 600  # beats of a class of a record that take part, evenly spread, for all of them
SEEN = (((0, 1), False), ((0, 1), True), ((0,), True), ((1,), True))
"""What each variant of a record is: its leads, and whether its beats are moved."""
WEIGHT = (1.5, 1.25, 1.0, 1.0)  # of each variant
QUANTILES = (0.02, 0.15, 0.3, 0.5, 0.7, 0.85, 0.98)


def read(folder, record, variant=0):
    """Return features, classes, symbols and clusters of one record, as one variant of SEEN."""
    leads, is_moved = SEEN[variant]
    signal = wfdb.rdrecord(str(folder / str(record)), channels=list(leads)).p_signal.astype(np.float32) * 1000
    notes = wfdb.rdann(str(folder / str(record)), "atr")
    keep = [i for i, s in enumerate(notes.symbol) if s in AAMI]
    symbols = np.array(notes.symbol)[keep]
    at = np.array(notes.sample)[keep]
    if is_moved:
        at = at + np.random.default_rng(record).integers(-7, 8, len(at))
    order = np.arange(len(at))  # no two at one place
    at = np.clip(np.maximum.accumulate(at - order), 0, len(signal) - len(at)) + order
    analyzer = Analyzer(360.0, len(leads), stages=CLASSIFY)
    told = 0
    for start in range(0, len(signal), 360):
        while told < len(at) and analyzer.tell(int(at[told])):
            told += 1
        analyzer.push(signal[start : start + 360])
    records = analyzer.finish().records
    cluster = analyzer.label(records).labels["cluster"].astype(int) + 1000 * record
    x = features(lib.ol_analysis_beats(analyzer._state), 360.0, records)
    return x, np.array([AAMI[s] for s in symbols]), symbols, cluster


def read_all(folder, variants):
    """Return features, classes, symbols, record numbers, variants and clusters of DS1."""
    parts = [(*read(folder, r, v), r, v) for v in variants for r in DS1]
    x, y, s, cluster = (np.concatenate([p[i] for p in parts]) for i in range(4))
    group, variant = (np.concatenate([np.full(len(p[1]), p[i]) for p in parts]) for i in (4, 5))
    return x, y, s, group, variant, cluster + 1000000 * variant


def choose(y, s, group, variant):
    """Return the beats that take part and their weights; those of a class of a record weigh as POWER of their number."""
    chosen, weights = [], []
    for g, v, c in itertools.product(np.unique(group), np.unique(variant), range(3)):
        some = np.flatnonzero((group == g) & (variant == v) & (y == c) & (s != "a"))
        number = max(len(some), 1)
        some = some[:: -(-number // MOST)]
        chosen.append(some)
        weights.append(np.full(len(some), WEIGHT[v] * number**POWER / max(len(some), 1)))
    weights = np.concatenate(weights)
    return np.concatenate(chosen), weights / weights.mean()


def knots(x, w):
    """Return weighted quantiles of each column."""
    out = np.empty((len(QUANTILES), x.shape[1]))
    for i in range(x.shape[1]):
        order = np.argsort(x[:, i], kind="stable")
        at = np.cumsum(w[order])
        out[:, i] = x[order[np.minimum(np.searchsorted(at, np.array(QUANTILES) * at[-1]), len(at) - 1)], i]
    return out


def bend(x, k):
    """Return each column as a line and five hinges, and a column of ones: (beats, 6 * features + 1)."""
    z = np.clip((x - k[0]) / (k[-1] - k[0] + 1e-6), -0.2, 1.2)
    lines = np.stack([z, *(np.maximum(0, z - (q - k[0]) / (k[-1] - k[0] + 1e-6)) for q in k[1:-1])], 2)
    return np.concatenate([lines.reshape(len(x), -1), np.ones((len(x), 1))], 1)


def fit(z, y, w, penalty):
    """Return weights and bias of a logistic regression, the bias last, by Newton's method.

    The curvature, which only says how far to go, is good enough in single precision.
    """
    ridge = np.full(z.shape[1], 2 * penalty)
    ridge[-1] = 1e-6

    def loss(b):
        odds = z @ b
        return (w * (np.logaddexp(0, odds) - y * odds)).sum() + 0.5 * (ridge * b * b).sum(), odds

    b = np.zeros(z.shape[1])
    value, odds = loss(b)
    single = z.astype(np.float32)
    for _ in range(60):
        p = 1 / (1 + np.exp(-odds))
        curve = (w * np.maximum(p * (1 - p), 1e-4)).astype(np.float32)
        bent = ((single * curve[:, None]).T @ single).astype(float) + np.diag(ridge)
        step = np.linalg.solve(bent, z.T @ (w * (p - y)) + ridge * b)
        size = 1.0
        while (better := loss(b - size * step))[0] > value and size > 1e-3:
            size /= 2
        gain = value - better[0]
        b, (value, odds) = b - size * step, better
        if gain < 1e-5 * max(value, 1.0):
            break
    return b


def train(x, y, s, group, variant):
    """Return knots and the weights of both questions."""
    part, w = choose(y, s, group, variant)
    k = knots(x[part], w).astype(np.float32).astype(float)
    z = bend(x[part], k)
    e = y[part] > 0
    from_where = fit(z[e], (y[part][e] == 2) * 1.0, w[e] / w[e].mean(), PENALTY[1])
    return k, [fit(z, e * 1.0, w, PENALTY[0]), from_where]


def classes(x, cluster, variant, model):
    """Return 0 N, 1 S, 2 V as beat_label.c does."""
    k, weights = model
    z = bend(x, k)
    e, v = (1 / (1 + np.exp(-(z @ b))) for b in weights)
    odds = np.clip(np.log(e * v + 1e-9) - np.log(1 - e * v + 1e-9), -5, 5)
    _, at = np.unique(cluster, return_inverse=True)
    odds = (1 - BY_SHAPE) * odds + BY_SHAPE * (np.bincount(at, odds) / np.bincount(at))[at]
    v = 1 / (1 + np.exp(-odds))
    s = np.maximum(e - v, 0) * (1 - 0.95 * np.clip((x[:, AF] - AF_COUNTS) / (1 - AF_COUNTS), 0, 1))
    tell_s = np.array([TELL_S if len(leads) > 1 else TELL_S_ONE_LEAD for leads, _ in SEEN])[variant]
    return np.where((v > s) & (v > TELL_V), 2, np.where((s >= v) & (s > tell_s), 1, 0))


def table(y, got, group):
    """Print Se and +P of V and S per record and gross (EC57: F and Q told as V or S are no false positives, V and F as S are)."""
    total = np.zeros(6, int)
    for g in [*np.unique(group), 0]:
        m = group == g
        a, b = y[m], got[m]
        n = np.array(
            [
                ((a == 2) & (b == 2)).sum(),
                ((a == 2) & (b != 2)).sum(),
                ((a < 2) & (b == 2)).sum(),
                ((a == 1) & (b == 1)).sum(),
                ((a == 1) & (b != 1)).sum(),
                (((a == 0) | (a == 2) | (a == 3)) & (b == 1)).sum(),
            ]
        )
        total += n
        n = n if g else total
        v, s = (f"Se {100 * t / max(t + f, 1):6.2f} +P {100 * t / max(t + p, 1):6.2f} ({t}/{f}/{p})" for t, f, p in (n[:3], n[3:]))
        print(f"{g or 'gross'}\tV {v}\tS {s}")


def numbers(name, values):
    """Return a C array."""
    flat = np.asarray(values, np.float32)
    shape = "".join(f"[{n}]" for n in flat.shape)

    def text(a):
        return "{" + ", ".join(text(b) for b in a) + "}" if np.ndim(a) else f"{a:.5e}f"

    return f"static const float {name}{shape} = {text(flat)};\n"


def header(model):
    """Return native/src/beat_weights.h: a row holds all features, and zeros up to a multiple of eight."""
    k, weights = model
    scale = 1 / (k[-1] - k[0] + 1e-6)
    empty = -k.shape[1] % 8

    def rows(a):
        return np.pad(a, [(0, 0)] * (np.ndim(a) - 1) + [(0, empty)])

    return (
        "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by tools/train_beats.py; do not edit. */\n// clang-format off\n"
        + numbers("BEAT_LOW", rows(k[0]))
        + numbers("BEAT_SCALE", rows(scale))
        + numbers("BEAT_KNOT", rows((k[1:-1] - k[0]) * scale))
        + numbers("BEAT_WEIGHT", rows(np.stack([b[:-1].reshape(-1, len(QUANTILES) - 1).T for b in weights])))
        + numbers("BEAT_BIAS", [b[-1] for b in weights])
        + "// clang-format on\n"
    )


def values(text):
    """Return the numbers of a header."""
    return np.array([float(n) for n in re.findall(r"-?\d\.\d+e[+-]\d+(?=f)", text)])


def main():
    """Train, check or leave records out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--loo", action="store_true")
    arguments = parser.parse_args()
    x, y, s, group, variant, cluster = read_all(arguments.data, range(len(SEEN)))
    if arguments.loo:
        got = np.zeros(len(y), int)
        for r in DS1:
            one = train(*(a[group != r] for a in (x, y, s, group, variant)))
            got[group == r] = classes(*(a[group == r] for a in (x, cluster, variant)), one)
        for v, (leads, is_moved) in enumerate(SEEN):
            print("leads", *(k + 1 for k in leads), "beats moved" if is_moved else "")
            table(y[variant == v], got[variant == v], group[variant == v])
        seen = variant == 0
        print("trained on all, both leads")
        table(y[seen], classes(*(a[seen] for a in (x, cluster, variant)), train(x, y, s, group, variant)), group[seen])
        return 0
    text = header(train(x, y, s, group, variant))
    if arguments.check:
        same = OUT.is_file() and np.allclose(values(text), values(OUT.read_text(encoding="utf-8")), atol=0.02)
        print("beat_weights.h is what DS1 gives" if same else "beat_weights.h differs from what DS1 gives")
        return 0 if same else 1
    OUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
