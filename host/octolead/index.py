# SPDX-License-Identifier: Apache-2.0
"""From blocks to sessions: which blocks belong together, which stand in for which, and what is missing between them.

Only headers are looked at, but for blocks there are two images of (docs/SPEC.md 2.4), whose bodies decide.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import native
from .errors import BlockFault
from .findings import Finding, Findings, Severity
from .seal import CardKeys
from .segment import Extent
from .sources import Source
from .tags import TagBook

Blocks = npt.NDArray[Any]
"""Structured array: the header fields of each block, `offset`, `extent`, `skip` (frames an earlier block has)."""

_MAX_FRAME = 2**62
_PLAIN_BLOCKS = 64
_BODY_FAULTS = (
    BlockFault.FLAGS,
    BlockFault.ENCRYPTED,
    BlockFault.CODEC,
    BlockFault.BODY_CRC,
    BlockFault.PAYLOAD,
    BlockFault.EVENT,
)


@dataclass(frozen=True)
class Damage:
    """Bytes of extent `extent` that should be a block and are not."""

    extent: int
    offset: int
    length: int
    kind: str
    message: str


@dataclass
class SessionBlocks:
    """The blocks of one session, in order, each frame once.

    Attributes:
        device_id, session_id: hex.
        blocks: what is kept.
        findings: what was noticed in this session.
        newest_seq: the highest ring_seq of the ring it lies in; -1 in an `.olr`, where nothing is overwritten.
    """

    device_id: str
    session_id: str
    blocks: Blocks
    findings: Findings = field(default_factory=Findings)
    newest_seq: int = -1

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """First kept frame of each block."""
        return np.asarray(self.blocks["first_frame"].astype(np.int64) + self.blocks["skip"])

    @property
    def stops(self) -> npt.NDArray[np.int64]:
        """Frame after the last of each block."""
        return np.asarray(self.blocks["first_frame"].astype(np.int64) + self.blocks["n_frames"])

    @property
    def stopped(self) -> bool:
        """Whether the session was stopped in order."""
        return bool(len(self.blocks)) and bool(self.blocks["flags"][-1] & c.FLAG_LAST)


@dataclass
class Index:
    """All of a source: its sessions, oldest first, and what else was met."""

    source: Source
    sessions: list[SessionBlocks]
    findings: Findings
    damage: list[Damage]
    n_stale: int = 0
    n_foreign: int = 0
    n_checkpoints_superseded: int = 0
    main_device: str = ""
    keys: CardKeys | None = None
    book: TagBook | None = None
    _plain: OrderedDict[tuple[int, int], npt.NDArray[np.uint8]] = field(default_factory=OrderedDict)

    def stored(self, block: Any) -> bytes:
        """The bytes of a block as they stand in the source."""
        data, offset = self.source.extents[int(block["extent"])].buffer, int(block["offset"])
        return data[offset : offset + int(block["block_bytes"])].tobytes()

    def is_locked(self, block: Any) -> bool:
        """Whether the body is enciphered and there is no key that fits."""
        if not block["flags"] & c.FLAG_ENCRYPTED:
            return False
        return self.book is None or not self.book.fits(block["session_id"].tobytes())

    def body_error(self, block: Any) -> str:
        """What is wrong with a block's body, in words; "" if it is sound and can be read.

        An enciphered one without a key is judged by its CRC alone; with a key a block's tag counts too.
        """
        if not self.is_locked(block):
            return native.check_body(*self.data_of(block)) or (self.book.error(block) if self.book else "")
        computed = native.crc32(self.stored(block)[int(block["header_bytes"]) :])
        stored = int(block["body_crc32"])
        return "" if computed == stored else f"block at byte {int(block['offset'])}: body CRC {stored:#010x}, computed {computed:#010x}"

    def data_of(self, block: Any) -> tuple[npt.NDArray[np.uint8], int]:
        """Where the block stands, to be read: (bytes, offset); deciphered where there is a key.

        Raises:
            ValueError: the source is closed.
        """
        if not self.source.extents:
            raise ValueError("the recording is closed")
        at = (int(block["extent"]), int(block["offset"]))
        if not block["flags"] & c.FLAG_ENCRYPTED or self.keys is None or self.is_locked(block):
            return self.source.extents[at[0]].buffer, at[1]
        if at not in self._plain:
            self._plain[at] = np.frombuffer(self.keys.plain(self.stored(block)), np.uint8)
            if len(self._plain) > _PLAIN_BLOCKS:
                self._plain.popitem(last=False)
        return self._plain[at], 0


def build_index(
    source: Source, *, check_bodies: bool = False, progress: Callable[[int, int], None] | None = None, keys: CardKeys | None = None
) -> Index:
    """Find the blocks of a source and sort them into sessions.

    Args:
        source: opened by `sources.open_source`.
        check_bodies: also compute the CRC of every body; the result is in the field `body_error` of the blocks.
        progress: called with (extents done, extents).
        keys: of the recorder, for enciphered bodies.
    """
    index = Index(source, [], Findings(source.findings), [], keys=keys)
    found = [_scan(index, number, extent, check_bodies, progress) for number, extent in enumerate(source.extents)]
    blocks = np.concatenate(found) if found else np.zeros(0)
    if not len(blocks):
        return index
    blocks = _drop_senseless(index, blocks)
    blocks = _drop_foreign(index, blocks)
    blocks = _drop_stale(index, blocks)
    if keys is not None:
        index.book = TagBook(keys, blocks, index.stored)
    _group(index, blocks)
    return index


def _scan(index: Index, number: int, extent: Extent, check_bodies: bool, progress: Callable[[int, int], None] | None) -> Blocks:
    if len(extent.data) <= extent.first:  # cut before its first slot; reported when it was opened
        return np.zeros(0, _block_dtype(native.INDEX_DTYPE))
    entries, damage = native.index_blocks(
        extent.buffer, stride=extent.slot_bytes, first=extent.first, check_bodies=check_bodies, each_page=index.source.release_pages
    )
    for item in damage:
        kind = native.error_kind(int(item["kind"]))
        if kind not in _BODY_FAULTS:  # a block with a sound header: in `entries`, with its frames
            index.damage.append(Damage(number, int(item["offset"]), int(item["length"]), kind, native.describe_damage(item)))
    blocks = np.zeros(len(entries), _block_dtype(entries.dtype))
    for name in entries.dtype.names or ():
        blocks[name] = entries[name]
    blocks["extent"] = number
    if progress:
        progress(number + 1, len(index.source.extents))
    return blocks


def _block_dtype(entry: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype([(n, entry[n]) for n in entry.names or ()] + [("extent", np.dtype("<i4")), ("skip", np.dtype("<i8"))])


def place(index: Index, block: Any) -> dict[str, Any]:
    """Place of a block, as keywords of a finding."""
    return {
        "source": index.source.extents[int(block["extent"])].name,
        "offset": int(block["offset"]),
        "block": int(block["block_number"]),
        "session": block["session_id"].tobytes().hex(),
    }


def _drop_senseless(index: Index, blocks: Blocks) -> Blocks:
    wild = blocks["first_frame"] > _MAX_FRAME
    for block in blocks[wild]:
        index.findings.error(
            "first-frame",
            f"first_frame {int(block['first_frame'])} is beyond any recording; left out",
            frames=None,
            **place(index, block),
        )
    return np.asarray(blocks[~wild])


def _ids(blocks: Blocks, name: str) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(blocks[name]).view(np.uint8).reshape(len(blocks), 8).copy().view("<u8")[:, 0]


def _drop_foreign(index: Index, blocks: Blocks) -> Blocks:
    """Blocks of another device than the ring's are left out; in an `.olr` they stay, for it may hold several sessions."""
    devices = _ids(blocks, "device_id")
    header = next((e.header for e in index.source.extents if e.header), None)
    values, counts = np.unique(devices, return_counts=True)
    own = np.frombuffer(bytes.fromhex(header.device_id), "<u8")[0] if header else values[np.argmax(counts)]
    index.main_device = np.uint64(own).tobytes().hex()
    foreign = devices != own
    ring = index.source.kind != "olr"
    for device in np.unique(devices[foreign]):
        some = blocks[devices == device]
        name = np.uint64(device).tobytes().hex()
        index.findings.warning(
            "foreign-block",
            f"{len(some)} block(s) of another device, {name}, among those of "
            f"{index.main_device}{'; left out' if ring else '; kept as sessions of their own'}",
            **place(index, some[0]),
        )
    index.n_foreign = int(foreign.sum())
    return np.asarray(blocks[~foreign]) if ring else blocks


def _drop_stale(index: Index, blocks: Blocks) -> Blocks:
    """Rule 2.6: a block of another ring, or whose ring_seq does not fit its slot, is nothing."""
    stale = np.zeros(len(blocks), bool)
    for number, extent in enumerate(index.source.extents):
        if extent.header is None or not extent.ring_slots:
            continue
        mine = blocks["extent"] == number
        slot = extent.header.segment_index * extent.header.slots_per_segment + blocks["offset"].astype(np.int64) // extent.slot_bytes - 1
        ahead = (slot - blocks["ring_seq"].astype(np.int64)) % extent.ring_slots
        checkpoint = (blocks["flags"] & c.FLAG_CHECKPOINT) != 0
        fits = np.where(checkpoint, (ahead == 1) | (ahead == 2), ahead == 0)
        stale |= mine & ~(fits & (blocks["ring_tag"] == extent.header.ring_tag))
    index.n_stale = int(stale.sum())
    if index.n_stale:
        first = blocks[stale][0]
        index.findings.warning(
            "stale-block",
            f"{index.n_stale} block(s) of an older ring, by their ring_tag or by a ring_seq that does not fit their slot; left out",
            **place(index, first),
        )
    return np.asarray(blocks[~stale])


def _group(index: Index, blocks: Blocks) -> None:
    if not len(blocks):
        return
    keys = np.stack([_ids(blocks, "device_id"), _ids(blocks, "session_id")], axis=1)
    _, first, member = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    member = member.reshape(-1)
    by_ring = index.source.kind != "olr"
    age = [int(blocks["ring_seq"][member == s].max()) if by_ring else int(first[s]) for s in range(len(first))]
    newest = int(blocks["ring_seq"].max())
    for s in sorted(range(len(first)), key=lambda s: age[s]):
        session = _session(index, blocks[member == s])
        if session is not None:
            session.newest_seq = newest if by_ring else -1
            index.sessions.append(session)
            index.findings.extend(session.findings)


def _session(index: Index, blocks: Blocks) -> SessionBlocks | None:
    blocks = blocks[np.argsort(blocks["block_number"], kind="stable")]
    session = SessionBlocks(blocks["device_id"][0].tobytes().hex(), blocks["session_id"][0].tobytes().hex(), blocks)
    session.blocks = _one_of_each(index, session, blocks)
    if len(session.blocks):
        session.blocks = _one_layout(index, session, session.blocks)
        session.blocks = _no_overlap(index, session, session.blocks)
    return session if len(session.blocks) else None


def _one_of_each(index: Index, session: SessionBlocks, blocks: Blocks) -> Blocks:
    """One image of each block: sealed before checkpoint, a longer checkpoint before a shorter, sound ones only if there are several."""
    checkpoint = (blocks["flags"] & c.FLAG_CHECKPOINT) != 0
    numbers = blocks["block_number"]
    twice = np.zeros(len(blocks), bool)
    same = numbers[1:] == numbers[:-1]
    twice[1:] |= same
    twice[:-1] |= same
    keep = ~twice & ~checkpoint
    for number in np.unique(numbers[~keep]):
        images = np.flatnonzero(numbers == number)
        order = sorted(images, key=lambda i: (bool(checkpoint[i]), -int(blocks["n_frames"][i]), -int(blocks["ring_seq"][i])))
        chosen = next((i for i in order if not index.body_error(blocks[i])), None)
        _report_choice(index, session, blocks, order, chosen)
        if chosen is not None:
            keep[chosen] = True
        elif not checkpoint[order[0]]:
            keep[order[0]] = True  # damaged: its frames will be reported missing
    return np.asarray(blocks[keep])


def _report_choice(index: Index, session: SessionBlocks, blocks: Blocks, order: list[Any], chosen: Any) -> None:
    is_checkpoint = [bool(blocks["flags"][i] & c.FLAG_CHECKPOINT) for i in order]
    number = int(blocks["block_number"][order[0]])
    for i in order[: order.index(chosen)] if chosen is not None else order:
        lost = int(blocks["n_frames"][i]) - (int(blocks["n_frames"][chosen]) if chosen is not None else 0)
        sealed = not blocks["flags"][i] & c.FLAG_CHECKPOINT
        reason = index.body_error(blocks[i])
        untrue = index.book is not None and reason == index.book.error(blocks[i])  # its CRC is right
        finding = Finding(
            Severity.ERROR if untrue or (sealed and lost > 0 and chosen is not None) else Severity.WARNING,
            "chain-altered" if untrue else "body-crc" if sealed else "checkpoint-body",
            f"{'sealed block' if sealed else 'checkpoint of block'} {number} is damaged: {reason}"
            + ("; another image of it is used" if chosen is not None else ""),
            frames=max(lost, 0) if sealed else 0,
            **place(index, blocks[i]),
        )
        session.findings.add(finding)
    if chosen is None:
        return
    if blocks["flags"][chosen] & c.FLAG_CHECKPOINT:
        session.findings.info(
            "checkpoint-used",
            f"block {number} was never sealed (power cut): its checkpoint with {int(blocks['n_frames'][chosen])} frames is used",
            **place(index, blocks[chosen]),
        )
    index.n_checkpoints_superseded += sum(is_checkpoint) - bool(blocks["flags"][chosen] & c.FLAG_CHECKPOINT)
    copies = len(order) - sum(is_checkpoint)
    if copies > 1:
        session.findings.info("block-twice", f"block {number} is there {copies} times, one is used", **place(index, blocks[chosen]))


def _one_layout(index: Index, session: SessionBlocks, blocks: Blocks) -> Blocks:
    """All blocks of a session have the leads and the rate of its first; others are left out and reported."""
    lead_ids = _ids(blocks, "lead_ids")
    other = (lead_ids != lead_ids[0]) | (blocks["rate_mhz"] != blocks["rate_mhz"][0]) | (blocks["n_leads"] != blocks["n_leads"][0])
    for block in blocks[other]:
        session.findings.error(
            "layout",
            f"block {int(block['block_number'])} has other leads or another rate than the session; left out",
            frames=int(block["n_frames"]),
            **place(index, block),
        )
    kept = np.asarray(blocks[~other])
    steps = (kept["step_nv_num"] != kept["step_nv_num"][0]) | (kept["step_nv_den"] != kept["step_nv_den"][0])
    if steps.any():
        block = kept[np.argmax(steps)]
        session.findings.warning(
            "step",
            f"from block {int(block['block_number'])} on the step differs from the session's first",
            **place(index, block),
        )
    return kept


def _no_overlap(index: Index, session: SessionBlocks, blocks: Blocks) -> Blocks:
    """Each frame once: the earlier block's frames are kept (SPEC, `first_frame`)."""
    starts = blocks["first_frame"].astype(np.int64)
    stops = starts + blocks["n_frames"]
    before = np.concatenate(([0], np.maximum.accumulate(stops)[:-1]))
    skip = np.clip(before - starts, 0, blocks["n_frames"].astype(np.int64))
    blocks = blocks.copy()
    blocks["skip"] = skip
    for i in np.flatnonzero(before[1:] > starts[1:]) + 1:
        session.findings.warning(
            "overlap",
            f"block {int(blocks['block_number'][i])} begins at frame {int(starts[i])}, before the end of "
            f"the blocks before it, {int(before[i])}: {int(skip[i])} frames of it left out",
            **place(index, blocks[i]),
        )
    return np.asarray(blocks[(skip < blocks["n_frames"]) | (blocks["n_frames"] == 0) & (before <= starts)])


def was_overwritten(index: Index, session: SessionBlocks, i: int) -> bool:
    """Whether the slot before block `i` was given out again since: to a later block, or to a checkpoint of the newest."""
    block = session.blocks[i]
    ring_slots = index.source.extents[int(block["extent"])].ring_slots
    given_out = session.newest_seq >= 0 and ring_slots > 0 and session.newest_seq + 3 >= int(block["ring_seq"]) + ring_slots
    return given_out and bool(block["block_number"])
