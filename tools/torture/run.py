# SPDX-License-Identifier: Apache-2.0
"""Boot on every damaged card, look at what is left from the desk, and add it up."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from octolead.recover import recover

from .desk import Seen, image_with, look
from .ledger import Ledger, Sealed
from .models import Case, phases
from .scenario import AFTER_FRAMES, FIRMWARE, RATE_HZ, Entry, Scenario, read_log, run_micropython

sys.path.insert(0, str(FIRMWARE))
from boards.sim.fault_card import FaultCard

BATCH = 250
MAX_READS = 200
MAX_UNSEALED_S = 2.5


@dataclass
class Figures:
    """What a run adds up to."""

    cards: int = 0
    cuts: set[tuple[str, int]] = field(default_factory=set)
    models: dict[str, int] = field(default_factory=dict)
    sealed: int = 0
    lost: int = 0
    false_samples: int = 0
    unsealed_s: float = 0.0
    reads: int = 0
    formats: int = 0
    refused: int = 0
    recovered: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, model: str, cut: int, ledger: Ledger, seen: Seen, reads: int, unsealed_s: float) -> None:
        """One card."""
        self.cards += 1
        self.cuts.add((model if model == "chain" else "", cut))
        self.models[model] = self.models.get(model, 0) + 1
        self.sealed += len(ledger.blocks)
        self.lost += seen.lost
        self.false_samples += seen.false_samples
        self.reads = max(self.reads, reads)
        self.unsealed_s = max(self.unsealed_s, unsealed_s)

    def line(self) -> str:
        """One line."""
        return (
            f"torture: {len(self.cuts)} cut points, {len(self.models)} fault models, {self.cards} cards; "
            f"{self.sealed} sealed blocks looked for, {self.lost} lost, {self.false_samples} false samples; "
            f"at worst {self.unsealed_s:.2f} s unsealed and {self.reads} sector reads to recover; "
            f"{self.formats} half-formatted cards asked for a format, {self.refused} with a rotten file system refused unharmed, "
            f"{self.recovered} read by octolead recover; "
            f"{len(self.faults)} faults"
        )


class Torture:
    """A scenario under all models. `played` are the recorder's own words about the scenario."""

    def __init__(self, scenario: Scenario, figures: Figures | None = None) -> None:
        self.scenario = scenario
        self.played = scenario.play()
        self.log = read_log(scenario.log)
        self.where = phases(self.log)
        self.writes_before = list(accumulate((entry.sector >= 0 for entry in self.log), initial=0))
        self.work = scenario.folder / "work.img"
        self.figures = Figures() if figures is None else figures
        self._number = 0

    def run(self, cases: Iterable[Case], progress: Callable[[Figures], None] = lambda _: None) -> Figures:
        """Boot and look, in batches; cases in order of `sound`."""
        ordered = iter(sorted(cases, key=lambda case: case.sound))
        shutil.copyfile(self.scenario.image, self.work)
        follower = _Follower(self.work, self.log)
        while batch := list(islice(ordered, BATCH)):
            configs = [self.scenario.after(self._number + i) for i in range(len(batch))]
            self._number += len(batch)
            out = self.scenario.folder / "boots.bin"
            job = {"log": str(self.scenario.log), "boots": [case.job(config) for case, config in zip(batch, configs, strict=True)]}
            results = run_micropython(self.scenario.folder, job, self.scenario.image, out)
            writes: list[list[Entry]] = [[] for _ in batch]
            for entry in read_log(out):
                writes[entry.number].append(entry)
            for case, config, result, after in zip(batch, configs, results, writes, strict=True):
                follower.follow(case.sound)
                self._judge(follower, case, config, result, after)
                self.scenario.played.pop(config["session_id"])
            progress(self.figures)
        return self.figures

    def _judge(self, follower: _Follower, case: Case, config: dict[str, Any], result: dict[str, Any], after: list[Entry]) -> None:
        card = FaultCard(str(self.work), seed=case.seed)
        card.damage(case.model, [(e.sector, e.data, None) for e in self.log[: case.model["cut"] + 1]], case.sound)
        ledger = expected(follower.ledger, case, self.log)
        for entry in after:
            _write_again(card, entry, ledger)
        changed = dict(card.changed)
        changed.update({sector: bytes(512) for sector in card.unreadable})
        card.close()
        before = image_with(self.work, changed)
        seen = look(self.work, self.scenario.played, list(ledger.blocks.values()))
        if seen.lost and case.name == "fs":  # a name has rotted, and another ring stands beside the old one
            seen = self._saved(list(ledger.blocks.values()))
        image_with(self.work, before)
        if result["refused"] and any(entry.sector >= 0 for entry in after):
            seen.wrong.append(f"the card was refused, {result['refused']}, but written to")
        self._count(case, config, result, ledger, seen)

    def _saved(self, blocks: list[Sealed]) -> Seen:
        """What the desk sees after `octolead recover`."""
        out = self.work.with_suffix(".olr")
        out.unlink(missing_ok=True)
        recover(self.work, out)
        self.figures.recovered += 1
        return look(out, self.scenario.played, blocks)

    def _count(self, case: Case, config: dict[str, Any], result: dict[str, Any], ledger: Ledger, seen: Seen) -> None:
        cut, again = case.model["cut"], result.get("again", {})
        refused = case.model.get("may_refuse") and result["refused"]
        wrong = seen.wrong + ([] if refused else self._refusals(cut, result))
        wrong += [f"the new session ended: {r['error']}" for r in (result, again) if r.get("error")]
        reads = max(result.get("reads", 0), again.get("reads", 0))
        if reads > MAX_READS:
            wrong.append(f"{reads} sectors read to find the head")
        found = seen.n_frames.get(config["session_id"])
        if case.name != "stuck" and not refused and found != AFTER_FRAMES:
            wrong.append(f"of the new session {found} of {AFTER_FRAMES} frames are there")
        unsealed_s = self._unsealed_s(cut, seen) if case.name.startswith("tear") and "asked" not in result else 0.0
        if unsealed_s > MAX_UNSEALED_S:
            wrong.append(f"{unsealed_s:.2f} s of signal not on the card")
        self.figures.refused += bool(refused)
        self.figures.add(case.name, self.writes_before[cut], ledger, seen, reads, unsealed_s)
        self.figures.faults += [f"{case.name} cut {cut} seed {case.seed}: {text}" for text in wrong]

    def _refusals(self, cut: int, result: dict[str, Any]) -> list[str]:
        """A card may be refused only if it was cut while it was being formatted, and once."""
        if result["refused"]:
            return [f"the card was refused: {result.get('asked', '')} {result['refused']}"]
        if "asked" not in result:
            return []
        self.figures.formats += 1
        return [f"the card was refused: {result['asked']}"] if cut > self.where.ring_made else []

    def _unsealed_s(self, cut: int, seen: Seen) -> float:
        """Seconds played up to the write under way that are not on the card."""
        if cut >= len(self.log) or self.log[cut].data[:4] != b"\x8fOLB":
            return 0.0
        session = self.log[cut].data[40:48].hex()
        return (self.log[cut].played - seen.n_frames.get(session, 0)) / RATE_HZ


class _Follower:
    """An image that follows the log, with the ledger of what is sealed on it."""

    def __init__(self, work: Path, log: list[Entry]) -> None:
        self.work, self.log = work, log
        self.done = 0
        self.ledger = Ledger()

    def follow(self, upto: int) -> None:
        """All entries before `upto` are on the image."""
        with self.work.open("r+b") as file:
            for entry in self.log[self.done : upto]:
                if entry.sector >= 0:
                    file.seek(entry.sector * 512)
                    file.write(entry.data)
                self.ledger.write(entry)
        self.done = max(self.done, upto)


def expected(sound: Ledger, case: Case, log: list[Entry]) -> Ledger:
    """The ledger of a damaged card: what the fault touched is not asked for."""
    ledger, model = sound.copy(), case.model
    cut, lost = model["cut"], set(model.get("lost", ()))
    for i in range(case.sound, cut):
        ledger.write(log[i], arrives=i not in lost)
    if model.get("tear", "none") != "none":
        ledger.touched(log[cut].sector, len(log[cut].data) // 512)
    for sector, _ in model.get("flips", ()):
        ledger.touched(sector, 1)
    for sector, n in model.get("unreadable", ()):
        ledger.touched(sector, n)
    return ledger


def _write_again(card: FaultCard, entry: Entry, ledger: Ledger) -> None:
    """What the recorder wrote after the cut, as the damaged card takes it."""
    if entry.sector < 0:
        return
    n = len(entry.data) // 512
    sectors = range(entry.sector, entry.sector + n)
    refused = [i for i, sector in enumerate(sectors) if sector in card.unwritable]
    whole = not refused and not any(sector in card.stuck for sector in sectors)
    card._put(entry.sector, entry.data[: refused[0] * 512] if refused else entry.data)
    ledger.write(entry, arrives=whole)
