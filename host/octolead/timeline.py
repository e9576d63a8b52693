# SPDX-License-Identifier: Apache-2.0
"""What happened in a session beside its samples: marks, spans of loose electrodes, time anchors, battery."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .events import Event
from .gaps import Gap
from .index import SessionBlocks

DRIFT_PPM = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_UTC_US = 253_402_300_799_000_000  # the end of year 9999


@dataclass(frozen=True)
class Mark:
    """A mark: frame, origin (``patient``, ``remote``, ``observer``), text, time of day if known."""

    frame: int
    origin: str
    text: str
    utc: datetime | None = None


@dataclass(frozen=True)
class Span:
    """Something that held from `start_frame` to `stop_frame` (excluded): an electrode off, a lead at its limit."""

    name: str
    start_frame: int
    stop_frame: int


@dataclass(frozen=True)
class Anchor:
    """A time observation: UTC of a frame in µs since 1970; half width in ms, None if not known."""

    frame: int
    utc_us: int
    uncertainty_ms: int | None


@dataclass(frozen=True)
class Moment:
    """A time of day and how far it may be off (ms; None if not known)."""

    utc: datetime
    uncertainty_ms: float | None


@dataclass
class Timeline:
    """All of it, for one session."""

    marks: list[Mark] = field(default_factory=list)
    lead_off: list[Span] = field(default_factory=list)
    saturation: list[Span] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    start_reason: str = ""
    stop_reason: str = ""
    n_unknown_events: int = 0


def anchors_of(blocks: Any, events: Iterable[Event] = ()) -> list[Anchor]:
    """Every different time observation in headers and events, by frame."""
    found = set()
    known = blocks[blocks["anchor_utc_us"] != c.ANCHOR_UNKNOWN]
    keys = np.stack(
        [
            known["anchor_frame"].astype(np.int64),
            known["anchor_utc_us"],
            known["anchor_uncertainty_ms"].astype(np.int64),
        ],
        axis=1,
    )
    for frame, utc_us, uncertainty in np.unique(keys, axis=0).tolist() if len(keys) else []:
        found.add((frame, utc_us, uncertainty))
    for event in events:
        if event.type == c.EVENT_ANCHOR:
            found.add((event.frame, *struct.unpack_from("<qI", event.data)))
    return [Anchor(f, u, None if w == c.UNCERTAINTY_UNKNOWN else w) for f, u, w in sorted(found) if 0 <= u <= _MAX_UTC_US]


def moment_of(frame: int, anchors: Sequence[Anchor], fs_hz: float) -> Moment | None:
    """Time of day of a frame by the anchor that tells it best: its own uncertainty, growing by `DRIFT_PPM` with the distance."""

    def width(anchor: Anchor) -> tuple[bool, float]:
        away_ms = abs(frame - anchor.frame) / fs_hz * 1000 * DRIFT_PPM * 1e-6
        return anchor.uncertainty_ms is None, (anchor.uncertainty_ms or 0) + away_ms

    best = min(anchors, key=width, default=None)
    if best is None:
        return None
    utc_us = best.utc_us + round((frame - best.frame) / fs_hz * 1e6)
    if not 0 <= utc_us <= _MAX_UTC_US:
        return None
    unknown, uncertainty = width(best)
    return Moment(_EPOCH + timedelta(microseconds=utc_us), None if unknown else uncertainty)


def build_timeline(
    session: SessionBlocks, events: Sequence[Event], gaps: Sequence[Gap], fs_hz: float, lead_names: Sequence[str]
) -> Timeline:
    """Gather a session's timeline from its headers and its (known) events."""
    line = Timeline(anchors=anchors_of(session.blocks, events))
    for event in events:
        _take(line, event, fs_hz)
    line.lead_off = _spans(
        session,
        events,
        gaps,
        "lead_off",
        c.EVENT_LEAD_OFF,
        [c.ELECTRODE_NAMES.get(bit, f"electrode {bit}") for bit in range(16)],
    )
    line.saturation = _spans(
        session,
        events,
        gaps,
        "saturated",
        c.EVENT_SATURATED,
        [lead_names[k] if k < len(lead_names) else f"lead {k}" for k in range(8)],
    )
    return line


def _take(line: Timeline, event: Event, fs_hz: float) -> None:
    data = event.data
    if event.type == c.EVENT_MARK:
        moment = moment_of(event.frame, line.anchors, fs_hz)
        origin = c.MARK_ORIGIN_NAMES.get(data[0], f"origin {data[0]}").lower()
        line.marks.append(Mark(event.frame, origin, data[1:].decode("utf-8", "replace"), moment.utc if moment else None))
    elif event.type == c.EVENT_NOTE:
        key, _, value = data.decode("utf-8", "replace").partition("=")
        line.notes.setdefault(key, value)
    elif event.type == c.EVENT_FAULT:
        name = c.FAULT_NAMES.get(data[0], f"fault {data[0]}").lower()
        line.faults[name] = max(line.faults.get(name, 0), int(struct.unpack_from("<I", data, 1)[0]))
    elif event.type == c.EVENT_START:
        line.start_reason = c.START_REASON_NAMES.get(data[0], f"reason {data[0]}").lower()
    elif event.type == c.EVENT_STOP:
        line.stop_reason = c.STOP_REASON_NAMES.get(data[0], f"reason {data[0]}").lower()


def _spans(
    session: SessionBlocks,
    events: Sequence[Event],
    gaps: Sequence[Gap],
    field_name: str,
    event_type: int,
    names: Sequence[str],
) -> list[Span]:
    """Spans in which a bit of a state was set. The state is not known inside a gap, so a gap ends a span."""
    form = "<H" if event_type == c.EVENT_LEAD_OFF else "<B"
    changes = [(e.frame, 2, int(struct.unpack_from(form, e.data)[0])) for e in events if e.type == event_type]
    masks = session.blocks[field_name]
    if not changes and not masks.any():
        return []
    changes += [(f, 1, m) for f, m in zip(session.starts.tolist(), masks.tolist(), strict=True)]
    changes += [(g.start_frame, 0, 0) for g in gaps]
    changes += [(g.stop_frame, 1, _header_state(session, g.stop_frame, field_name)) for g in gaps]
    return _bits(sorted(changes), int(session.stops.max()), names)


def _header_state(session: SessionBlocks, frame: int, field_name: str) -> int:
    i = int(np.searchsorted(session.starts, frame))
    return int(session.blocks[field_name][i]) if i < len(session.blocks) and session.starts[i] == frame else 0


def _bits(changes: Sequence[tuple[int, int, int]], end: int, names: Sequence[str]) -> list[Span]:
    spans: list[Span] = []
    began: dict[int, int] = {}
    before = 0
    for frame, _, mask in [*changes, (end, 3, 0)]:
        if mask == before:
            continue
        before = mask
        for bit, name in enumerate(names):
            is_set = bool(mask >> bit & 1)
            if is_set and bit not in began:
                began[bit] = frame
            elif not is_set and bit in began:
                start = began.pop(bit)
                if frame > start:
                    spans.append(Span(name, start, frame))
    return sorted(spans, key=lambda s: (s.start_frame, s.name))


def battery_series(blocks: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(frames, volt): where the battery was measured."""
    known = blocks["battery_mv"] != 0
    return blocks["first_frame"][known].astype(np.int64), blocks["battery_mv"][known] / 1000.0


def temperature_series(blocks: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(frames, °C): where the temperature was measured."""
    known = blocks["temperature_cdeg"] != c.TEMPERATURE_UNKNOWN
    return blocks["first_frame"][known].astype(np.int64), blocks["temperature_cdeg"][known] / 100.0
