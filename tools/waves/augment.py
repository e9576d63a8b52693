# SPDX-License-Identifier: Apache-2.0
"""Records as they might have been: longer PR, faster heart, a P wave that no QRS follows, noise, another electrode."""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import Wave, known_of, labels_of

ROW_HZ = 250.0


def bounds(piece: dict[str, Any], symbol: str, r: float, lo: float, hi: float) -> tuple[float, float] | None:
    """Return first onset and last end over the leads of a beat's wave, or None where no lead has it."""
    near = [w for waves in piece["waves"] for w in waves if w.symbol == symbol and lo < w.peak - r < hi and w.on >= 0 and w.off >= 0]
    return (min(w.on for w in near), max(w.off for w in near)) if near else None


def stretches(piece: dict[str, Any], pr_s: float, rest: float) -> tuple[list[float], list[float]]:
    """Return times before and after: PR longer by `pr_s`, what lies between T and the next P times `rest`."""
    old, new = [0.0], [0.0]

    def go(to: float, length: float) -> None:
        if to > old[-1] + 0.004:
            new.append(new[-1] + max(length, 0.004))
            old.append(to)

    for r in piece["beats"]:
        p, qrs, t = (bounds(piece, c, r, *lim) for c, lim in (("p", (-0.35, -0.03)), ("N", (-0.12, 0.12)), ("t", (0.08, 0.6))))
        first = p[0] if p else qrs[0] - 0.04 if qrs else r - 0.1
        go(first, (first - old[-1]) * rest if len(old) > 1 and first > old[-1] else first - old[-1])
        if p and qrs and qrs[0] > p[1] + 0.012:
            go(p[1], p[1] - old[-1])
            go(qrs[0], qrs[0] - old[-1] + pr_s)
        end = t[1] if t else r + 0.4
        go(end, end - old[-1])
    go(piece["x"].shape[1] / ROW_HZ, piece["x"].shape[1] / ROW_HZ - old[-1])
    return old, new


def moved_wave(wave: Wave, old: list[float], new: list[float]) -> Wave:
    """Return a wave at its new times."""
    return Wave(wave.symbol, *(float(np.interp(t, old, new)) if t >= 0 else -1.0 for t in wave[1:]))


def relabelled(piece: dict[str, Any], x: Any, waves: list[list[Wave]], beats: list[float]) -> dict[str, Any]:
    """Return a piece of this signal, with the labels that follow from its waves."""
    labels = [labels_of(w, beats, known_of(w)) if w else [] for w in waves]
    return piece | {"x": x, "waves": waves, "beats": beats, "labels": labels}


def warped(piece: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return the piece with another PR interval and another pause between T and P; held at its end if it becomes shorter."""
    pr_s = rng.uniform(0, 0.16) if rng.random() < 0.6 else 0.0
    old, new = stretches(piece, pr_s, rng.uniform(0.05, 1.1))
    at = np.interp(np.arange(piece["x"].shape[1]) / ROW_HZ, new, old) * ROW_HZ
    x = np.stack([np.interp(at, np.arange(len(lead)), lead) for lead in piece["x"]]).astype(np.float32)
    beats = [float(np.interp(r, old, new)) for r in piece["beats"]]
    return relabelled(piece, x, [[moved_wave(w, old, new) for w in lead] for lead in piece["waves"]], beats)


def without_beat(piece: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return the piece with one QRS and T taken out, its P left: one that is not conducted."""
    r = piece["beats"][int(rng.integers(len(piece["beats"])))]
    qrs, t = bounds(piece, "N", r, -0.12, 0.12), bounds(piece, "t", r, 0.08, 0.6)
    if not qrs or not t or qrs[0] < 0.5 or t[1] > 9.5:
        return piece
    first, end = int((qrs[0] - 0.01) * ROW_HZ), int((t[1] + 0.03) * ROW_HZ)
    x = piece["x"].copy()
    rough = np.std(np.diff(x[:, : first - 1], axis=1), axis=1, keepdims=True) * 0.2
    ramp = np.linspace(0, 1, end - first)[None]
    before, after = x[:, first - 3 : first].mean(1, keepdims=True), x[:, end : end + 3].mean(1, keepdims=True)
    x[:, first:end] = before + (after - before) * ramp + rng.normal(0, 1, (len(x), end - first)) * rough
    waves = [[w for w in lead if not (w.symbol != "p" and first <= w.peak * ROW_HZ <= end)] for lead in piece["waves"]]
    return relabelled(piece, x, waves, [b for b in piece["beats"] if b != r])


def changed(piece: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return the piece, or what it might have been; only where all waves are annotated."""
    if "waves" not in piece or len(piece["beats"]) < 3:
        return piece
    if rng.random() < 0.4:
        piece = warped(piece, rng)
    return without_beat(piece, rng) if rng.random() < 0.15 else piece


def disturbed(x: Any, gain: float, noise_mv: float, noises: list[Any], rng: np.random.Generator) -> Any:
    """Return a lead, in millivolt, as another electrode, wire and room might have given it."""
    t = np.arange(len(x)) / ROW_HZ
    x = x * gain * np.exp(rng.normal(0, 0.15)) * (-1 if rng.random() < 0.1 else 1)
    if noise_mv:
        x = x + rng.normal(0, noise_mv, len(x))
    if rng.random() < 0.2:
        x = x + rng.uniform(0.005, 0.03) * np.sin(2 * np.pi * rng.choice([50, 60]) * t + rng.uniform(0, 6))
    if rng.random() < 0.3:
        x = x + rng.uniform(0.05, 0.4) * np.sin(2 * np.pi * rng.uniform(0.1, 0.6) * t + rng.uniform(0, 6))
    if rng.random() < 0.12:
        noise = noises[int(rng.integers(len(noises)))]
        first = int(rng.integers(len(noise) - len(x)))
        x = x + noise[first : first + len(x)] * 10 ** rng.uniform(-1.5, -0.3)
    return x.astype(np.float32)
