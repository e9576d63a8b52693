# SPDX-License-Identifier: Apache-2.0
"""Train the two logistic regressions of the beat classifier on MIT-BIH DS1, and write native/src/beat_weights.h.

    python tools/train_beats.py --data DATA/mitdb            write the weights
    python tools/train_beats.py --data DATA/mitdb --check    compare them with what stands there
    python tools/train_beats.py --data DATA/mitdb --loo      print what leaving each record out gives, and what all gives

DS1 is the training half of de Chazal, O'Dwyer and Reilly 2004 (doi:10.1109/TBME.2004.827359); no record of DS2 is read.
Two questions: ectopic (S, V) or not; and V or S. Fusion beats and unclassifiable ones take no part; nor do aberrated
atrial beats, which nobody can tell from ventricular ones by shape. Each class of each record weighs as a power of its
number of beats, so that no person rules. The beats are read as the reference says, and moved by up to 20 ms as a detector
might. Penalties, that power and the threshold of S were chosen by what leaving each record out gave as a whole.
"""

import argparse
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
TELL_S = 0.5
PENALTY = (15.0, 3.0)
POWER = 0.3
ORDINARY = 400  # beats N of a record that take part, evenly spread, for all of them
QUANTILES = (0.02, 0.2, 0.5, 0.8, 0.98)


def read(folder, record, variant=0):
    """Return features, classes, symbols and clusters of one record; variant 1 moves the beats."""
    signal = wfdb.rdrecord(str(folder / str(record))).p_signal.astype(np.float32) * 1000
    notes = wfdb.rdann(str(folder / str(record)), "atr")
    keep = [i for i, s in enumerate(notes.symbol) if s in AAMI]
    symbols = np.array(notes.symbol)[keep]
    at = np.array(notes.sample)[keep]
    if variant == 1:
        at = at + np.random.default_rng(record).integers(-7, 8, len(at))
    order = np.arange(len(at))  # no two at one place
    at = np.clip(np.maximum.accumulate(at - order), 0, len(signal) - len(at)) + order
    analyzer = Analyzer(360.0, 2, stages=CLASSIFY)
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
    """Return the beats that take part and their weights; those of a class of a record weigh as POWER of its number."""
    chosen, weights = [], []
    for g in np.unique(group):
        for c in range(3):
            all_of = (group == g) & (y == c) & (s != "a")
            some = [np.flatnonzero(all_of & (variant == v)) for v in np.unique(variant)]
            some = [p[:: -(-len(p) // ORDINARY)] if c == 0 and len(p) else p for p in some]
            some = np.concatenate(some)
            chosen.append(some)
            weights.append(np.full(len(some), all_of.sum() ** POWER / max(len(some), 1)))
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
    """Return each column as a line and three hinges, and a column of ones: (beats, 4 * features + 1)."""
    z = np.clip((x - k[0]) / (k[-1] - k[0] + 1e-6), -0.2, 1.2)
    lines = np.stack([z, *(np.maximum(0, z - (q - k[0]) / (k[-1] - k[0] + 1e-6)) for q in k[1:-1])], 2)
    return np.concatenate([lines.reshape(len(x), -1), np.ones((len(x), 1))], 1)


def fit(z, y, w, penalty, start):
    """Return weights and bias of a logistic regression, the bias last, by Newton's method; `start` only saves steps."""
    ridge = np.full(z.shape[1], 2 * penalty)
    ridge[-1] = 1e-6

    def loss(b):
        odds = z @ b
        return (w * (np.logaddexp(0, odds) - y * odds)).sum() + 0.5 * (ridge * b * b).sum(), odds

    b = np.zeros(z.shape[1]) if start is None else start
    value, odds = loss(b)
    for _ in range(60):
        p = 1 / (1 + np.exp(-odds))
        curve = w * np.maximum(p * (1 - p), 1e-4)
        step = np.linalg.solve((z * curve[:, None]).T @ z + np.diag(ridge), z.T @ (w * (p - y)) + ridge * b)
        size = 1.0
        while (better := loss(b - size * step))[0] > value and size > 1e-3:
            size /= 2
        gain = value - better[0]
        b, (value, odds) = b - size * step, better
        if gain < 1e-6 * max(value, 1.0):
            break
    return b


def train(x, y, s, group, variant, near=(None, None)):
    """Return knots and the weights of both questions; `near` are weights that are not far from these."""
    part, w = choose(y, s, group, variant)
    k = knots(x[part], w).astype(np.float32).astype(float)
    z = bend(x[part], k)
    e = y[part] > 0
    from_where = fit(z[e], (y[part][e] == 2) * 1.0, w[e] / w[e].mean(), PENALTY[1], near[1])
    return k, [fit(z, e * 1.0, w, PENALTY[0], near[0]), from_where]


def classes(x, cluster, model):
    """Return 0 N, 1 S, 2 V as beat_label.c does."""
    k, weights = model
    z = bend(x, k)
    e, v = (1 / (1 + np.exp(-(z @ b))) for b in weights)
    odds = np.clip(np.log(e * v + 1e-9) - np.log(1 - e * v + 1e-9), -5, 5)
    _, at = np.unique(cluster, return_inverse=True)
    odds = (odds + (np.bincount(at, odds) / np.bincount(at))[at]) / 2
    v = 1 / (1 + np.exp(-odds))
    s = np.maximum(e - v, 0) * (1 - 0.95 * x[:, AF])
    return np.where((v > s) & (v > 0.5), 2, np.where((s >= v) & (s > TELL_S), 1, 0))


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
        + numbers("BEAT_WEIGHT", rows(np.stack([b[:-1].reshape(-1, 4).T for b in weights])))
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
    parser.add_argument("--variants", type=int, nargs="*", default=[0, 1])
    arguments = parser.parse_args()
    x, y, s, group, variant, cluster = read_all(arguments.data, arguments.variants)
    model = train(x, y, s, group, variant)
    if arguments.loo:
        got = np.zeros(len(y), int)
        for r in DS1:
            one = train(*(a[group != r] for a in (x, y, s, group, variant)), model[1])
            got[group == r] = classes(x[group == r], cluster[group == r], one)
        for v in arguments.variants:
            print("variant", v)
            table(y[variant == v], got[variant == v], group[variant == v])
        print("trained on all, variant 0")
        table(*(a[variant == 0] for a in (y, classes(x, cluster, model), group)))
        return 0
    text = header(model)
    if arguments.check:
        same = OUT.is_file() and np.allclose(values(text), values(OUT.read_text(encoding="utf-8")), atol=0.02)
        print("beat_weights.h is what DS1 gives" if same else "beat_weights.h differs from what DS1 gives")
        return 0 if same else 1
    OUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
