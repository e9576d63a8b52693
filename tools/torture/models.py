# SPDX-License-Identifier: Apache-2.0
"""Which damaged cards are made of a scenario's log: every cut point times every model. All chance comes from the seed.

tear     power goes in write n; the write is torn in one of the six ways of fault_card. All writes before it are there.
cache    a card that lies: of the last WINDOW writes before the cut any subset is not there, though it was synced. Once the
         ring is made, what made it is there.
flips    the card is cut cleanly after write n, then bits in the ring turn over.
unread   as flips, but sectors of the ring can no longer be read until they are written (on the desk: copied as zeros).
unwrit   as flips, but a few slots where recording goes on refuse to be written.
stuck    as flips, but some slots take writes and keep what they had.
fs       bits, or unreadable sectors, in boot sector, FAT, directories and segment header: the recorder goes on, or refuses
         the card without writing to it; the desk reads every sealed block, if a name has rotted by `octolead recover`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .scenario import RING_SLOTS, SLOT_BYTES, Entry

TEARS = ("none", "half", "garbage", "ones", "zeros", "scattered")
WINDOW = 8
SLOT_SECTORS = SLOT_BYTES // 512
ROTTEN = ("flips", "unread", "unwrit", "stuck")


@dataclass(frozen=True)
class Case:
    """A damaged card: the model's name, what `FaultCard.damage` is told, how many log entries are all there, a seed."""

    name: str
    model: dict[str, Any]
    sound: int
    seed: int

    def job(self, config: dict[str, Any]) -> dict[str, Any]:
        """As mp_boots.py takes it."""
        return {"model": self.model, "sound": self.sound, "seed": self.seed, "config": config}


@dataclass(frozen=True)
class Phases:
    """Where things lie in a scenario: log entries at which the format and the ring are done, sector of ring slot 0."""

    formatted: int
    ring_made: int
    slot0: int


def phases(log: list[Entry]) -> Phases:
    """The first two syncs that end the format and the making of the ring: FatFs syncs in between."""
    syncs = [i for i, entry in enumerate(log) if entry.sector < 0]
    first_block = next(i for i, entry in enumerate(log) if entry.data[:4] == b"\x8fOLB")
    return Phases(syncs[0], max(i for i in syncs if i < first_block), log[first_block].sector)


def cuts(log: list[Entry]) -> list[int]:
    """Every write, as the one under way, and the end."""
    return [i for i, entry in enumerate(log) if entry.sector >= 0] + [len(log)]


def tears(log: list[Entry], seed: int) -> Iterator[Case]:
    """Every write torn in every way; at the end there is nothing to tear."""
    for cut in cuts(log):
        if cut == len(log):
            yield Case("tear none", {"cut": cut}, cut, seed)
            continue
        for i, kind in enumerate(TEARS):
            yield Case(f"tear {kind}", {"cut": cut, "tear": kind}, cut, seed * 1_000_003 + cut * 8 + i)


def caches(log: list[Entry], seed: int, step: int = 1) -> Iterator[Case]:
    """Of the last WINDOW writes any subset is lost."""
    written = [i for i, entry in enumerate(log) if entry.sector >= 0]
    made = phases(log).ring_made
    for n in range(1, len(written) + 1, step):
        chance = random.Random(seed * 1_000_003 + n)
        recent = written[max(0, n - WINDOW) : n]
        if recent[-1] > made:
            recent = [i for i in recent if i > made]
        lost = [i for i in recent if chance.random() < 0.5]
        if lost:
            yield Case("cache", {"cut": recent[-1] + 1, "lost": lost}, recent[0], seed)


def rot(log: list[Entry], seed: int, step: int = 1) -> Iterator[Case]:
    """Bits, unreadable, unwritable and stuck sectors in the ring, some of them near the head."""
    where = phases(log)
    usable = [cut for cut in cuts(log) if cut > where.ring_made]
    for cut in usable[::step]:
        for i, name in enumerate(ROTTEN):
            chance = random.Random(seed * 1_000_003 + cut * 8 + i)
            yield Case(name, {"cut": cut, **_rot(name, log, cut, where, chance)}, cut, seed)


def _rot(name: str, log: list[Entry], cut: int, where: Phases, chance: random.Random) -> dict[str, Any]:
    newest = max((e.sector for e in log[max(where.ring_made, cut - 1) : cut] if e.sector >= where.slot0), default=where.slot0)
    head = (newest - where.slot0) // SLOT_SECTORS
    slots = [chance.randrange(RING_SLOTS) if chance.random() < 0.5 else (head + chance.randrange(-3, 6)) % RING_SLOTS for _ in range(3)]
    if name == "flips":
        sectors = [where.slot0 + slot * SLOT_SECTORS + chance.choice((0, chance.randrange(SLOT_SECTORS))) for slot in slots]
        return {"flips": [[sector, chance.randrange(4096)] for sector in sectors]}
    if name == "unread":
        return {"unreadable": [[where.slot0 + slot * SLOT_SECTORS + chance.choice((0, 3)), 1] for slot in slots]}
    if name == "unwrit":
        first, n = (head + chance.randrange(1, 5)) % RING_SLOTS, chance.randrange(1, 4)
        return {"unwritable": [[where.slot0 + (first + i) % RING_SLOTS * SLOT_SECTORS + chance.randrange(2), 1] for i in range(n)]}
    return {"stuck": [[where.slot0 + slot * SLOT_SECTORS + chance.choice((0, 2)), chance.choice((1, 4))] for slot in slots[:2]]}


def file_system(log: list[Entry], seed: int, step: int = 1) -> Iterator[Case]:
    """Rot outside the ring: what made the card and the ring is what can rot."""
    where = phases(log)
    sectors = sorted({e.sector + i for e in log[: where.ring_made] for i in range(len(e.data) // 512) if len(e.data) == 512})
    for cut in [cut for cut in cuts(log) if cut > where.ring_made][::step]:
        chance = random.Random(seed * 1_000_003 + cut)
        hit = chance.sample(sectors, 2)
        rot: dict[str, Any] = {"unreadable": [[hit[0], 1]]}
        if chance.random() < 0.6:
            rot = {"flips": [[sector, chance.randrange(512 if sector == sectors[-1] else 4096)] for sector in hit]}
        yield Case("fs", {"cut": cut, "may_refuse": True, **rot}, cut, seed)
