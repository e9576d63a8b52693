# SPDX-License-Identifier: Apache-2.0
"""What is known of the waves of a beat, as numpy sees it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

MARK_DTYPE: Final = np.dtype([("on_ms", "<f4"), ("peak_ms", "<f4"), ("off_ms", "<f4"), ("confidence", "<f4")])
"""A wave: milliseconds from the beat, NaN where it is not there or cannot be told, and the probability that it is there."""

SET_DTYPE: Final = np.dtype([("p", MARK_DTYPE), ("qrs", MARK_DTYPE), ("t", MARK_DTYPE)])

WAVE_DTYPE: Final = np.dtype(
    [
        ("frame", "<u8"), ("good_leads", "<u4"), ("all_leads", SET_DTYPE), ("lead", SET_DTYPE, (8,)),
        ("n_extra_p", "<u4"), ("extra_p_ms", "<f4", (4,)), ("rr_ms", "<f4"), ("pr_ms", "<f4"), ("qrs_ms", "<f4"), ("qt_ms", "<f4"),
        ("qtc_bazett_ms", "<f4"), ("qtc_fridericia_ms", "<f4"), ("qtc_framingham_ms", "<f4"), ("qtc_hodges_ms", "<f4"),
        ("axis_deg", "<f4"), ("baseline_uv", "<f4", (8,)), ("st_j60_uv", "<f4", (8,)), ("st_j80_uv", "<f4", (8,)),
        ("st_slope_uv_per_s", "<f4", (8,)),
    ],
    align=True,
)  # fmt: skip
"""A beat with its waves: of all leads together, of each lead, P waves that no QRS followed, intervals, axis and ST."""

Beats = npt.NDArray[Any]
"""An array of `WAVE_DTYPE`."""

_OVERALL: Final = tuple(name for name in WAVE_DTYPE.names or () if name not in ("lead", "extra_p_ms", "baseline_uv", "rr_ms"))

OVERALL_DTYPE: Final = np.dtype([(name, WAVE_DTYPE[name]) for name in _OVERALL])
"""What an analysis keeps of a beat: the waves of all leads together, intervals, axis and ST: 192 bytes."""


def overall(waves: Beats) -> Beats:
    """Return `OVERALL_DTYPE` of an array of `WAVE_DTYPE`."""
    out = np.empty(len(waves), OVERALL_DTYPE)
    for name in _OVERALL:
        out[name] = waves[name]
    return out
