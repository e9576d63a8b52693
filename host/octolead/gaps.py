# SPDX-License-Identifier: Apache-2.0
"""What is missing in a session, where, and why."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _constants as c
from . import events
from .errors import BlockFault
from .findings import Findings
from .index import Damage, Index, SessionBlocks, place, was_overwritten

_TAIL_SLOTS = 3
_TORN = "; it is the last one, and the session has no clean end: most likely it was torn when power went"


@dataclass(frozen=True)
class Gap:
    """Frames `start_frame` to `stop_frame` (excluded) that are missing.

    Attributes:
        cause: a word: the recorder's own (``overflow``, ``slip``, ``front_end``, ``card``, ``pause``, ``unknown``), or the
            reader's: ``damaged`` (a block is there and broken), ``missing`` (nothing in its place), ``newer version``,
            ``overwritten`` (by a later lap of the ring).
        message: a sentence with the place.
        source, offset: where the damage lies, or the block after the gap.
    """

    start_frame: int
    stop_frame: int
    cause: str
    message: str
    source: str = ""
    offset: int | None = None

    @property
    def n_frames(self) -> int:
        """Frames missing."""
        return self.stop_frame - self.start_frame


def find_gaps(index: Index, session: SessionBlocks, bad: Mapping[int, str]) -> list[Gap]:
    """All gaps of a session, in order.

    Args:
        index: of the source.
        session: one of its sessions.
        bad: position in `session.blocks` of each block whose body cannot be read -> what is wrong with it.
    """
    blocks, starts, stops = session.blocks, session.starts, session.stops
    gaps = []
    previous = 0
    jumps = set((1 + (starts[1:] > stops[:-1]).nonzero()[0]).tolist()) | {0} | set(bad)
    for i in sorted(jumps):
        previous = int(stops[:i].max()) if i else 0
        if starts[i] > previous:
            gaps.append(_gap(index, session, i, previous, int(starts[i]), i in bad))
        if i in bad and stops[i] > starts[i]:
            torn = "" if session.stopped or i < len(blocks) - 1 else _TORN
            where = place(index, blocks[i])
            gaps.append(
                Gap(
                    int(starts[i]),
                    int(stops[i]),
                    _bad_cause(bad[i]),
                    f"block {int(blocks['block_number'][i])}: {bad[i]}{torn}",
                    where["source"],
                    where["offset"],
                )
            )
    return gaps


def _bad_cause(reason: str) -> str:
    return "newer version" if "newer" in reason else "damaged"


def _gap(index: Index, session: SessionBlocks, i: int, start: int, stop: int, is_bad: bool) -> Gap:
    """The gap before block `i`."""
    block = session.blocks[i]
    where = place(index, block)
    first = int(session.blocks["block_number"][i - 1]) + 1 if i else 0
    last = int(block["block_number"]) - 1
    recorded = [] if is_bad else [e for e in events.of_block(index, block) if e.type == c.EVENT_GAP and len(e.data) >= 9]
    said = sum(struct.unpack_from("<Q", e.data, 1)[0] for e in recorded)
    if recorded and (said == stop - start or last < first):
        cause = c.GAP_CAUSE_NAMES.get(recorded[-1].data[0], f"cause {recorded[-1].data[0]}").lower()
        differs = "" if said == stop - start else f"; the recorder counted {said}"
        return Gap(
            start,
            stop,
            cause,
            f"the recorder lost {stop - start} frames before block {last + 1}: {cause}{differs}",
            where["source"],
            where["offset"],
        )
    if last >= first and was_overwritten(index, session, i):
        return Gap(
            start,
            stop,
            "overwritten",
            f"{_blocks(first, last)} overwritten by a later recording",
            where["source"],
            where["offset"],
        )
    damage = _damage_between(index, session, i)
    if last >= first and damage:
        cause = "newer version" if any("newer" in d.message for d in damage) else "damaged"
        return Gap(
            start,
            stop,
            cause,
            f"{_blocks(first, last)}: {damage[0].message}",
            index.source.extents[damage[0].extent].name,
            damage[0].offset,
        )
    if last >= first:
        return Gap(
            start,
            stop,
            "missing",
            f"{_blocks(first, last)} missing: nothing in their place",
            where["source"],
            where["offset"],
        )
    if i and session.blocks["flags"][i - 1] & c.FLAG_CHECKPOINT:
        return Gap(
            start,
            stop,
            "missing",
            f"block {last} was not found sealed, and its checkpoint ends {stop - start} frames before block {last + 1}",
            where["source"],
            where["offset"],
        )
    return Gap(
        start,
        stop,
        "unknown",
        f"{stop - start} frames missing before block {last + 1}, no cause recorded",
        where["source"],
        where["offset"],
    )


def _blocks(first: int, last: int) -> str:
    return f"block {first}" if first == last else f"blocks {first} to {last}"


def _damage_between(index: Index, session: SessionBlocks, i: int) -> list[Damage]:
    """Damaged places between block `i - 1` and block `i`, in the order of the source."""
    after = (int(session.blocks["extent"][i]), int(session.blocks["offset"][i]))
    before = (int(session.blocks["extent"][i - 1]), int(session.blocks["offset"][i - 1])) if i else (-1, -1)
    if before < after:
        return [d for d in index.damage if before < (d.extent, d.offset) < after]
    return [d for d in index.damage if (d.extent, d.offset) > before or (d.extent, d.offset) < after]


def report_gaps(session: SessionBlocks, gaps: Iterable[Gap], rate_hz: float, findings: Findings) -> None:
    """A finding for each gap."""
    for gap in gaps:
        seconds = gap.n_frames / rate_hz
        text = f"{gap.n_frames} frames ({seconds:.3f} s) missing from frame {gap.start_frame}: {gap.message}"
        add = findings.info if gap.cause == "pause" else findings.warning if gap.cause == "overwritten" else findings.error
        add(
            "gap",
            text,
            source=gap.source,
            offset=gap.offset,
            frames=gap.n_frames,
            cause=gap.cause,
            session=session.session_id,
        )


def report_damage(index: Index, findings: Findings) -> None:
    """A finding for each damaged place.

    In a flat file damage is data lost. In a ring a slot that is no sound block is "nothing" (SPEC 2.6): it matters
    only where the next block of a session that has no clean end should be; frames missing between blocks show as gaps.
    """
    for damage in index.damage:
        extent = index.source.extents[damage.extent]
        text = damage.message
        if damage.length:
            text += f"; {damage.length} bytes passed over"
        serious = extent.kind == "flat" or damage.kind == BlockFault.MAJOR_VERSION or _ends_a_session(index, damage)
        add = findings.error if serious else findings.warning
        add(
            "newer-version" if damage.kind == BlockFault.MAJOR_VERSION else "block-header",
            text,
            source=extent.name,
            offset=damage.offset,
            frames=None if serious else 0,
        )


def _ends_a_session(index: Index, damage: Damage) -> bool:
    for session in index.sessions:
        last: Any = session.blocks[-1]
        step = index.source.extents[damage.extent].slot_bytes * _TAIL_SLOTS
        if not session.stopped and int(last["extent"]) == damage.extent and 0 < damage.offset - int(last["offset"]) <= step:
            return True
    return False


def report_ends(session: SessionBlocks, findings: Findings, source: str) -> None:
    """How the session ended."""
    if session.stopped:
        return
    imported = session.blocks["signal_source"][-1] == c.SIGNAL_SOURCE_IMPORTED
    if imported:
        findings.error(
            "no-end",
            "the last block of this converted record is missing: the file is cut",
            source=source,
            frames=None,
            session=session.session_id,
        )
    else:
        findings.warning(
            "no-end",
            "the session has no clean end: power was cut, it is still being recorded, or the file is cut at the end of a block",
            source=source,
            session=session.session_id,
        )
