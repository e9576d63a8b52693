# SPDX-License-Identifier: Apache-2.0
"""The desk's look at a card: everything that has to be there is, nothing false is read, every gap has a cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from octolead.errors import SourceError
from octolead.index import build_index
from octolead.reader import MISSING_RAW
from octolead.recording import Recording
from octolead.sources import open_source

from .ledger import Sealed
from .scenario import Played

FAULT_CAUSES = {"unknown"}


@dataclass
class Seen:
    """What the desk saw: frames of each session in hex (up to the last that is there), and what was wrong."""

    n_frames: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    false_samples: int = 0


def look(path: Path, truths: dict[str, Played], expected: list[Sealed]) -> Seen:
    """Read all of a card and hold it against the truth."""
    seen = Seen()
    by_session: dict[str, list[Sealed]] = {}
    for block in expected:
        by_session.setdefault(block.session, []).append(block)
    try:
        source = open_source(path)
    except SourceError as error:
        _lose(seen, expected, f"the card is not read: {error}")
        return seen
    try:
        index = build_index(source, check_bodies=True)
        for number, session in enumerate(index.sessions):
            truth = truths.get(session.session_id)
            if truth is None:
                seen.wrong.append(f"session {session.session_id} was never recorded")
                continue
            with_blocks = by_session.pop(session.session_id, [])
            _session(seen, Recording(index, number, checked=True), truth, with_blocks)
        for blocks in by_session.values():
            _lose(seen, blocks, "the session is not there")
    finally:
        source.close()
    return seen


def _lose(seen: Seen, blocks: list[Sealed], why: str) -> None:
    seen.lost += len(blocks)
    seen.wrong += [f"sealed block {b.number} of {b.session} (ring_seq {b.ring_seq}) is lost: {why}" for b in blocks]


def _session(seen: Seen, recording: Recording, truth: Played, expected: list[Sealed]) -> None:
    n = recording.n_frames
    seen.n_frames[recording.session_id] = n
    raw = recording.signal_raw(0, n, recording.stored_leads)
    there = (raw != MISSING_RAW).all(axis=1)
    known = min(n, len(truth.truth))
    false = int((raw[:known] != truth.truth[:known])[there[:known]].any(axis=1).sum()) + int(there[known:].sum())
    if false:
        seen.false_samples += false
        seen.wrong.append(f"{false} false frames in {recording.session_id}")
    _lose(seen, [b for b in expected if not there[b.first_frame : b.first_frame + b.n_frames].all() or n < b.first_frame + b.n_frames], "")
    for gap in recording.gaps:
        if gap.cause in FAULT_CAUSES:
            seen.wrong.append(f"{recording.session_id}: a gap without a cause: {gap.message}")
    _marks(seen, recording, truth, expected)


def _marks(seen: Seen, recording: Recording, truth: Played, expected: list[Sealed]) -> None:
    found = {mark.frame for mark in recording.marks}
    if not found <= set(truth.marks):
        seen.wrong.append(f"{recording.session_id}: false marks {sorted(found - set(truth.marks))}")
    wanted = {m for m in truth.marks for b in expected if b.first_frame <= m < b.first_frame + b.n_frames}
    if not wanted <= found:
        seen.wrong.append(f"{recording.session_id}: marks lost {sorted(wanted - found)}")


def image_with(path: Path, changed: dict[int, bytes]) -> dict[int, bytes]:
    """Write sectors into an image; return what stood there."""
    before = {}
    with path.open("r+b") as file:
        for sector, data in changed.items():
            file.seek(sector * 512)
            before[sector] = file.read(512)
            file.seek(sector * 512)
            file.write(data)
    return before
