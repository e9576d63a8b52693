# SPDX-License-Identifier: Apache-2.0
"""What the chain of a session's blocks tells to who has the key (docs/SPEC.md 3.3): which are altered, removed, foreign, reordered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from . import _constants as c
from . import native
from .findings import Findings
from .index import Index, SessionBlocks, place, was_overwritten
from .seal import NO_TAG, CardKeys, tag_of
from .tags import LOOK_BACK

_FREE_AFTER_A_CUT = 3


@dataclass
class ChainReport:
    """How many blocks carry the right tag, a wrong one, and how many cannot be told for the one before is not there."""

    n_right: int = 0
    n_wrong: int = 0
    n_unknown: int = 0


def check_chain(index: Index, session: SessionBlocks, keys: CardKeys, findings: Findings) -> ChainReport:
    """Check every tag of a session."""
    walk = _Walk(index, session, keys, findings)
    if not (session.blocks["flags"] & c.FLAG_CHAINED).any():
        text = "the session is not chained: made before its recorder had a key, or by someone else; nothing of it was checked"
        walk.tell("chain-none", text, session.blocks[0])
        return walk.report
    if index.book is None or not index.book.fits(bytes.fromhex(session.session_id)):
        walk.report.n_wrong = len(session.blocks)
        text = f"none of the {len(session.blocks)} block(s) of its session was sealed with this key: another recorder's, or a wrong key"
        walk.tell("chain-foreign", text, session.blocks[0])
        return walk.report
    for i in range(len(session.blocks)):
        walk.step(i)
    if index.source.kind == "olr":
        _order(index, session, findings)
    _summary(session, walk.report, findings)
    return walk.report


class _Walk:
    """Goes through a session block by block; `tags` are those of the sealed blocks so far, the newest last."""

    def __init__(self, index: Index, session: SessionBlocks, keys: CardKeys, findings: Findings) -> None:
        self.index, self.session, self.keys, self.findings = index, session, keys, findings
        self.report = ChainReport()
        self._tags: deque[bytes] = deque([NO_TAG], LOOK_BACK)
        self._number = -1  # of the sealed block before
        self._wrong_before = False

    def tell(self, kind: str, message: str, block: Any) -> None:
        """An error, and the block where it shows."""
        self.findings.error(kind, message, frames=0, **place(self.index, block))

    def step(self, i: int) -> None:
        """Check block `i`."""
        block = self.session.blocks[i]
        data, number = self.index.stored(block), int(block["block_number"])
        if not block["flags"] & c.FLAG_CHAINED:
            self.report.n_wrong += 1
            self.tell("chain-foreign", f"block {number} has no tag, others of its session have: it is not the recorder's", block)
            self._wrong_before = True
        elif self.keys.fits(self._tags[-1], data):
            self.report.n_right += 1
            self._wrong_before = False
        elif any(self.keys.fits(tag, data) for tag in list(self._tags)[:-1]):
            self._skipped(block, number)
        else:
            self._unfitting(i, block, number)
        if not block["flags"] & c.FLAG_CHECKPOINT:
            self._tags.append(tag_of(data))
            self._number = number

    def _skipped(self, block: Any, number: int) -> None:
        self.report.n_right += 1
        self._wrong_before = False
        text = f"block {number} follows a block before block {self._number}: the recorder had taken what lies between for lost"
        self.findings.warning("chain-skips", text, **place(self.index, block))

    def _unfitting(self, i: int, block: Any, number: int) -> None:
        """The tag fits nothing that is there: is it the block's fault?"""
        if native.check_body(*self.index.data_of(block)):
            self._wrong_before = True
            self.report.n_unknown += 1
            text = f"block {number} is damaged, so its tag cannot be right: rot, a write that was torn, or somebody's work"
            self.findings.warning("chain-damaged", text, **place(self.index, block))
            return
        if number == self._number + 1 and not self._wrong_before:
            self.report.n_wrong += 1
            self._wrong_before = True
            self.tell("chain-altered", f"block {number} was altered, or is not the recorder's: its tag is not right", block)
            return
        self.report.n_unknown += 1
        if number == self._number + 1:
            text = f"block {number} cannot be told: its tag follows block {number - 1}, which is not the recorder's as it is"
            self.findings.warning("chain-unknown", text, **place(self.index, block))
            return
        gone = _numbers(self._number + 1, number - 1)
        if was_overwritten(self.index, self.session, i):
            text = f"the chain begins at block {number}: {gone} overwritten by later ones, so block {number} itself cannot be told"
            self.findings.info("chain-begins", text, **place(self.index, block))
        else:
            text = f"{gone} removed or lost: block {number} follows what is not there, and cannot be told itself"
            self.tell("chain-removed", text, block)
        self._wrong_before = False


def _numbers(first: int, last: int) -> str:
    return f"block {first} is" if first == last else f"blocks {first} to {last} are"


def _order(index: Index, session: SessionBlocks, findings: Findings) -> None:
    """In a stream blocks stand in order of their numbers."""
    blocks = session.blocks
    offsets = blocks["offset"].astype("i8")
    for i in (offsets[1:] < offsets[:-1]).nonzero()[0] + 1:
        text = f"block {int(blocks['block_number'][i])} stands before block {int(blocks['block_number'][i - 1])} in the file: reordered"
        findings.error("chain-order", text, frames=0, **place(index, blocks[i]))


def _summary(session: SessionBlocks, report: ChainReport, findings: Findings) -> None:
    last = int(session.blocks["block_number"][-1])
    text = f"{report.n_right} of {len(session.blocks)} blocks carry the right tag"
    if not session.stopped:
        text += f"; the session has no clean end: whether blocks after {last} were removed, the chain cannot tell"
    findings.info("chain", text, session=session.session_id)


def check_seams(index: Index, findings: Findings) -> None:
    """Between the sessions of a ring: ring_seq goes on by one after a clean end, by four at most after a power cut."""
    if index.source.kind == "olr":
        return
    for before, after in zip(index.sessions, index.sessions[1:], strict=False):
        first = after.blocks[0]
        if first["block_number"] or before.device_id != after.device_id:
            continue
        free = int(first["ring_seq"]) - int(before.blocks["ring_seq"][-1]) - 1
        if free > (0 if before.stopped else _FREE_AFTER_A_CUT):
            text = (
                f"{free} slots of the ring were given out between session {before.session_id} and this one and hold none of its blocks: "
                "bad slots passed over, or blocks or sessions that were removed"
            )
            findings.warning("chain-seam", text, **place(index, first))
