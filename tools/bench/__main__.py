# SPDX-License-Identifier: Apache-2.0
"""Print every number this project claims beside its goal: size, speed, cost on the box, a day's analysis and report.

python -m tools.bench [size] [speed] [cost] [analysis] [report] [firmware] [view] [--json FILE]
"""

import argparse
import json
import sys
from pathlib import Path

from tools.bench import analysis, cost, firmware, records, report, size, speed, view

PARTS = ("size", "speed", "cost", "analysis", "report", "firmware", "view")


def say(text: str) -> None:
    """Show what is being measured, on one line of stderr that is written over."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text[:100]}")
        sys.stderr.flush()


def run_size() -> tuple[object, list[str]]:
    """Measure the size at both steps."""
    if not records.data_dir().is_dir():
        return None, [f"Size: not measured, no records at {records.data_dir()} (set OCTOLEAD_DATA)"]
    results = [size.measure(step, say) for step in size.GOALS]
    return results, [line for result in results for line in [*size.lines(result), ""]]


def run_speed() -> tuple[object, list[str]]:
    """Measure codec and simulator."""
    say("speed: codec")
    codec = speed.codec_speed()
    say("speed: an hour in the simulator")
    simulated = speed.simulator_speed()
    return {"codec": codec, "simulator": simulated}, speed.lines(codec, simulated)


def run_cost() -> tuple[object, list[str]]:
    """Count the instructions of the firmware's hot path."""
    say("cost: counting instructions")
    result = cost.measure()
    return result, cost.lines(result)


def run_analysis() -> tuple[object, list[str]]:
    """Time the analysis of a day."""
    result = analysis.measure(say=say)
    return result, analysis.lines(result)


def run_report() -> tuple[object, list[str]]:
    """Time the report of a day."""
    result = report.measure(say=say)
    return result, report.lines(result)


def run_firmware() -> tuple[object, list[str]]:
    """Compile the firmware for both boards."""
    result = firmware.measure()
    return result, firmware.lines(result)


def run_view() -> tuple[object, list[str]]:
    """Open 90 hours in a browser."""
    result = view.measure(say=say)
    return result, view.lines(result)


def main() -> int:
    """Run the parts asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    runs = {
        "size": run_size,
        "speed": run_speed,
        "cost": run_cost,
        "analysis": run_analysis,
        "report": run_report,
        "firmware": run_firmware,
        "view": run_view,
    }
    results = {}
    for part in options.parts or PARTS:
        results[part], text = runs[part]()
        say("")
        print("\n".join(text), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
