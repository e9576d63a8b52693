# SPDX-License-Identifier: Apache-2.0
"""Beat templates and classes, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .._native import ffi, lib

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

_CHUNK_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Beats:
    """Labels (`LABEL_DTYPE`) in time order; templates in microvolt, shape (clusters, samples, leads); beats of each."""

    labels: npt.NDArray[Any]
    templates: npt.NDArray[np.float32]
    counts: npt.NDArray[np.uint32]


def reasons(bits: int) -> list[str]:
    """Return the reasons of a label in words."""
    return [word for bit, word in REASONS.items() if bits & bit]


class BeatClassifier:
    """Fed with frames and beat positions as they come; labels all beats at the end. Any chunking gives the same."""

    def __init__(self, fs_hz: float, n_leads: int, channels: Sequence[int] | None = None) -> None:
        """Take frames of 1 to 8 leads; `channels` are the two leads to look for P waves in (best: II and V1)."""
        pair = tuple(channels) if channels is not None else (0, min(1, n_leads - 1))
        self._state = ffi.new("ol_beats *")
        valid = len(pair) == 2 and all(0 <= c < n_leads <= lib.OL_BEAT_LANES for c in pair)
        if not valid or lib.ol_beats_init(self._state, fs_hz, n_leads, bytes(pair)) != lib.OL_OK:
            raise ValueError(f"{fs_hz} samples/s, {n_leads} leads, channels {pair}: 100 to 2000, 1 to 8 and two of these are possible")
        self.fs_hz = fs_hz
        self.n_leads = n_leads
        self.next_frame = 0
        self._records: list[npt.NDArray[Any]] = []

    def push(self, frames: npt.NDArray[np.float32], beat_frames: Sequence[int] | npt.NDArray[Any] = ()) -> None:
        """Take frames in microvolt (NaN: missing), and the beats among them or in the ten seconds before, ascending."""
        data = np.ascontiguousarray(frames, np.float32)
        if data.ndim != 2 or data.shape[1] != self.n_leads:
            raise ValueError(f"frames of shape {data.shape}, (frames, {self.n_leads}) is needed")
        beats = np.asarray(beat_frames, np.int64)
        step = max(1, int(_CHUNK_S * self.fs_hz))
        told = 0
        for start in range(0, len(data), step):
            end = min(start + step, len(data))
            until = len(beats) if end == len(data) else int(np.searchsorted(beats, self.next_frame + end - start))
            self._tell(beats[told:until])
            told = until
            self._take(data[start:end])
        self._tell(beats[told:])

    def gap(self, next_frame: int) -> None:
        """Say that frames are missing: the next push begins at `next_frame`."""
        self._flush()
        if lib.ol_beats_gap(self._state, next_frame) != lib.OL_OK:
            raise ValueError(f"a gap to frame {next_frame} cannot follow frame {self.next_frame}")
        self.next_frame = next_frame

    def records(self) -> npt.NDArray[Any]:
        """Return the records (`RECORD_DTYPE`) of all beats so far."""
        self._flush()
        return np.concatenate([np.empty(0, RECORD_DTYPE), *self._records])

    def labels(self) -> Beats:
        """Label all beats so far."""
        records = self.records()
        labels = np.empty(len(records), LABEL_DTYPE)
        work = ffi.new("ol_beat_context[]", max(len(records), 1))
        code = lib.ol_beats_label(self._state, _at(records, "ol_beat_record *"), len(records), work, _at(labels, "ol_beat_label *"))
        if code != lib.OL_OK:
            raise ValueError(f"ol_beats_label: {code}")
        return Beats(labels, *self._templates())

    def features(self) -> npt.NDArray[np.float32]:
        """Return the numbers each beat is judged by, for training."""
        records = self.records()
        out = np.empty((len(records), lib.OL_BEAT_FEATURES), np.float32)
        work = ffi.new("ol_beat_context[]", max(len(records), 1))
        lib.ol_beats_features(self._state, _at(records, "ol_beat_record *"), len(records), work, _at(out, "float *"))
        return out

    def _templates(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]:
        waves = np.zeros((lib.OL_BEAT_CLUSTERS, lib.OL_BEAT_GRID, lib.OL_BEAT_LANES), np.float32)
        counts = np.array([lib.ol_beats_template(self._state, i, _at(wave, "float *")) for i, wave in enumerate(waves)], np.uint32)
        n = int(np.max(np.flatnonzero(counts), initial=-1)) + 1
        return waves[:n, :, : self.n_leads], counts[:n]

    def _tell(self, beats: npt.NDArray[np.int64]) -> None:
        for frame in beats.tolist():
            if lib.ol_beats_tell(self._state, frame) != lib.OL_OK:
                raise ValueError(f"beat at frame {frame}: more than {lib.OL_BEAT_PENDING} beats wait for their frames")

    def _take(self, data: npt.NDArray[np.float32]) -> None:
        taken = ffi.new("size_t *")
        while len(data):
            out = np.zeros(lib.OL_BEAT_PENDING, RECORD_DTYPE)
            n = lib.ol_beats_push(self._state, _at(data, "float *"), len(data), taken, _at(out, "ol_beat_record *"), len(out))
            self._records.append(out[:n])
            self.next_frame += taken[0]
            data = data[taken[0] :]

    def _flush(self) -> None:
        out = np.zeros(lib.OL_BEAT_PENDING, RECORD_DTYPE)
        n = lib.ol_beats_flush(self._state, _at(out, "ol_beat_record *"), len(out))
        self._records.append(out[:n])


def classify(
    frames: npt.NDArray[np.float32], fs_hz: float, beat_frames: Sequence[int] | npt.NDArray[Any], channels: Sequence[int] | None = None
) -> Beats:
    """Label the beats at `beat_frames` of `frames`, shape (frames, leads), in microvolt."""
    classifier = BeatClassifier(fs_hz, frames.shape[1], channels)
    classifier.push(frames, beat_frames)
    return classifier.labels()


def _at(array: npt.NDArray[Any], ctype: str) -> Any:
    """Return the array's memory as a C pointer."""
    return ffi.cast(ctype, array.ctypes.data)
