# SPDX-License-Identifier: Apache-2.0
"""Ten-second pieces of LUDB, QTDB, MIT-BIH and CPSC 2021 at 250 Hz, with a window and a target for each boundary known.

A label is (boundary, from, to, at, slack): seconds of the piece, `at` -1 where the boundary is known to be absent, `slack`
how far from `at` it may be where only the wave's peak is annotated, else 0. What is not known has no label: before the
first and after the last annotation of a lead, T waves of MIT-BIH. Boundaries: P on, peak, off, QRS on, off, T on, peak, off.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import wfdb
from scipy.signal import resample_poly

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
EIGHT = (0, 1, 6, 7, 8, 9, 10, 11)
BEATS = "NLRBAaJSVrFejnE/fQ"
P_RECORDS = ("101", "106", "119", "122", "207", "223")
AF_RECORDS = ("201", "203")
NEVER = 10.0  # s
P, T = (0, 1, 2), (5, 6, 7)

Label = tuple[int, float, float, float, float]


class Wave(NamedTuple):
    """A wave: its symbol and times (samples or seconds), -1 where not annotated."""

    symbol: str
    on: float
    peak: float
    off: float


def waves_of(annotation: Any, fs: float = 1.0) -> list[Wave]:
    """Return the waves of a WFDB annotation: a peak with the brackets beside it."""
    symbols = ["", *annotation.symbol, ""]
    samples = [-1, *(int(s) / fs for s in annotation.sample), -1]
    return [
        Wave(c, samples[i - 1] if symbols[i - 1] == "(" else -1, samples[i], samples[i + 1] if symbols[i + 1] == ")" else -1)
        for i, c in enumerate(symbols)
        if c and c in "pNt"
    ]


def window(which: str, r: float, before: float, after: float) -> tuple[float, float]:
    """Return where a boundary may be, as native/src/wave_decode.c looks for it; all in seconds."""
    if which == "p":
        return max(r - 0.52, before + 0.2), r + 0.02
    if which == "qrs_on":
        return max(r - 0.2, before + 0.15), r + 0.05
    if which == "qrs_off":
        return r - 0.05, min(r + 0.26, after - 0.06)
    return r + 0.06, min(r + 0.72, after - 0.02)


def marks(boundaries: Iterable[int], wave: Wave, span: tuple[float, float]) -> list[Label]:
    """Return labels of those boundaries of a wave that are annotated."""
    return [(b, *span, t, 0.0) for b, t in zip(boundaries, wave[1:], strict=True) if t >= 0]


def p_marks(wave: Wave, span: tuple[float, float]) -> list[Label]:
    """Return labels of a P wave; where only its peak is annotated, its bounds are somewhere beside it."""
    if wave.on >= 0 or wave.off >= 0:
        return marks(P, wave, span)
    on, off = (0, *span, wave.peak - 0.055, 0.045), (2, *span, wave.peak + 0.055, 0.045)
    return [on, (1, *span, wave.peak, 0.0), off]


def absent(boundaries: Iterable[int], span: tuple[float, float]) -> list[Label]:
    """Return labels of boundaries that are known not to be in a window."""
    return [(b, *span, -1.0, 0.0) for b in boundaries]


def beat_labels(waves: list[Wave], r: float, neighbours: tuple[float, float], known: tuple[float, float]) -> list[Label]:
    """Return labels of one beat; absence counts only within the stretch `known`."""
    out: list[Label] = []
    qrs = [w for w in waves if w.symbol == "N" and abs(w.peak - r) < 0.12]
    span = window("p", r, *neighbours)
    found = [w for w in waves if w.symbol == "p" and span[0] <= w.peak <= min(span[1], r)]
    if found:
        out += p_marks(found[-1], span)
    elif qrs and span[0] >= known[0]:
        out += absent(P, span)
    if qrs:
        out += [(b, *window(k, r, *neighbours), t, 0.0) for b, k, t in ((3, "qrs_on", qrs[0].on), (4, "qrs_off", qrs[0].off)) if t >= 0]
        span = window("t", r, *neighbours)
        found = [w for w in waves if w.symbol == "t" and span[0] <= w.peak <= span[1]]
        if found:
            out += marks(T, found[0], span)
        elif span[1] <= known[1]:
            out += absent(T, span)
    return out


def between_labels(waves: list[Wave], beats: list[float], known: tuple[float, float]) -> list[Label]:
    """Return labels of P waves that no QRS follows, and of stretches between beats without P."""
    out: list[Label] = []
    peaks = [w for w in waves if w.symbol == "p"]
    for w in peaks:
        ahead = [r - w.peak for r in beats if r > w.peak]
        if not ahead or min(ahead) > 0.52:
            out += p_marks(w, (w.peak - 0.25, w.peak + 0.25))
    for r, after in itertools.pairwise(beats):
        a, b = r + 0.25, after - 0.3
        if b - a <= 0.3 or a < known[0] or b > known[1]:
            continue
        inside = [w.peak for w in peaks if a - 0.1 <= w.peak <= b + 0.1]
        b = min(inside) - 0.12 if inside else b
        while b - a > 0.25:
            out += absent(P, (a, min(b, a + 0.5)))
            a = min(b, a + 0.5)
    return out


def labels_of(waves: list[Wave], beats: list[float], known: tuple[float, float]) -> list[Label]:
    """Return the labels of a lead."""
    around = [beats[0] - NEVER, *beats, beats[-1] + 3.0] if beats else []
    out: list[Label] = []
    for i, r in enumerate(beats):
        out += beat_labels(waves, r, (around[i], around[i + 2]), known)
    return out + between_labels(waves, beats, known)


def moved(labels: list[Label], start: float) -> list[Label]:
    """Return labels with times from `start`."""
    return [(b, lo - start, hi - start, at - start if at >= 0 else -1.0, slack) for b, lo, hi, at, slack in labels]


def common_beats(leads: list[list[Wave]], fs: float) -> list[float]:
    """Return the median over leads of annotated QRS peaks, for beats annotated in four leads at least."""
    peaks = sorted(w.peak for lead in leads for w in lead if w.symbol == "N")
    cuts = [i for i in range(1, len(peaks)) if peaks[i] - peaks[i - 1] > 0.15 * fs]
    groups = np.split(np.array(peaks), cuts)
    return [int(np.median(g)) / fs for g in groups if len(g) >= 4]


def known_of(waves: list[Wave]) -> tuple[float, float]:
    """Return the first and the last time annotated."""
    times = [t for w in waves for t in w[1:] if t >= 0]
    return (min(times), max(times)) if times else (0.0, 0.0)


def ludb(folder: Path) -> list[dict[str, Any]]:
    """Return the records of LUDB, all twelve leads."""
    out = []
    for name in sorted(int(p.stem) for p in folder.glob("*.hea")):
        path = str(folder / str(name))
        beats = common_beats([waves_of(wfdb.rdann(path, lead)) for lead in LEADS], 500.0)
        leads = [waves_of(wfdb.rdann(path, lead), 500.0) for lead in LEADS]
        labels = [labels_of(waves, beats, known_of(waves)) if waves else [] for waves in leads]
        x = resample_poly(wfdb.rdrecord(path).p_signal.astype(np.float32), 1, 2, axis=0).astype(np.float32).T
        out.append({"db": "ludb", "record": str(name), "x": x, "labels": labels, "waves": leads, "beats": beats})
    return out


def annotated_beats(path: str) -> list[float]:
    """Return beats of a QTDB record: corrected by hand, or else automatic."""
    extension = "atr" if Path(path + ".atr").exists() else "man"
    notes = wfdb.rdann(path, extension)
    return [s / notes.fs if notes.fs else s / 250.0 for s, c in zip(notes.sample, notes.symbol, strict=True) if c in BEATS]


def qtdb(folder: Path) -> list[dict[str, Any]]:
    """Pieces of the stretches with manual annotation; no absence but of P in records that have none at all."""
    out = []
    for file in sorted(folder.glob("*.q1c")):
        path, fs = str(file.with_suffix("")), 250.0
        waves = waves_of(wfdb.rdann(path, "q1c"), fs)
        beats = annotated_beats(path)
        signal = wfdb.rdrecord(path).p_signal.astype(np.float32)
        has_p = any(w.symbol == "p" for w in waves)
        centres = [w.peak for w in waves if w.symbol == "N"] or [w.peak for w in waves if w.symbol == "t"]
        start = centres[0] - 2.0
        while start < centres[-1]:
            inside = [c for c in centres if start + 1.0 < c < start + 8.8]
            labels: list[Label] = []
            for before, r, after in zip([-NEVER, *beats], beats, [*beats[1:], NEVER * 1000], strict=False):
                if inside and min(abs(c - r) for c in inside) < 0.12:
                    found = beat_labels(waves, r, (before, after), (0.0 if not has_p else 1e9, -1.0))
                    labels += [v for v in found if v[0] != 6]
            if inside:
                first = round(start * fs)
                x = signal[first : first + 2500].T.copy()
                out.append({"db": "qtdb", "record": file.stem, "x": x, "labels": [moved(labels, start)] * 2})
            start += 8.0
    return out


def rhythm_piece(record: dict[str, Any], start: float) -> dict[str, Any] | None:
    """Return ten seconds, or nothing where flutter waves or an unknown rhythm make P uncertain."""
    lo, hi = start, start + 10.0
    beats = [r for r in record["beats"] if lo - 3 < r < hi + 3]
    if len(beats) < 3 or any(lo - 1 < f < hi + 1 for f in record["flutter"]):
        return None
    if record["p"] is None:
        before = [kind for t, kind in record["rhythm"] if t <= lo]
        if not before or before[-1] != "(AFIB" or any(lo < t < hi for t, _ in record["rhythm"]):
            return None
    waves = [Wave("p", -1, p, -1) for p in record["p"] or () if lo - 1 < p < hi + 1]
    waves += [Wave("N", -1, r, -1) for r in beats]
    labels = [v for v in labels_of(waves, beats, (lo - 2, hi + 2)) if v[0] in P and v[1] >= lo + 0.3 and v[2] <= hi - 0.3]
    x = record["x"][round(start * 250) : round(start * 250) + 2500].T.copy()
    return {"db": record["db"], "record": record["name"], "x": x, "labels": [moved(labels, start)] * record["n_labelled"]}


def rhythm_record(path: str, up: int, down: int, fs: float) -> dict[str, Any]:
    """Return signal, beats and rhythm of a record."""
    notes = wfdb.rdann(path, "atr")
    marked = list(zip(notes.sample / fs, notes.symbol, (a.strip("\0") for a in notes.aux_note), strict=True))
    return {
        "name": Path(path).name,
        "x": resample_poly(wfdb.rdrecord(path).p_signal, up, down, axis=0).astype(np.float32),
        "beats": [t for t, c, _ in marked if c in BEATS],
        "flutter": [t for t, c, _ in marked if c in "[]!"],
        "rhythm": [(t, a) for t, _, a in marked if a.startswith("(")],
        "p": None,
    }


def mitdb(folder: Path) -> list[dict[str, Any]]:
    """P peaks of the MIT-BIH P-wave annotations, of the first lead; two records of AF, where none is."""
    out = []
    for name in P_RECORDS + AF_RECORDS:
        path = str(folder / name)
        p = list(wfdb.rdann(path, "pwave").sample / 360.0) if name in P_RECORDS else None
        record = rhythm_record(path, 25, 36, 360.0) | {"p": p, "db": "mitdb", "n_labelled": 1}
        out += [piece | {"labels": [piece["labels"][0], []]} for k in range(179) if (piece := rhythm_piece(record, 10.0 * k))]
    return out


def cpsc(folder: Path) -> list[dict[str, Any]]:
    """Atrial fibrillation in leads I and II: no P wave. Every third piece, at most 40 a record."""
    out = []
    for file in sorted(folder.glob("*.hea")):
        record = rhythm_record(str(file.with_suffix("")), 5, 4, 200.0) | {"db": "cpsc", "n_labelled": 2}
        found = [piece for k in range(0, len(record["x"]) // 2500 - 1, 3) if (piece := rhythm_piece(record, 10.0 * k))]
        out += found[:40]
    return out


def noises(folder: Path) -> list[Any]:
    """Noise of the noise stress test database: wander, electrodes, muscle; two leads each, mean 0, in millivolt."""
    found = [resample_poly(wfdb.rdrecord(str(folder / name)).p_signal, 25, 36, axis=0) for name in ("bw", "em", "ma")]
    return [lead.astype(np.float32) - np.float32(lead.mean()) for x in found for lead in x.T]


def pieces(folder: Path) -> list[dict[str, Any]]:
    """Return all pieces; `half` tells the odd from the even records of each database, in their order."""
    out = ludb(folder / "ludb" / "data") + qtdb(folder / "qtdb") + mitdb(folder / "mitdb") + cpsc(folder / "cpsc2021")
    order: dict[str, list[str]] = {}
    for piece in out:
        names = order.setdefault(piece["db"], [])
        if piece["record"] not in names:
            names.append(piece["record"])
        piece["half"] = names.index(piece["record"]) % 2
    return out
