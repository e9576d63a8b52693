# SPDX-License-Identifier: Apache-2.0
"""QRS detection and signal quality, for Python."""

from __future__ import annotations

from typing import Final

import numpy as np

from .core import lib

BEAT_DTYPE: Final = np.dtype([("frame", "<i8"), ("at_frame", "<f8"), ("score", "<f4"), ("size_uv", "<f4")])
"""Frame of the main deflection, the same not rounded, log odds of being a beat (its rhythm left aside), height in the QRS band."""

SPAN_DTYPE: Final = np.dtype([("first_frame", "<i8"), ("end_frame", "<i8"), ("kind", "<i4"), ("reserved", "<i4")])
"""Frames first_frame to end_frame - 1, and a key of `SPAN_KINDS`."""

SECOND_DTYPE: Final = np.dtype(
    [("first_frame", "<i8"), ("n_frames", "<i4"), ("mains_hz", "<f4"), ("score", "<f4", (8,)), ("flags", "u1", (8,))]
)
"""One second of quality: per lead a score of 0 (unusable) to 1 (clean) and flags of `QUALITY_FLAGS`; mains 50, 60 or 0 Hz."""

SPAN_KINDS: Final = {
    lib.OL_SPAN_VF: "vf",
    lib.OL_SPAN_ASYSTOLE: "asystole",
    lib.OL_SPAN_UNUSABLE: "unusable",
    lib.OL_SPAN_GAP: "gap",
}

QUALITY_FLAGS: Final = {
    lib.OL_QUALITY_LEAD_OFF: "lead off",
    lib.OL_QUALITY_SATURATED: "saturated",
    lib.OL_QUALITY_FLAT: "flat",
    lib.OL_QUALITY_NOISE: "noise",
    lib.OL_QUALITY_MAINS: "mains",
    lib.OL_QUALITY_UNUSABLE: "unusable",
}
