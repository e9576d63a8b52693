# SPDX-License-Identifier: Apache-2.0
"""Train the two logistic regressions of the beat classifier on MIT-BIH DS1, and write native/src/beat_weights.h.

    python tools/train_beats.py --data DATA/mitdb            write the weights
    python tools/train_beats.py --data DATA/mitdb --check    compare them with what stands there
    python tools/train_beats.py --data DATA/mitdb --loo      print what leaving each record out gives

DS1 is the training half of de Chazal, O'Dwyer and Reilly 2004 (doi:10.1109/TBME.2004.827359); no record of DS2 is read.
Two questions: ectopic (S, V) or not; and V or S. Fusion beats and unclassifiable ones take no part; nor do aberrated
atrial beats, which nobody can tell from ventricular ones by shape. Each class of each record weighs the square root of
its beats, so that no person rules. The beats are read as the reference says, and moved by up to 20 ms as a detector might.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import wfdb
from scipy.optimize import minimize

from octolead.native.beats import BeatClassifier

DS1 = (101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230)
AAMI = {**dict.fromkeys("NLRej", 0), **dict.fromkeys("AaJS", 1), **dict.fromkeys("VE", 2), "F": 3, "/": 5, "f": 4, "Q": 4}
OUT = Path(__file__).resolve().parents[1] / "native" / "src" / "beat_weights.h"
AF = 47
N_FEATURES = 62
PENALTY = (1.5, 1.5)
N_STEP = 2
QUANTILES = (0.02, 0.2, 0.5, 0.8, 0.98)


def read(folder, record, variant=0):
    """Return features, classes, symbols and clusters of one record; variant 1 moves the beats."""
    signal = wfdb.rdrecord(str(folder / str(record))).p_signal.astype(np.float32) * 1000
    notes = wfdb.rdann(str(folder / str(record)), "atr")
    keep = [i for i, s in enumerate(notes.symbol) if s in AAMI]
    symbols = np.array(notes.symbol)[keep]
    at = np.array(notes.sample)[keep]
    if variant == 1:
        at = np.maximum.accumulate(np.maximum(at + np.random.default_rng(record).integers(-7, 8, len(at)), 0))
    classifier = BeatClassifier(360.0, 2)
    classifier.push(signal, at)
    cluster = classifier.labels().labels["cluster"].astype(int) + 100 * record
    return classifier.features(), np.array([AAMI[s] for s in symbols]), symbols, cluster


def read_all(folder, variants):
    """Return features, classes, symbols, record numbers, variants and clusters of DS1."""
    parts = [(*read(folder, r, v), r, v) for v in variants for r in DS1]
    x, y, s, cluster = (np.concatenate([p[i] for p in parts]) for i in range(4))
    group, variant = (np.concatenate([np.full(len(p[1]), p[i]) for p in parts]) for i in (4, 5))
    return x, y, s, group, variant, cluster + 10000 * variant


def weigh(y, group):
    """Return weights by which each class of each record counts as the square root of its beats."""
    w = np.zeros(len(y))
    for g in np.unique(group):
        for c in np.unique(y):
            m = (group == g) & (y == c)
            w[m] = 1 / np.sqrt(max(m.sum(), 1))
    return w / w.mean()


def knots(x, w):
    """Return weighted quantiles of each column."""
    out = np.empty((len(QUANTILES), x.shape[1]))
    for i in range(x.shape[1]):
        order = np.argsort(x[:, i], kind="stable")
        at = np.cumsum(w[order])
        out[:, i] = x[order[np.minimum(np.searchsorted(at, np.array(QUANTILES) * at[-1]), len(at) - 1)], i]
    return out


def bend(x, k):
    """Return each column as a line and three hinges, (beats, features, 4)."""
    z = np.clip((x - k[0]) / (k[-1] - k[0] + 1e-6), -0.2, 1.2)
    return np.stack([z, *(np.maximum(0, z - (q - k[0]) / (k[-1] - k[0] + 1e-6)) for q in k[1:-1])], 2)


def fit(z, y, w, penalty):
    """Return weights and bias of a logistic regression, the bias last."""
    z = np.concatenate([z.reshape(len(z), -1), np.ones((len(z), 1))], 1)

    def loss(b):
        odds = z @ b
        p = 1 / (1 + np.exp(-odds))
        value = (w * (np.logaddexp(0, odds) - y * odds)).sum() + penalty * (b[:-1] ** 2).sum()
        slope = z.T @ (w * (p - y))
        slope[:-1] += 2 * penalty * b[:-1]
        return value, slope

    return minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 400, "maxcor": 20}).x


def train(x, y, s, group):
    """Return knots and the weights of both questions."""
    use = (y < 3) & (s != "a") & ((y != 0) | (np.arange(len(y)) % N_STEP == 0))
    x, y, group = x[use], y[use], group[use]
    w = weigh(y, group)
    k = knots(x, w).astype(np.float32).astype(float)
    z = bend(x, k)
    e = y > 0
    return k, [fit(z, e * 1.0, w, PENALTY[0]), fit(z[e], (y[e] == 2) * 1.0, weigh(y[e], group[e]), PENALTY[1])]


def classes(x, cluster, model):
    """Return 0 N, 1 S, 2 V as beat_label.c does."""
    k, weights = model
    z = bend(x, k).reshape(len(x), -1)
    e, v = (1 / (1 + np.exp(-(z @ b[:-1] + b[-1]))) for b in weights)
    v = e * v
    odds = np.clip(np.log(v + 1e-9) - np.log(1 - v + 1e-9), -5, 5)
    _, at = np.unique(cluster, return_inverse=True)
    odds = (odds + (np.bincount(at, odds) / np.bincount(at))[at]) / 2
    s = (e - v) * (1 - 0.95 * x[:, AF])
    v = 1 / (1 + np.exp(-odds))
    s = np.minimum(s, 1 - v)
    return np.where((v > s) & (v > 0.5), 2, np.where((s >= v) & (s > 0.5), 1, 0))


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
    """Return native/src/beat_weights.h."""
    k, weights = model
    scale = 1 / (k[-1] - k[0] + 1e-6)
    return (
        "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by tools/train_beats.py; do not edit. */\n// clang-format off\n"
        + numbers("BEAT_LOW", k[0])
        + numbers("BEAT_SCALE", scale)
        + numbers("BEAT_KNOT", ((k[1:-1] - k[0]) * scale).T)
        + numbers("BEAT_WEIGHT", np.stack([b[:-1].reshape(-1, 4) for b in weights]))
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
    if arguments.loo:
        got = np.zeros(len(y), int)
        for r in DS1:
            got[group == r] = classes(x[group == r], cluster[group == r], train(*(a[group != r] for a in (x, y, s, group))))
        for v in arguments.variants:
            print("variant", v)
            table(y[variant == v], got[variant == v], group[variant == v])
        return 0
    text = header(train(x, y, s, group))
    if arguments.check:
        same = OUT.is_file() and np.allclose(values(text), values(OUT.read_text(encoding="utf-8")), atol=0.02)
        print("beat_weights.h is what DS1 gives" if same else "beat_weights.h differs from what DS1 gives")
        return 0 if same else 1
    OUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
