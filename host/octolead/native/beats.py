# SPDX-License-Identifier: Apache-2.0
"""Beat templates and classes, for Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .core import ffi, lib

RECORD_DTYPE: Final = np.dtype(
    [
        ("frame", "<u8"), ("cluster", "<u2"), ("fiducial_ms", "<i2"), ("p_scale", "<u2", (2,)), ("q_scale", "<u2", (2,)),
        ("width_2ms", "u1"), ("area_2ms", "u1"), ("distance", "u1"), ("noise", "u1"), ("flags", "u1"),
        ("p", "i1", (2, lib.OL_BEAT_P_SAMPLES)), ("q", "i1", (2, lib.OL_BEAT_Q_SAMPLES)), ("spike", "u1"), ("reserved", "u1", (4,)),
    ]
)  # fmt: skip
"""What the first pass keeps of a beat: 128 bytes, see ol_beat.h."""

LABEL_DTYPE: Final = np.dtype(
    [("frame", "<u8"), ("beat_class", "u1"), ("cluster", "u1"), ("confidence", "u1"), ("width_2ms", "u1"), ("reasons", "<u4")]
)
"""Class (an index of `CLASSES`), index of the templates, confidence in percent, QRS width in units of 2 ms, bits of `REASONS`."""

CLASSES: Final = ("N", "S", "V", "F", "Q", "/")
"""MIT symbols of the AAMI classes, and of a paced beat."""

REASONS: Final = {
    lib.OL_BEAT_PREMATURE: "premature",
    lib.OL_BEAT_COMPENSATED: "compensatory pause",
    lib.OL_BEAT_WIDE: "wide",
    lib.OL_BEAT_DIFFERENT: "different morphology",
    lib.OL_BEAT_P_ABSENT: "P absent",
    lib.OL_BEAT_P_MOVED: "P moved",
    lib.OL_BEAT_AF_CONTEXT: "AF context",
    lib.OL_BEAT_PACED_SPIKE: "paced spike",
    lib.OL_BEAT_ABERRANT: "aberrant",
    lib.OL_BEAT_FUSION_LIKE: "fusion-like",
    lib.OL_BEAT_NOISY: "noisy",
    lib.OL_BEAT_IN_RUN: "in a fast run",
    lib.OL_BEAT_LATE: "late",
}

TEMPLATE_STEP_MS: Final = lib.OL_BEAT_GRID_MS
TEMPLATE_R: Final = lib.OL_BEAT_GRID_R
"""Index of the fiducial point in a template."""


@dataclass(frozen=True, slots=True)
class Beats:
    """Labels (`LABEL_DTYPE`) in time order; templates in microvolt, shape (clusters, samples, eight lanes); beats of each."""

    labels: npt.NDArray[Any]
    templates: npt.NDArray[np.float32]
    counts: npt.NDArray[np.uint32]


def reasons(bits: int) -> list[str]:
    """Return the reasons of a label in words."""
    return [word for bit, word in REASONS.items() if bits & bit]


def label(state: Any, fs_hz: float, records: npt.NDArray[Any]) -> Beats:
    """Label all beats of a recording of `fs_hz` frames a second: `state` is the `ol_beats *` that made `records`."""
    labels = np.empty(len(records), LABEL_DTYPE)
    work = ffi.new("ol_beat_context[]", max(len(records), 1))
    code = lib.ol_beats_label(state, fs_hz, _at(records, "ol_beat_record *"), len(records), work, _at(labels, "ol_beat_label *"))
    if code != lib.OL_OK:
        raise ValueError(f"ol_beats_label: {code} for {len(records)} beats at {fs_hz} frames a second")
    return Beats(labels, *_templates(state))


def features(state: Any, fs_hz: float, records: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the numbers each beat is judged by, (beats, OL_BEAT_FEATURES), for training."""
    out = np.empty((len(records), lib.OL_BEAT_FEATURES), np.float32)
    work = ffi.new("ol_beat_context[]", max(len(records), 1))
    lib.ol_beats_features(state, fs_hz, _at(records, "ol_beat_record *"), len(records), work, _at(out, "float *"))
    return out


def _templates(state: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]:
    waves = np.zeros((lib.OL_BEAT_CLUSTERS, lib.OL_BEAT_GRID, lib.OL_BEAT_LANES), np.float32)
    counts = np.array([lib.ol_beats_template(state, i, _at(wave, "float *")) for i, wave in enumerate(waves)], np.uint32)
    n = int(np.max(np.flatnonzero(counts), initial=-1)) + 1
    return waves[:n], counts[:n]


def _at(array: npt.NDArray[Any], ctype: str) -> Any:
    """Return the array's memory as a C pointer."""
    return ffi.cast(ctype, array.ctypes.data)
