# SPDX-License-Identifier: Apache-2.0
"""Run the hours on one card or on both; print one line of figures for each. Exit 1 when something is not accounted for."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from . import __doc__ as about
from .check import Unaccounted
from .run import CARDS, Card


def say(text: str) -> None:
    """Show progress, on one line of stderr that is written over."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--hours", type=float, default=90)
    parser.add_argument("--card", choices=[*CARDS, "both"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--keep", type=Path, help="keep the cards in this folder")
    options = parser.parse_args()
    results = []
    for kind in CARDS if options.card == "both" else [options.card]:
        with tempfile.TemporaryDirectory(prefix="octolead-endurance-") as name:
            folder = options.keep or Path(name)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                results.append(Card(folder, kind, options.hours, options.seed).run(say))
            except Unaccounted as error:
                print(f"\n{kind} card, seed {options.seed}: {error}", file=sys.stderr)
                return 1
        say("")
        print(results[-1].line(), flush=True)
    if options.json:
        options.json.write_text(json.dumps([result.as_dict() for result in results], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
