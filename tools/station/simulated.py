# SPDX-License-Identifier: Apache-2.0
"""A tray of virtual boards with faults dealt to them, and whether each of them was found."""

import secrets
from pathlib import Path
from typing import TextIO

from octolead.keys.vault import Vault

from .faults import deal
from .record import Record, Row
from .steps import STEPS, Desk
from .virtual import VirtualBench, golden_flash


class Simulated:
    """`seed` deals the faults; None: all boards are sound."""

    def __init__(self, n: int, seed: int | None, folder: Path, desk: Desk, record: Record) -> None:
        golden = golden_flash(folder, desk.release)
        dealt = [None] * n if seed is None else deal(n, seed)
        self.benches = [VirtualBench(k, folder / "boards", fault, golden, record.count) for k, fault in enumerate(dealt)]
        for bench in self.benches:
            if not record.count(bench.serial, "flash"):
                self._before(bench, folder, desk)

    def _before(self, bench: VirtualBench, folder: Path, desk: Desk) -> None:
        fault = bench.fault
        if fault and fault.before == "foreign":
            bench.foreign(Vault(folder / f"others-{bench.serial}.json", secrets.token_hex(16)))
        elif fault and fault.before == "known":
            desk.store.settle(bench.serial, secrets.token_bytes(32))
        elif fault and fault.step == "label":
            (desk.folder / "labels" / f"{bench.serial}.pdf").mkdir(parents=True, exist_ok=True)

    def judge(self, rows: list[Row], out: TextIO) -> int:
        """Say which faults were not found as they should, and which sound boards failed; return the exit code."""
        wrong = 0
        for bench, row in zip(self.benches, rows, strict=True):
            found = row.finding()
            said = f"{found[0]}: {found[1].kind}: {found[1].words}" if found else row.state(list(STEPS))
            if bench.fault and not bench.fault.is_found(row):
                out.write(f"{bench.place}: {bench.fault.name}, to be found by {bench.fault.step}; the station says {said}\n")
                wrong += 1
            elif not bench.fault and row.state(list(STEPS)) != "passed":
                out.write(f"{bench.place}: a sound board; the station says {said}\n")
                wrong += 1
        faulty = sum(bench.fault is not None for bench in self.benches)
        out.write(f"{faulty} faults of {len({b.fault.name for b in self.benches if b.fault})} kinds, {wrong} boards judged wrongly\n")
        return int(wrong > 0)
