# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.fuzz --seconds 60`: mutated sources through the whole reader; ends in a line of figures.

Each input follows from the seed and its number, so a find is made again with --seed S --first N --count 1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .check import check, put
from .mutate import mutated

MEMORY_BYTES = 1 << 30  # on top of what the process has when it begins
DEEP_EVERY = 8
SHM = Path("/dev/shm")


@dataclass
class Figures:
    """What a run adds up to."""

    inputs: int = 0
    readable: int = 0
    unsigned: int = 0
    slowest_s: float = 0.0
    finds: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line."""
        return (
            f"reader: {self.inputs} inputs, {self.readable} of them readable in part, {self.unsigned} with their samples compared; "
            f"slowest {self.slowest_s:.2f} s of the processor; {len(self.finds)} finds"
        )


def fuzz(
    seconds: float, seed: int, first: int = 0, count: int = 0, say: Callable[[str], None] = print, keep: Path | None = None
) -> Figures:
    """Try inputs for so many seconds, or `count` of them; finds are told and, with `keep`, their files kept."""
    figures, began = Figures(), time.monotonic()
    number = first
    with tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None, prefix="octolead-fuzz-") as folder:
        while number < first + count if count else time.monotonic() - began < seconds:
            _one(Path(folder), seed, number, figures, say, keep)
            number += 1
            if number % 5000 == 0:
                say(f"{time.monotonic() - began:6.0f} s  {figures.line()}")
    return figures


def _one(folder: Path, seed: int, number: int, figures: Figures, say: Callable[[str], None], keep: Path | None) -> None:
    what, files, signed = mutated(seed, number)
    began = time.process_time()
    try:
        figures.readable += check(put(folder, files), signed, deep=number % DEEP_EVERY == 0)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        figures.finds.append(f"seed {seed} input {number} ({what}): {error!r}")
        say(figures.finds[-1] + "\n" + "".join(traceback.format_exception(error)[-3:]))
        if keep is not None:
            (keep / f"find-{seed}-{number}").mkdir(parents=True, exist_ok=True)
            for name, data in files.items():
                (keep / f"find-{seed}-{number}" / name).write_bytes(data)
    figures.inputs += 1
    figures.unsigned += not signed
    figures.slowest_s = max(figures.slowest_s, time.process_time() - began)


def bound_memory() -> None:
    """Let the process take MEMORY_BYTES more than it has: what asks for more is a MemoryError, and a find."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, resource.RLIM_INFINITY))


def main() -> int:
    """Run; returns 1 when there is a find."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0, help="so many inputs instead of so many seconds")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs of finds")
    given = parser.parse_args()
    bound_memory()
    figures = fuzz(given.seconds, given.seed, given.first, given.count, keep=given.keep)
    print(figures.line())
    return 1 if figures.finds else 0


if __name__ == "__main__":
    sys.exit(main())
