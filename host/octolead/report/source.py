# SPDX-License-Identifier: Apache-2.0
"""What a report is made of: the signal, what is known of the recording, its marks, and the analysis with the reader's corrections."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
import numpy.typing as npt

from .. import beside, edits
from ..analysis import Analysis, analyze_signal, store
from ..analysis.pipeline import Progress
from ..analysis.signal import ImportedRecord, RecordingSignal, Signal, open_signal
from ..leads import DERIVED, TWELVE_LEADS
from ..native import filters
from ..paper.ecg import Strip, baseline_uv
from ..paper.surface import runs
from ..recording import Recording
from ..recording import open as open_recording

BASELINE_HZ: Final = 0.5
_AROUND_S: Final = 4.0
"""Read beside a strip, so that the filter has settled at its ends."""
_SHORTEST_S: Final = 1.0


@dataclass(frozen=True)
class Mark:
    """A mark: where, whose (``patient``, ``remote``, ``observer``, "" if not known), and what was said."""

    frame: int
    origin: str
    text: str


@dataclass(frozen=True)
class Times:
    """How frames are told as times: `start` of frame 0 with its zone, or None where it was never known."""

    fs_hz: float
    start: datetime | None

    def elapsed(self, frame: float) -> str:
        """Hours, minutes and seconds from the first frame."""
        seconds = int(frame / self.fs_hz)
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    def at(self, frame: float) -> datetime | None:
        """Time of day."""
        return self.start + timedelta(seconds=frame / self.fs_hz) if self.start else None

    def clock(self, frame: float) -> str:
        """Time of day where it is known, else time from the start."""
        moment = self.at(frame)
        return moment.strftime("%H:%M:%S") if moment else f"+{self.elapsed(frame)}"

    def day_clock(self, frame: float) -> str:
        """The same with the day of the recording, for those of more than a day."""
        moment = self.at(frame)
        if moment is None or self.start is None:
            return f"+{self.elapsed(frame)}"
        return f"{moment:%a %H:%M:%S}"

    @property
    def zone(self) -> str:
        """Name of the zone."""
        return (self.start.tzname() or "") if self.start else ""


class Source:
    """An opened recording with its analysis.

    Attributes:
        signal, analysis: as they are.
        recording: of the recorder's own format, or None.
        leads: stored and derived, in the customary order.
        marks: in order of time.
        times: how frames are told.
        corrections: a sentence about what a reader changed, "" for nothing.
    """

    def __init__(self, signal: Signal, analysis: Analysis, zone: tzinfo = UTC, corrections: str = "") -> None:
        self.signal, self.analysis, self.corrections = signal, analysis, corrections
        self.recording: Recording | None = signal.recording
        self.fs_hz, self.n_frames = signal.fs_hz, signal.n_frames
        self.times = Times(signal.fs_hz, signal.start_utc.astimezone(zone) if signal.start_utc else None)
        derived = [n for n in DERIVED if n not in signal.leads] if {"I", "II"} <= set(signal.leads) else []
        known = [*signal.leads, *derived]
        self.leads = tuple([n for n in TWELVE_LEADS if n in known] + [n for n in known if n not in TWELVE_LEADS])
        if self.recording is not None:
            self.marks = tuple(Mark(m.frame, m.origin, m.text) for m in self.recording.marks)
        else:
            self.marks = tuple(Mark(m.frame, "", m.text) for m in signal.marks)

    @property
    def duration_s(self) -> float:
        """Seconds, gaps included."""
        return self.n_frames / self.fs_hz

    def rhythm_leads(self, n: int) -> tuple[str, ...]:
        """Return the `n` leads that tell most of rhythm and shape, of those there are."""
        order = [*("II", "MLII", "V1", "V5", "I", "V2", "aVF"), *self.leads]
        return tuple(dict.fromkeys(lead for lead in order if lead in self.leads))[:n]

    def strip(self, start: int, stop: int, leads: tuple[str, ...] | None = None, *, baseline: bool = True) -> Strip:
        """Return frames `start` to `stop`, in microvolt; what lies outside the recording is missing.

        Args:
            start: first frame, may be negative.
            stop: frame after the last.
            leads: names; default all.
            baseline: take off what lies below 0.5 Hz, with zero phase; else only each lead's median.
        """
        names = self.leads if leads is None else leads
        stored = _stored(names, self.signal.leads)
        around = round(_AROUND_S * self.fs_hz) if baseline else 0
        first, after = max(0, start - around), min(self.n_frames, stop + around)
        values = self.signal.read(first, after, stored) if after > first else np.zeros((0, len(stored)), np.float32)
        values = _steady(values, self.fs_hz) if baseline else values - baseline_uv(values)
        out = np.full((stop - start, len(stored)), np.nan, np.float32)
        a, b = max(start, first), min(stop, after)
        if b > a:
            out[a - start : b - start] = values[a - first : b - first]
        mixed = np.stack([_lead(out, stored, n) for n in names], axis=1) if names else np.zeros((len(out), 0), np.float32)
        return Strip(start, self.fs_hz, names, mixed, self._off(names, start, stop))

    def _off(self, names: tuple[str, ...], start: int, stop: int) -> tuple[tuple[str, int, int], ...]:
        if stop <= 0 or start >= self.n_frames or self.recording is None:
            return ()
        first = max(0, start)
        bits = self.signal.lead_off(first, min(stop, self.n_frames))
        return tuple(
            (name, first + a, first + b)
            for k, name in enumerate(self.signal.leads)
            if name in names
            for a, b in runs((bits >> k & 1).astype(np.bool_))
        )


def _stored(names: tuple[str, ...], stored: tuple[str, ...]) -> list[str]:
    """Stored leads that these are made of."""
    wanted = [n for n in names if n in stored]
    if any(n not in stored for n in names):
        wanted += [n for n in ("I", "II") if n not in wanted]
    return wanted


def _lead(values: npt.NDArray[np.float32], stored: list[str], name: str) -> npt.NDArray[np.float32]:
    if name in stored:
        return values[:, stored.index(name)]
    rule = DERIVED[name]
    return np.asarray(rule.of_i * values[:, stored.index("I")] + rule.of_ii * values[:, stored.index("II")], np.float32)


def _steady(values: npt.NDArray[np.float32], fs_hz: float) -> npt.NDArray[np.float32]:
    """Take the baseline off each stretch without a hole; short ones lose their median."""
    out = np.full_like(values, np.nan)
    for k in range(values.shape[1]):
        for first, after in runs(~np.isnan(values[:, k])):
            part = np.ascontiguousarray(values[first:after, k])
            level = np.float32(np.median(part))
            is_short = after - first < _SHORTEST_S * fs_hz
            out[first:after, k] = part - level if is_short else filters.remove_baseline(part - level, fs_hz, BASELINE_HZ)
    return out


def with_corrections(analysis: Analysis, signal: Signal) -> tuple[Analysis, str]:
    """Return the analysis as a reader corrected it, and a sentence about that.

    Corrections are made in the viewer and kept beside the recording; this is where they come in.

    Raises:
        EditError: their log cannot be read.
    """
    log = edits.log_of(signal.recording) if signal.recording else None
    active = log.active() if log else []
    if not active:
        return analysis, ""
    who, last = ", ".join(sorted({edit["who"] for edit in active})), max(edit["at"] for edit in active)
    n = f"{len(active)} correction{'s' if len(active) > 1 else ''} of beats or episodes"
    return edits.apply_edits(analysis, active), f"In this report: {n} by {who}, the last one at {last}."


def open_report_source(
    source: str | os.PathLike[str],
    *,
    session: str | int | None = None,
    key: bytes | None = None,
    zone: tzinfo = UTC,
    progress: Progress | None = None,
) -> Source:
    """Open, with `key` if it is enciphered, and analyse, unless the viewer did. The caller closes `signal`.

    Raises:
        SourceError, ImportRefused: as `open_signal`.
        ValueError: a rate outside 100 to 2000 samples/s.
    """
    signal = _as_edited(open_signal(source, session=session, key=key))
    try:
        analysis, corrections = with_corrections(_kept(signal) or analyze_signal(signal, progress), signal)
        return Source(signal, analysis, zone, corrections)
    except BaseException:
        signal.close()
        raise


def _as_edited(signal: Signal) -> Signal:
    """Another maker's record whose beats were put right in the viewer is read as it was shown there: the same beats are found."""
    converted = signal.converted() if isinstance(signal, ImportedRecord) else None
    if converted is None:
        return signal
    recording = open_recording(converted)
    if edits.log_of(recording) is None:
        recording.close()
        return signal
    signal.close()
    return RecordingSignal(recording)


def _kept(signal: Signal) -> Analysis | None:
    """The analysis that the viewer kept beside the recording, if it was made of these blocks by this version."""
    folder = beside.find(signal.recording, store.FOLDER) if signal.recording else None
    return store.load(folder, store.key_of(signal.recording)) if folder and signal.recording else None
