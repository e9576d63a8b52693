# SPDX-License-Identifier: Apache-2.0
"""Ten-second pieces of LUDB, QTDB and MIT-BIH at 250 Hz, with a window and a target for each boundary that is known.

A label is (boundary, from, to, at): seconds of the piece, `at` -1 where the boundary is known to be absent. What is not
known has no label: before the first and after the last annotation of a lead, T waves of MIT-BIH, P boundaries but for
the peak there. Boundaries: P on, peak, off, QRS on, off, T on, peak, off.
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

Label = tuple[int, float, float, float]


class Wave(NamedTuple):
    """A wave: its symbol and sample numbers, -1 where not annotated."""

    symbol: str
    on: int
    peak: int
    off: int


def waves_of(annotation: Any) -> list[Wave]:
    """Return the waves of a WFDB annotation: a peak with the brackets beside it."""
    symbols = ["", *annotation.symbol, ""]
    samples = [-1, *(int(s) for s in annotation.sample), -1]
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


def marks(boundaries: Iterable[int], wave: Wave, span: tuple[float, float], fs: float) -> list[Label]:
    """Return labels of those boundaries of a wave that are annotated."""
    return [(b, *span, t / fs) for b, t in zip(boundaries, wave[1:], strict=True) if t >= 0]


def absent(boundaries: Iterable[int], span: tuple[float, float]) -> list[Label]:
    """Return labels of boundaries that are known not to be in a window."""
    return [(b, *span, -1.0) for b in boundaries]


def beat_labels(waves: list[Wave], r: float, neighbours: tuple[float, float], known: tuple[float, float], fs: float) -> list[Label]:
    """Return labels of one beat; absence counts only within the stretch `known`."""
    out: list[Label] = []
    qrs = [w for w in waves if w.symbol == "N" and abs(w.peak / fs - r) < 0.12]
    span = window("p", r, *neighbours)
    found = [w for w in waves if w.symbol == "p" and span[0] <= w.peak / fs <= min(span[1], r)]
    if found:
        out += marks(P, found[-1], span, fs)
    elif qrs and span[0] >= known[0]:
        out += absent(P, span)
    if qrs:
        out += [(b, *window(k, r, *neighbours), t / fs) for b, k, t in ((3, "qrs_on", qrs[0].on), (4, "qrs_off", qrs[0].off)) if t >= 0]
        span = window("t", r, *neighbours)
        found = [w for w in waves if w.symbol == "t" and span[0] <= w.peak / fs <= span[1]]
        if found:
            out += marks(T, found[0], span, fs)
        elif span[1] <= known[1]:
            out += absent(T, span)
    return out


def between_labels(waves: list[Wave], beats: list[float], known: tuple[float, float], fs: float) -> list[Label]:
    """Return labels of P waves that no QRS follows, and of stretches between beats without P."""
    out: list[Label] = []
    peaks = [w for w in waves if w.symbol == "p"]
    for w in peaks:
        ahead = [r - w.peak / fs for r in beats if r > w.peak / fs]
        if not ahead or min(ahead) > 0.52:
            out += marks(P, w, (w.peak / fs - 0.25, w.peak / fs + 0.25), fs)
    for r, after in itertools.pairwise(beats):
        a, b = r + 0.25, after - 0.3
        if b - a <= 0.3 or a < known[0] or b > known[1]:
            continue
        inside = [w.peak / fs for w in peaks if a - 0.1 <= w.peak / fs <= b + 0.1]
        b = min(inside) - 0.12 if inside else b
        while b - a > 0.25:
            out += absent(P, (a, min(b, a + 0.5)))
            a = min(b, a + 0.5)
    return out


def labels_of(waves: list[Wave], beats: list[float], known: tuple[float, float], fs: float) -> list[Label]:
    """Return the labels of a lead."""
    around = [beats[0] - NEVER, *beats, beats[-1] + 3.0] if beats else []
    out: list[Label] = []
    for i, r in enumerate(beats):
        out += beat_labels(waves, r, (around[i], around[i + 2]), known, fs)
    return out + between_labels(waves, beats, known, fs)


def moved(labels: list[Label], start: float) -> list[Label]:
    """Return labels with times from `start`."""
    return [(b, lo - start, hi - start, at - start if at >= 0 else -1.0) for b, lo, hi, at in labels]


def common_beats(leads: list[list[Wave]], fs: float) -> list[float]:
    """Return the median over leads of annotated QRS peaks, for beats annotated in four leads at least."""
    peaks = sorted(w.peak for lead in leads for w in lead if w.symbol == "N")
    cuts = [i for i in range(1, len(peaks)) if peaks[i] - peaks[i - 1] > 0.15 * fs]
    groups = np.split(np.array(peaks), cuts)
    return [int(np.median(g)) / fs for g in groups if len(g) >= 4]


def ludb(folder: Path) -> list[dict[str, Any]]:
    """Return the records of LUDB, all twelve leads."""
    out = []
    for name in sorted(int(p.stem) for p in folder.glob("*.hea")):
        path, fs = str(folder / str(name)), 500.0
        leads = [waves_of(wfdb.rdann(path, lead)) for lead in LEADS]
        beats = common_beats(leads, fs)
        labels = []
        for waves in leads:
            ends = [t / fs for w in waves for t in w[1:] if t >= 0]
            labels.append(labels_of(waves, beats, (min(ends), max(ends)), fs) if ends else [])
        x = resample_poly(wfdb.rdrecord(path).p_signal.astype(np.float32), 1, 2, axis=0).astype(np.float32).T
        out.append({"db": "ludb", "record": str(name), "x": x, "labels": labels})
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
        waves = waves_of(wfdb.rdann(path, "q1c"))
        beats = annotated_beats(path)
        signal = wfdb.rdrecord(path).p_signal.astype(np.float32)
        has_p = any(w.symbol == "p" for w in waves)
        centres = [w.peak / fs for w in waves if w.symbol == "N"] or [w.peak / fs for w in waves if w.symbol == "t"]
        start = centres[0] - 2.0
        while start < centres[-1]:
            inside = [c for c in centres if start + 1.0 < c < start + 8.8]
            labels: list[Label] = []
            for before, r, after in zip([-NEVER, *beats], beats, [*beats[1:], NEVER * 1000], strict=False):
                if inside and min(abs(c - r) for c in inside) < 0.12:
                    found = beat_labels(waves, r, (before, after), (0.0 if not has_p else 1e9, -1.0), fs)
                    labels += [v for v in found if v[0] != 6]
            if inside:
                first = round(start * fs)
                x = signal[first : first + 2500].T.copy()
                out.append({"db": "qtdb", "record": file.stem, "x": x, "labels": [moved(labels, start)] * 2})
            start += 8.0
    return out


def mitdb_piece(record: dict[str, Any], start: float) -> dict[str, Any] | None:
    """Return ten seconds, or nothing where flutter waves or an unknown rhythm make P uncertain."""
    lo, hi = start, start + 10.0
    beats = [r for r in record["beats"] if lo - 3 < r < hi + 3]
    if len(beats) < 3 or any(lo - 1 < f < hi + 1 for f in record["flutter"]):
        return None
    if record["p"] is None:
        before = [kind for t, kind in record["rhythm"] if t <= lo]
        if not before or before[-1] != "(AFIB" or any(lo < t < hi for t, _ in record["rhythm"]):
            return None
    fs = 360.0
    waves = [Wave("p", -1, round(p * fs), -1) for p in record["p"] or () if lo - 1 < p < hi + 1]
    waves += [Wave("N", -1, round(r * fs), -1) for r in beats]
    heads = P if record["p"] is None else (1,)
    labels = [v for v in labels_of(waves, beats, (lo - 2, hi + 2), fs) if v[0] in heads and v[1] >= lo + 0.3 and v[2] <= hi - 0.3]
    x = record["x"][round(start * 250) : round(start * 250) + 2500].T.copy()
    return {"db": "mitdb", "record": record["name"], "x": x, "labels": [moved(labels, start), []]}


def mitdb(folder: Path) -> list[dict[str, Any]]:
    """P peaks of the MIT-BIH P-wave annotations; two records of AF, where none is."""
    out = []
    for name in P_RECORDS + AF_RECORDS:
        path = str(folder / name)
        notes = wfdb.rdann(path, "atr")
        marked = list(zip(notes.sample / 360.0, notes.symbol, (a.strip("\0") for a in notes.aux_note), strict=True))
        record = {
            "name": name,
            "x": resample_poly(wfdb.rdrecord(path).p_signal, 25, 36, axis=0).astype(np.float32),
            "beats": [t for t, c, _ in marked if c in BEATS],
            "flutter": [t for t, c, _ in marked if c in "[]!"],
            "rhythm": [(t, a) for t, _, a in marked if a.startswith("(")],
            "p": list(wfdb.rdann(path, "pwave").sample / 360.0) if name in P_RECORDS else None,
        }
        out += [piece for k in range(179) if (piece := mitdb_piece(record, 10.0 * k))]
    return out


def pieces(folder: Path) -> list[dict[str, Any]]:
    """Return all pieces; `half` tells the odd from the even records of each database, in their order."""
    out = ludb(folder / "ludb" / "data") + qtdb(folder / "qtdb") + mitdb(folder / "mitdb")
    order: dict[str, list[str]] = {}
    for piece in out:
        names = order.setdefault(piece["db"], [])
        if piece["record"] not in names:
            names.append(piece["record"])
        piece["half"] = names.index(piece["record"]) % 2
    return out
