# SPDX-License-Identifier: Apache-2.0
"""One card through many starts, each cut somewhere, torn somehow: what was sealed stays until the ring comes round."""

from __future__ import annotations

import random
import shutil
from typing import Any

from .desk import image_with, look
from .ledger import Ledger
from .models import TEARS
from .run import MAX_READS, MAX_UNSEALED_S, Torture
from .scenario import RATE_HZ, Entry, Played, noise, read_log, run_micropython, stored

CHAIN_FRAMES = 5000
CLEAN_EVERY = 6  # one start in so many is stopped in order


def configs(torture: Torture, seed: int, starts: int) -> list[dict[str, Any]]:
    """The starts: after how many writes each is cut, and how the write under way is torn."""
    chance = random.Random(seed)
    scenario = torture.scenario
    path = scenario.folder / "chain.olnv"
    truth = stored(noise(path, CHAIN_FRAMES, seed * 16 + 14))
    made = []
    for number in range(starts):
        session_id = f"ca{seed & 0xFFFF:04x}{number:010x}"
        scenario.played[session_id] = Played(truth)
        more = {"cut_after_writes": chance.choice((0, 1, 2, 3, 5, 9)), "torn_sectors": chance.choice(TEARS)}
        frames = CHAIN_FRAMES if chance.randrange(CLEAN_EVERY) else chance.randrange(1, 400)
        made.append(scenario.config(path, session_id, frames, **more))
    return made


def run_chain(torture: Torture, seed: int, starts: int = 40) -> None:
    """Start `starts` times, looking from the desk after each; adds to the figures."""
    folder = torture.scenario.folder
    out = folder / "chain.bin"
    made = configs(torture, seed, starts)
    job = {"chain": made, "seed": seed, "log": str(torture.scenario.log)}
    results = run_micropython(folder, job, torture.scenario.image, out)
    after: list[list[Entry]] = [[] for _ in made]
    for entry in read_log(out):
        after[entry.number].append(entry)
    shutil.copyfile(torture.scenario.image, torture.work)
    ledger = Ledger()
    _write(torture, torture.log, ledger)
    for number, (config, result, entries) in enumerate(zip(made, results, after, strict=True)):
        _write(torture, entries, ledger)
        seen = look(torture.work, torture.scenario.played, list(ledger.blocks.values()))
        wrong = list(seen.wrong)
        unsealed_s = (result["played"] - seen.n_frames.get(config["session_id"], 0)) / RATE_HZ if result["error"] == "cut" else 0.0
        if result["error"] not in (None, "cut") or result["refused"] or "asked" in result:
            wrong.append(f"{result}")
        if unsealed_s > MAX_UNSEALED_S:
            wrong.append(f"{unsealed_s:.2f} s of signal not on the card")
        if result.get("reads", 0) > MAX_READS:
            wrong.append(f"{result['reads']} sectors read to find the head")
        torture.figures.add("chain", number, ledger, seen, result.get("reads", 0), unsealed_s)
        torture.figures.faults += [f"chain seed {seed} start {number}: {text}" for text in wrong]
    for config in made:
        torture.scenario.played.pop(config["session_id"])


def _write(torture: Torture, entries: list[Entry], ledger: Ledger) -> None:
    """Follow a log onto the image and into the ledger."""
    changed = {}
    for entry in entries:
        if entry.sector >= 0:
            changed.update({entry.sector + i: entry.data[512 * i : 512 * (i + 1)] for i in range(len(entry.data) // 512)})
        ledger.write(entry)
    image_with(torture.work, changed)
