# SPDX-License-Identifier: Apache-2.0
"""Verify a source: every CRC, every counter, what is missing and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _constants as c
from . import native
from .chain import ChainReport, check_chain, check_seams
from .errors import BlockError
from .events import has_events, read_events
from .findings import Finding, Findings, Severity
from .gaps import find_gaps, report_damage, report_ends, report_gaps
from .index import Index, SessionBlocks, build_index, place
from .seal import CardKeys
from .sources import open_source


@dataclass(frozen=True)
class SessionReport:
    """What a session holds; frames and blocks as counts, ids in hex."""

    session_id: str
    device_id: str
    n_frames: int
    n_missing: int
    n_blocks: int
    n_damaged: int
    fs_hz: float
    frames_lost: int
    stopped: bool
    chained: bool
    enciphered: bool = False
    chain: ChainReport | None = None

    @property
    def missing_s(self) -> float:
        """Seconds missing."""
        return self.n_missing / self.fs_hz


@dataclass
class Report:
    """The outcome.

    Attributes:
        source, kind: what was verified.
        sessions: one report each, oldest first.
        findings: everything noticed, worst first.
        n_bytes: bytes of all blocks looked at.
        n_stale, n_foreign, n_superseded: blocks left out: of an older ring, of another device, checkpoints no longer needed.
    """

    source: str
    kind: str
    sessions: list[SessionReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    n_bytes: int = 0
    n_stale: int = 0
    n_foreign: int = 0
    n_superseded: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing or damaged."""
        return all(f.severity < Severity.ERROR for f in self.findings)

    @property
    def exit_code(self) -> int:
        """0 sound, 1 something is missing or damaged."""
        return 0 if self.is_sound else 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source,
            "kind": self.kind,
            "sound": self.is_sound,
            "bytes": self.n_bytes,
            "stale_blocks": self.n_stale,
            "foreign_blocks": self.n_foreign,
            "checkpoints_superseded": self.n_superseded,
            "sessions": [{**vars(s), "chain": vars(s.chain) if s.chain else None, "missing_s": s.missing_s} for s in self.sessions],
            "findings": [f.as_dict() for f in self.findings],
        }


def verify(
    source: str | os.PathLike[str],
    *,
    decode: bool = True,
    progress: Callable[[int, int], None] | None = None,
    key: bytes | None = None,
) -> Report:
    """Verify all sessions of a source.

    Args:
        source: whatever `octolead.open` takes.
        decode: also decode every payload (a body whose CRC is right may still be of a kind that cannot be read).
        progress: called with (blocks done, blocks).
        key: the recorder's, 32 bytes: the chain is checked, and enciphered bodies are looked into.

    Raises:
        SourceError: the source cannot be read at all.
    """
    keys = None if key is None else CardKeys(key)
    opened = open_source(source)
    try:
        index = build_index(opened, check_bodies=True, keys=keys)
        findings = Findings(index.findings)
        report = Report(
            str(source),
            opened.kind,
            n_stale=index.n_stale,
            n_foreign=index.n_foreign,
            n_superseded=index.n_checkpoints_superseded,
        )
        total, done = sum(len(s.blocks) for s in index.sessions), 0
        for session in index.sessions:

            def step(n: int, base: int = done) -> None:
                if progress:
                    progress(base + n, total)

            report.sessions.append(_session(index, session, findings, decode, step))
            done += len(session.blocks)
            report.n_bytes += int(session.blocks["block_bytes"].sum())
        report_damage(index, findings)
        if keys is not None:
            check_seams(index, findings)
        if not index.sessions:
            findings.error("nothing", f"no readable block in this {opened.kind}", source=opened.path.name, frames=None)
        report.findings = sorted(findings, key=lambda f: -f.severity)
        return report
    finally:
        opened.close()


def _session(index: Index, session: SessionBlocks, findings: Findings, decode: bool, step: Callable[[int], None]) -> SessionReport:
    bad: dict[int, str] = {}
    chained, enciphered = (_all_or_some(session, flag) for flag in (c.FLAG_CHAINED, c.FLAG_ENCRYPTED))
    chain = _chain(index, session, bool(chained), findings)
    locked = enciphered == "all" and (chain is None or not chain.n_right)
    if locked:
        words = "enciphered: its CRCs were checked, what is in it was not, for that needs the recorder's key"
        findings.warning("encrypted", words, session=session.session_id)
    for i, block in enumerate(session.blocks):
        reason = index.body_error(block) if locked else _block(index, block, findings, decode)
        if reason:
            bad[i] = reason
        step(i + 1)
    blocks = session.blocks
    fs_hz = int(blocks["rate_mhz"][0]) / 1000
    gaps = find_gaps(index, session, bad)
    report_gaps(session, gaps, fs_hz, findings)
    report_ends(session, findings, index.source.path.name)
    _counters(index, session, findings)
    return SessionReport(
        session.session_id,
        session.device_id,
        int(session.stops.max()),
        sum(g.n_frames for g in gaps),
        len(blocks),
        len(bad),
        fs_hz,
        int(blocks["frames_lost"].max()),
        session.stopped,
        bool(chained),
        bool(enciphered),
        chain,
    )


def _all_or_some(session: SessionBlocks, flag: int) -> str:
    """How many blocks of a session have a flag: "all", "some" or ""."""
    n = int(((session.blocks["flags"] & flag) != 0).sum())
    return "" if not n else "all" if n == len(session.blocks) else "some"


def _chain(index: Index, session: SessionBlocks, chained: bool, findings: Findings) -> ChainReport | None:
    if index.keys is not None:
        return check_chain(index, session, index.keys, findings)
    if chained:
        findings.info(
            "chain",
            "blocks are chained; the chain was not checked, for that needs the recorder's key",
            session=session.session_id,
        )
    return None


def _block(index: Index, block: Any, findings: Findings, decode: bool) -> str:
    """Check one block with a sound header; what is wrong with its body, or ""."""
    data, offset = index.data_of(block)
    if block["body_error"] or decode:
        reason = index.body_error(block)
        if not reason and decode:
            try:
                native.decode_block(data, offset)
            except BlockError as error:
                reason = str(error)
        if reason:
            return reason
    if has_events(block):
        _events(index, block, findings)
    return ""


def _events(index: Index, block: Any, findings: Findings) -> None:
    data, offset = index.data_of(block)
    found, wrong = read_events(data, offset, int(block["first_frame"]))
    where = place(index, block)
    if wrong:
        findings.error("event", f"{wrong}; the rest of its events is lost, its samples are kept", frames=0, **where)
    for event in found:
        if not event.is_known and event.type < 128:
            findings.info(
                "unknown-event",
                f"event type {event.type} ({len(event.data)} bytes) is not known to this program; skipped",
                **where,
            )
        limit = int(block["n_frames"])
        if event.frame_offset > limit or (event.frame_offset == limit and limit and event.type != c.EVENT_STOP):
            findings.warning(
                "event-place",
                f"event type {event.type} lies at frame {event.frame_offset} of a block of {limit}",
                **where,
            )


def _counters(index: Index, session: SessionBlocks, findings: Findings) -> None:
    blocks = session.blocks
    lost = blocks["frames_lost"].astype(np.int64)
    for i in np.flatnonzero(lost[1:] < lost[:-1]) + 1:
        findings.warning("frames-lost", f"frames_lost goes back from {lost[i - 1]} to {lost[i]}", **place(index, blocks[i]))
    seq = blocks["ring_seq"].astype(np.int64)
    for i in np.flatnonzero(seq[1:] <= seq[:-1]) + 1:
        findings.warning("ring-seq", f"ring_seq goes from {seq[i - 1]} to {seq[i]}; it only ever grows", **place(index, blocks[i]))
    if blocks["calibration_id"].any():
        findings.info(
            "calibration",
            f"recorded under calibration {int(blocks['calibration_id'].max()):08x}; octolead info says whether its record is beside it",
            session=session.session_id,
        )
