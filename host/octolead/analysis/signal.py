# SPDX-License-Identifier: Apache-2.0
"""What is analysed: a recording or another maker's record, as microvolt, piece by piece, with its gaps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from .. import importers
from ..encode import session_id_of
from ..foreign import file_of, is_foreign, name_of
from ..leads import lead_name
from ..reader import MISSING_RAW
from ..recording import Recording
from ..recording import open as open_recording

Microvolt = npt.NDArray[np.float32]
"""Shape (frames, leads); NaN where a value is missing."""

_LONG_S = 120.0


@dataclass(frozen=True)
class Piece:
    """Frames of a signal from `start` on.

    Attributes:
        frames: shape (frames, leads): microvolts as float32, NaN where a value is missing; or, with `scale_uv`, integers,
            microvolt = integer * scale_uv, `MISSING_RAW` where a frame is missing.
        lead_off: one byte a frame, bit k set where an electrode of lead k is off; None: all are on.
        is_whole: no frame is missing.
    """

    start: int
    frames: npt.NDArray[np.float32] | npt.NDArray[np.int32]
    lead_off: npt.NDArray[np.uint8] | None = None
    scale_uv: float | None = None
    is_whole: bool = False

    def missing(self) -> npt.NDArray[np.bool_]:
        """Frames of which no lead is there."""
        if self.is_whole:
            return np.zeros(len(self.frames), np.bool_)
        if self.scale_uv is not None:
            return np.asarray(self.frames[:, 0] == MISSING_RAW)
        return np.asarray(np.isnan(self.frames).all(axis=1))


@dataclass(frozen=True)
class Mark:
    """A mark at a frame."""

    frame: int
    text: str


class Signal:
    """A source of frames: what the analysis needs to know of one, whatever it is.

    Attributes:
        name: of the record or session.
        leads: stored leads, at most eight.
        fs_hz: samples per second.
        n_frames: length, gaps included.
        gaps: (first frame, frame after the last) of what is missing in all leads.
        start_utc: of frame 0, if known.
        marks: the patient's and others'.
        rail_uv: amplitude at which the front end saturates; 0 if unknown.
        recording: whose signal it is, if it is a recorder's own; else None.
    """

    name: str
    leads: tuple[str, ...]
    fs_hz: float
    n_frames: int
    gaps: list[tuple[int, int]]
    start_utc: datetime | None = None
    marks: tuple[Mark, ...] = ()
    rail_uv: float = 0.0
    recording: Recording | None = None

    def read(self, start: int, stop: int, leads: Sequence[str] | None = None) -> Microvolt:
        """Return frames `start` to `stop` of some leads, by default all."""
        raise NotImplementedError

    def lead_off(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """One byte a frame, bit k set where an electrode of lead k is off."""
        return np.zeros(stop - start, np.uint8)

    def piece(self, start: int, stop: int) -> Piece:
        """Return frames `start` to `stop` in the form that costs least."""
        return Piece(start, self.read(start, stop), self.lead_off(start, stop))

    def close(self) -> None:
        """Give the source back."""

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of what lies between the gaps."""
        at = 0
        for first, after in [*self.gaps, (self.n_frames, self.n_frames)]:
            if first > at:
                yield at, first
            at = max(at, after)

    def cuts(self, first: int, after: int, step: int) -> list[int]:
        """Return where to cut frames `first` to `after` into pieces of about `step`, both ends among them."""
        return [*range(first, after, step), after]

    def channels(self) -> tuple[int, int]:
        """Return the columns of the two leads P waves show best in: II and V1 where they are."""
        names = {name.upper(): k for k, name in enumerate(self.leads)}
        first = next((names[n] for n in ("II", "MLII", "ML2", "I") if n in names), 0)
        second = next((names[n] for n in ("V1", "V2", "V5", "V3") if n in names and names[n] != first), min(1, len(self.leads) - 1))
        return first, second

    def __enter__(self) -> Signal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


# Which electrodes each stored lead hangs on (docs/SPEC.md `lead`); V leads need all of RA, LA and LL for their reference.
_ELECTRODES = {"I": ("RA", "LA"), "II": ("RA", "LL")} | {f"V{k}": ("RA", "LA", "LL", f"V{k}") for k in range(1, 7)}


class RecordingSignal(Signal):
    """One session of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = self.recording = recording
        stored = [name for name in recording.leads if name not in ("III", "aVR", "aVL", "aVF")]
        self.name = recording.notes.get("record") or recording.session_id
        self.leads = tuple(stored[:8])
        self.fs_hz = recording.fs_hz
        self.n_frames = recording.n_frames
        self.start_utc = recording.start_utc
        self.marks = tuple(Mark(mark.frame, mark.text) for mark in recording.marks)
        if recording.gain:
            self.rail_uv = 2.4e6 / recording.gain
        self._scale_uv = recording.common_step_uv
        self._off, self._gaps, self._n_unreadable = recording.lead_off, self.gaps, recording.n_unreadable

    @property
    def gaps(self) -> list[tuple[int, int]]:  # type: ignore[override]  # damaged blocks join them when they are read
        """(first frame, frame after the last) of what is missing."""
        return [(gap.start_frame, gap.stop_frame) for gap in self._recording.gaps]

    def read(self, start: int, stop: int, leads: Sequence[str] | None = None) -> Microvolt:
        """Return frames `start` to `stop` of some leads, by default all."""
        chosen, scale_uv = self.leads if leads is None else tuple(leads), self._recording.common_step_uv
        if scale_uv is None or stop - start < _LONG_S * self.fs_hz or not set(chosen) <= set(self.leads):
            return self._recording.signal_uv(start, stop, chosen)
        stored = self._recording.stored_leads
        raw = self._recording.signal_raw(start, stop)[:, [stored.index(name) for name in chosen]]  # many blocks at once: less work each
        self._recording.release_pages()
        out = raw.astype(np.float32) * np.float32(scale_uv)
        out[raw == MISSING_RAW] = np.nan
        return out

    def piece(self, start: int, stop: int) -> Piece:
        """Return frames `start` to `stop` as the recording's integers, where one step holds for all of them."""
        scale_uv = self._scale_uv
        if scale_uv is None:
            return super().piece(start, stop)
        frames = self._recording.signal_raw(start, stop, self.leads)
        self._recording.release_pages()
        off = self.lead_off(start, stop) if any(s.start_frame < stop and s.stop_frame > start for s in self._off) else None
        return Piece(start, frames, off, scale_uv, is_whole=self._is_whole(start, stop))

    def cuts(self, first: int, after: int, step: int) -> list[int]:
        """As any signal, but between blocks: one that was cut would be decoded twice."""
        starts = self._recording.block_starts
        place = np.searchsorted(starts, np.arange(first + step, after, step))
        inner = np.unique(starts[place[place < len(starts)]])
        return [first, *inner[(inner > first) & (inner < after)].tolist(), after]

    def _is_whole(self, start: int, stop: int) -> bool:
        """Whether no gap was there at first, and none was found since."""
        return self._recording.n_unreadable == self._n_unreadable and not any(a < stop and b > start for a, b in self._gaps)

    def lead_off(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """One byte a frame, bit k set where an electrode of lead k is off."""
        mask = np.zeros(stop - start, np.uint8)
        for span in self._off:
            first, after = max(span.start_frame, start), min(span.stop_frame, stop)
            if first < after:
                bits = sum(1 << k for k, lead in enumerate(self.leads) if span.name in _ELECTRODES.get(lead, ()))
                mask[first - start : after - start] |= np.uint8(bits)
        return mask

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()


class ImportedRecord(Signal):
    """A WFDB record or a DICOM waveform."""

    def __init__(self, path: Path, leads: Sequence[str] | None = None) -> None:
        imported = importers.load(path, leads)
        self.name = name_of(path)
        self.leads = tuple(lead_name(lead) for lead in imported.lead_ids)
        self.fs_hz = float(imported.rate_hz)
        self.n_frames = imported.n_frames
        self._raw, self._missing = imported.raw, imported.missing()
        self._zero = np.array(imported.zero, np.float64)
        self._step_uv = np.array([float(step / 1000) for step in imported.step_nv])
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self._missing.all(axis=1), [False])).astype(np.int8)))
        self.gaps = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]

    def converted(self) -> Path | None:
        """Where the viewer keeps it, if it was looked at (`octolead.foreign`)."""
        path = file_of(session_id_of(self._raw))
        return path if path.exists() else None

    def read(self, start: int, stop: int, leads: Sequence[str] | None = None) -> Microvolt:
        """Return frames `start` to `stop` of some leads, by default all."""
        values = ((self._raw[start:stop] - self._zero) * self._step_uv).astype(np.float32)
        values[self._missing[start:stop]] = np.nan
        return np.asarray(values if leads is None else values[:, [self.leads.index(name) for name in leads]])

    def lead_off(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """A lead without a value counts as off."""
        bits = np.packbits(self._missing[start:stop], axis=1, bitorder="little")
        return np.ascontiguousarray(bits[:, 0])


def open_signal(
    source: str | os.PathLike[str],
    *,
    session: str | int | None = None,
    leads: Sequence[str] | None = None,
    key: bytes | None = None,
) -> Signal:
    """Open anything `octolead.open` reads, any WFDB record, or a DICOM waveform.

    Raises:
        SourceError, ImportRefused: as these.
    """
    path = Path(source)
    return ImportedRecord(path, leads) if is_foreign(path) else RecordingSignal(open_recording(path, session=session, key=key))
