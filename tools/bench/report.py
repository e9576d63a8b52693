# SPDX-License-Identifier: Apache-2.0
"""How long a report of a day of 8 leads at 500 Hz takes, analysis included: as it comes, and with 20 marks and every hour in full.

Each run is a process of its own on one core; its time is from the file on disk to the report on disk.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.bench.analysis import make_recording

HOURS = 24
GOAL_S = 30.0
N_MARKS = 20
RUNS = {"as it comes": (0, "auto"), "20 marks, all hours in full": (N_MARKS, "all")}


def child(recording: str, out: str, n_marks: int, disclosure: str) -> None:
    """Make one report and print its figures."""
    from octolead.report import Choices, open_report_source, write_report
    from octolead.report.source import Mark

    start = time.perf_counter()
    source = open_report_source(recording)
    analysed = time.perf_counter()
    source.marks = tuple(Mark((k + 1) * source.n_frames // (n_marks + 1), "patient", f"mark {k + 1}") for k in range(n_marks))
    with source.signal:
        written = write_report(source, out, choices=Choices(disclosure=disclosure))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "seconds": time.perf_counter() - start, "drawing_s": time.perf_counter() - analysed, "cpu_s": used.ru_utime + used.ru_stime,
        "mib": used.ru_maxrss / 1024, "pages": written.n_pages, "mb": written.n_bytes / 1e6,
    }))  # fmt: skip


def measure(hours: float = HOURS, say=lambda _: None) -> dict[str, object]:
    """Return the figures of each kind of report, PDF and HTML."""
    results: dict[str, object] = {"hours": hours}
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    core = str(min(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "day.olr"
        say("report: making the recording")
        make_recording(path, hours)
        for kind, (n_marks, disclosure) in RUNS.items():
            for suffix in ("pdf", "html"):
                say(f"report: {kind}, {suffix}")
                command = [sys.executable, "-m", "tools.bench.report", str(path), f"{name}/r.{suffix}", str(n_marks), disclosure]
                done = subprocess.run(
                    ["taskset", "--cpu-list", core, *command], check=True, capture_output=True, text=True, env=environment
                )
                results[f"{kind}, {suffix}"] = json.loads(done.stdout)
    return results


def lines(results: dict) -> list[str]:
    """Return the table for people."""
    out = [f"Report of {results['hours']:g} h x 8 leads x 500 Hz, analysis included, one core (goal <= {GOAL_S:.0f} s)"]
    for kind, r in results.items():
        if kind != "hours":
            out.append(
                f"  {kind:<34} {r['seconds']:6.1f} s | {r['cpu_s']:5.1f} s CPU, {r['drawing_s']:5.1f} s of them drawing;"
                f" {r['pages']} pages, {r['mb']:.1f} MB, {r['mib']:.0f} MiB resident"
            )
    return out


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
