# SPDX-License-Identifier: Apache-2.0
"""Boot after boot of the simulated recorder on one card, each checked when it has ended."""

import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from octolead.simulator import find_firmware, find_micropython

from . import check
from .plan import HOUR, Boot, Plan
from .played import RATE_HZ, Played

HEAP = "1m"
HEAP_SLACK = 2048  # bytes: the marks and faults that `status` shows, a bounded number of each
ENDED = {0: "done", 3: "cut", 4: "hang"}
CARDS = ("small", "big")
SMALL_MIB = 4  # of the ring: a lap is 43 minutes of this signal; in a run of under ten hours a quarter of that
MIB_PER_HOUR = 9
OFF_FRAMES = 600 * RATE_HZ  # most that pass while the power is off


@dataclass
class Result:
    """What a card lived through."""

    card: str
    hours: float
    seed: int
    ring_slots: int = 0
    laps: float = 0
    boots: Counter = field(default_factory=Counter)
    played: int = 0
    equal: int = 0
    tail: int = 0
    worst_cut_frames: int = 0
    missing: Counter = field(default_factory=Counter)
    marks: int = 0
    highest_frame: int = 0
    faults: Counter = field(default_factory=Counter)
    search_reads: int = 0
    heap: list = field(default_factory=list)
    verify: dict = field(default_factory=dict)
    seconds: float = 0

    @property
    def unaccounted(self) -> int:
        """Frames that are neither stored, nor a gap, nor the open end of a cut."""
        return self.played - self.equal - self.tail - sum(self.missing.values())

    @property
    def heap_growth(self) -> int:
        """Most bytes in use at any time over those after the first minute of the same boot."""
        return max((max(series) - series[0] for series in self.heap if series), default=0)

    def line(self) -> str:
        """One line of figures."""
        missing = ", ".join(f"{n} {cause}" for cause, n in sorted(self.missing.items())) or "none"
        boots = ", ".join(f"{n} {how}" for how, n in sorted(self.boots.items()))
        return (
            f"{self.card} card: {self.played / HOUR:.2f} h, {self.played} frames, {self.laps:.1f} laps of {self.ring_slots} slots; "
            f"boots: {boots}; {self.equal} frames equal, gaps: {missing}, {self.tail} open when power went "
            f"(at most {self.worst_cut_frames} without a stall); {self.unaccounted} unaccounted for; {self.marks} marks; "
            f"last frame {self.highest_frame}; heap +{self.heap_growth} bytes; head found in {self.search_reads} reads at most; "
            f"verify exit {self.verify['exit_code']}; {self.seconds:.0f} s"
        )

    def as_dict(self) -> dict:
        """For JSON."""
        return {**vars(self), "unaccounted": self.unaccounted, "heap_growth": self.heap_growth}


def simulate(config: dict, folder: Path) -> tuple[str, dict, list[int]]:
    """Run one boot: (how it ended, the simulator's status, heap in use after the first minute and then every ten)."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    command = [str(find_micropython()), "-X", f"heapsize={HEAP}", str(find_firmware() / "boards/sim/main.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in ENDED or done.stderr:
        raise check.Unaccounted(f"the simulator ended with {done.returncode}: {lines[-1:]} {done.stderr[-500:]}")
    return ENDED[done.returncode], lines[-1]["status"], [line["used"] for line in lines if line["event"] == "heap"]


class Card:
    """One card and all that is recorded on it."""

    def __init__(self, folder: Path, kind: str, hours: float, seed: int, ring_mib: int | None = None) -> None:
        self.folder, self.image = folder, folder / f"{kind}.img"
        if ring_mib is None:
            ring_mib = 0 if kind == "big" else SMALL_MIB if hours >= 10 else SMALL_MIB // 4
        self.base = {
            "input": str(folder / "played.olnv"),
            "card": str(self.image),
            "card_bus": "block",  # some stalls here are longer than the card's driver would wait
            "card_mib": max(64, int(hours * MIB_PER_HOUR) + 64 if kind == "big" else 64),
            "ring_mib": ring_mib,
            "device_id": "0c701ead00000001",
        }
        self.result = Result(kind, hours, seed)
        self.plan = Plan(seed, hours)
        self.played = Played(seed)
        self.played.write(folder / "played.olnv")
        self.torn = 0

    def run(self, say=lambda text: None) -> Result:
        """All boots, then `octolead verify`."""
        began = time.perf_counter()
        total = int(self.result.hours * HOUR)
        last_frames = min(total // 3, 2 * HOUR)  # more than a lap of the small card, so that nothing else is left on it
        offset = number = 0
        ended = ""
        last = False
        while not last:
            left = total - self.result.played
            last = left <= last_frames + HOUR // 20
            boot = self.plan.boot(number, offset, left if last else left - last_frames, ended == "hang", last)
            if not number:
                boot.config["format"] = True
            ended = self._boot(boot)
            say(f"{self.result.card} card: {self.result.played / HOUR:.1f} of {self.result.hours:g} h, {boot.number + 1} boots")
            offset += self.last_played + self.plan.rng.randint(0, OFF_FRAMES)
            number += 1
        small = self.result.card == "small"
        self.result.verify = check.whole_card(self.image, 0 if small else self.torn)
        if small and self.result.verify["exit_code"]:
            raise check.Unaccounted("the small card holds one whole lap of a session that lost nothing, and verify is not clean")
        self.result.seconds = time.perf_counter() - began
        return self.result

    def _boot(self, boot: Boot) -> str:
        ended, status, heap = simulate({**self.base, **boot.config}, self.folder)
        status["ended"] = ended
        self.last_played = status["frames_played"]
        found = check.account(self.image, boot, status, self.played)
        self._add(boot, status, found, heap)
        return ended

    def _add(self, boot: Boot, status: dict, found: check.Account, heap: list[int]) -> None:
        result = self.result
        how = {"cut": "cut", "hang": "watchdog"}.get(status["ended"], "battery" if boot.ending == "battery" else "stopped")
        result.boots[how] += 1
        self.torn += how == "cut"
        result.played += found.played
        result.equal += found.equal
        result.tail += found.tail
        result.missing.update(found.missing)
        result.marks += found.marks
        if found.clean_cut and how == "cut":
            result.worst_cut_frames = max(result.worst_cut_frames, found.tail)
        result.highest_frame = max(result.highest_frame, status["frame"])
        result.search_reads = max(result.search_reads, status["ring_search_reads"])
        result.faults.update({kind: fault["count"] for kind, fault in status["faults"].items()})
        result.ring_slots = status["ring_slots"]
        result.laps = status["ring_seq"] / status["ring_slots"]
        result.heap.append(heap)
        if heap and max(heap) - heap[0] > HEAP_SLACK:
            raise check.Unaccounted(f"boot {boot.number}: the heap grows: {heap}")
