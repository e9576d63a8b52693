# SPDX-License-Identifier: Apache-2.0
"""What the viewer is told of an analysis beside its beats: trends over the recording, episodes, hours, templates, numbers."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..analysis import Analysis
from ..native.beats import TEMPLATE_R, TEMPLATE_STEP_MS

N_BINS: Final = 1200
MOST_EPISODES: Final = 20_000
MOST_TEMPLATES: Final = 40
_ST_LEADS: Final = ("V5", "V4", "II")


def facts_of(analysis: Analysis) -> dict[str, Any]:
    """All of it, for JSON: no NaN in it."""
    episodes = analysis.episodes
    shown = episodes[:MOST_EPISODES]
    summary = analysis.summary()
    facts = {
        "summary": {name: value for name, value in summary.items() if name != "marks"},
        "episodes": [[e.kind, e.start_frame, e.stop_frame, e.facts] for e in shown],
        "n_episodes": len(episodes),
        "hours": analysis.hours(),
        "templates": templates(analysis),
        "trends": trends(analysis),
    }
    return clean(facts)  # type: ignore[no-any-return]


def clean(value: Any) -> Any:
    """The same without what JSON has no word for: NaN and infinities are None."""
    if isinstance(value, dict):
        return {str(k): clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def templates(analysis: Analysis) -> dict[str, Any]:
    """The shapes that most beats have: how many of which class, and the mean waveform in whole microvolts."""
    beats = analysis.found.beats
    counts = Counter(beats.labels["cluster"].tolist())
    rows = []
    for number, n in counts.most_common(MOST_TEMPLATES):
        if number >= len(beats.templates):
            continue
        here = beats.labels["cluster"] == number
        waves = {lead: np.rint(beats.templates[number][:, k]).astype(int).tolist() for k, lead in enumerate(analysis.leads)}
        first = int(beats.labels["frame"][np.argmax(here)])
        rows.append({"cluster": number, "n": n, "classes": Counter(analysis.symbol[here].tolist()), "uv": waves, "first_frame": first})
    return {"step_ms": TEMPLATE_STEP_MS, "qrs_at": TEMPLATE_R, "rows": rows}


def trends(analysis: Analysis) -> dict[str, Any]:
    """Columns of `N_BINS` and fewer bins over the recording: rate, ectopy a minute, ST at 60 ms, quality."""
    n_bins = int(max(1, min(N_BINS, analysis.n_frames / analysis.fs_hz // 5)))
    edges = np.linspace(0, analysis.n_frames, n_bins + 1)
    place = np.clip(np.searchsorted(edges, analysis.frame, side="right") - 1, 0, n_bins - 1)
    rate = 60.0 / np.where(analysis.rr_s > 0, analysis.rr_s, np.nan)
    minutes = analysis.n_frames / analysis.fs_hz / 60 / n_bins
    lead = next((name for name in _ST_LEADS if name in analysis.leads), analysis.leads[0])
    st = analysis.found.waves["st_j60_uv"][:, analysis.leads.index(lead)]
    seconds = analysis.found.seconds
    second_at = np.clip(np.searchsorted(edges, seconds["first_frame"], side="right") - 1, 0, n_bins - 1)
    score = seconds["score"][:, : len(analysis.leads)].mean(axis=1) if len(seconds) else np.zeros(0)
    low, middle, high = _spread(place, rate, n_bins)
    return {
        "n_bins": n_bins, "rate": middle, "rate_low": low, "rate_high": high,
        "v_per_min": (np.bincount(place[analysis.symbol == "V"], minlength=n_bins) / minutes).round(2).tolist(),
        "s_per_min": (np.bincount(place[analysis.symbol == "S"], minlength=n_bins) / minutes).round(2).tolist(),
        "st_lead": lead, "st_uv": _spread(place, st, n_bins)[1], "quality": _spread(second_at, score, n_bins)[1],
    }  # fmt: skip


def _spread(place: npt.NDArray[np.int64], values: npt.NDArray[Any], n_bins: int) -> tuple[list[float], list[float], list[float]]:
    """5th percentile, median and 95th of the values in each bin; NaN where there are none."""
    known = np.isfinite(values)
    place, values = place[known], np.asarray(values, np.float64)[known]
    order = np.lexsort((values, place))
    place, values = place[order], values[order]
    counts = np.bincount(place, minlength=n_bins)
    first = np.cumsum(counts) - counts
    out = []
    for share in (0.05, 0.5, 0.95):
        at = np.minimum(first + (share * np.maximum(counts - 1, 0)).astype(int), max(len(values) - 1, 0))
        out.append(np.where(counts > 0, values[at] if len(values) else np.nan, np.nan).round(2).tolist())
    return out[0], out[1], out[2]
