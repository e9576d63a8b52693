# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.torture`: more laps, more seeds, chains of cuts; prints progress and ends in a line of figures."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .chain import run_chain
from .models import caches, file_system, rot, tears
from .run import Figures, Torture
from .scenario import Scenario


def main() -> int:
    """Run; returns 1 when something was lost or false."""
    parser = argparse.ArgumentParser(prog="python -m tools.torture", description=__doc__)
    parser.add_argument("--laps", type=float, default=4.0, help="how often the first session goes round the ring")
    parser.add_argument("--seeds", type=int, default=3, help="how many scenarios, each with other signals, tears and rot")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--caches", type=int, default=4, help="subsets of lost writes tried at each cut")
    parser.add_argument("--starts", type=int, default=200, help="starts in a chain of cuts; one chain a seed")
    parser.add_argument("--keep", help="a folder to keep images and logs in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="octolead-torture-") as folder:
        figures = torture(given, Path(given.keep or folder))
    print(figures.line())
    return 1 if figures.faults else 0


def torture(given: argparse.Namespace, folder: Path) -> Figures:
    """All seeds."""
    total = Figures()
    began = time.monotonic()
    told = 0

    def progress(figures: Figures) -> None:
        nonlocal told
        for fault in figures.faults[told:]:
            print(fault, file=sys.stderr)
        told = len(figures.faults)
        print(f"{time.monotonic() - began:6.0f} s  {figures.line()}", file=sys.stderr)

    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        run = Torture(Scenario(folder, given.laps, seed), total)
        cases = list(tears(run.log, seed)) + list(rot(run.log, seed)) + list(file_system(run.log, seed))
        for i in range(given.caches):
            cases += caches(run.log, seed * 100 + i)
        run.run(cases, progress)
        run_chain(run, seed, given.starts)
        progress(total)
    return total


if __name__ == "__main__":
    sys.exit(main())
