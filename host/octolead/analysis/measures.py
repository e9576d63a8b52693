# SPDX-License-Identifier: Apache-2.0
"""What is measured on each beat's waves, as a table of columns, and what stands for many beats.

Intervals are of all leads together; QTc is corrected by the RR interval before the beat; ST is against the PR baseline of the lead.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .pipeline import Found

INTERVALS: Final = ("pr_ms", "qrs_ms", "qt_ms", "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms", "axis_deg")
ST: Final = ("st_j60_uv", "st_j80_uv", "st_slope_uv_per_s")
LEAST_BEATS: Final = 5
"""Fewer stand for nothing."""

Columns = dict[str, npt.NDArray[Any]]


def wave_columns(waves: npt.NDArray[Any], leads: tuple[str, ...]) -> Columns:
    """Return one column a measure; NaN where it cannot be told, or where there is no such wave."""
    columns: Columns = {}
    for wave in ("p", "qrs", "t"):
        for side in ("on", "peak", "off"):
            columns[f"{wave}_{side}_ms"] = waves["all_leads"][wave][f"{side}_ms"]
    columns["n_extra_p"] = waves["n_extra_p"]
    columns |= {name: waves[name] for name in INTERVALS}
    for name in ST:
        columns |= {f"{name}_{lead}": waves[name][:, k] for k, lead in enumerate(leads)}
    return columns


def measures(found: Found, chosen: npt.NDArray[np.bool_], leads: tuple[str, ...]) -> dict[str, Any]:
    """Return median, 5th and 95th percentile of each interval over the beats chosen, and the median ST of each lead.

    Args:
        found: of the core.
        chosen: one a beat; take the normal ones.
        leads: names of the columns.
    """
    waves = found.waves[chosen]
    return {
        "n_beats_measured": int(np.isfinite(waves["qrs_ms"]).sum()),
        "p_present_percent": _percent(np.isfinite(waves["all_leads"]["p"]["peak_ms"]), np.isfinite(waves["qrs_ms"])),
        **{name: _spread(waves[name]) for name in INTERVALS},
        **{name: {lead: _median(waves[name][:, k]) for k, lead in enumerate(leads)} for name in ST},
    }


def medians(found: Found, chosen: npt.NDArray[np.bool_], leads: tuple[str, ...]) -> dict[str, float | None]:
    """Return one number a measure: what a row of an hourly table holds."""
    waves = found.waves[chosen]
    st = {f"st_j60_uv_{lead}": _median(waves["st_j60_uv"][:, k]) for k, lead in enumerate(leads)}
    return {name: _median(waves[name]) for name in ("pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms")} | st


def _known(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.asarray(values[np.isfinite(values)], np.float64)


def _median(values: npt.NDArray[Any]) -> float | None:
    known = _known(values)
    return round(float(np.median(known)), 1) if len(known) >= LEAST_BEATS else None


def _spread(values: npt.NDArray[Any]) -> dict[str, float | None]:
    known = _known(values)
    if len(known) < LEAST_BEATS:
        return {"median": None, "p5": None, "p95": None}
    low, middle, high = np.percentile(known, (5, 50, 95))
    return {"median": round(float(middle), 1), "p5": round(float(low), 1), "p95": round(float(high), 1)}


def _percent(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float | None:
    return round(100.0 * float((part & whole).sum() / whole.sum()), 1) if whole.any() else None
