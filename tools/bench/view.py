# SPDX-License-Identifier: Apache-2.0
"""The viewer over 90 hours: how long its pyramid takes, the first picture, pans and zooms in a real browser, and its memory.

The recording is made of the 12-lead records (records.py), joined to a piece that is sealed again and again.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench import analysis, records, speed

HOURS = 90
BROWSER = "/usr/bin/chromium"
STEPS = 40
SPEEDS = (25, 2.5, 0.2, 0.02, 0.002)
GOALS = {"pyramid_s": 10.0, "first_ms": 1000.0, "p95_ms": 50.0, "mib": 400.0}
_READY_S = 1800


def piece() -> tuple[np.ndarray, str]:
    """Return some minutes of real ECG at 5 µV, int32 (frames, 8), and what it is made of."""
    if not records.data_dir().is_dir():
        return speed.test_frames(10), "the demo's ECG"
    parts = [frames - np.median(frames, axis=0).astype(np.int32) for _, _, frames in records.records(5.0)]
    return np.concatenate(parts), f"{len(parts)} records of 12 leads"


def run_pyramid(path: str) -> dict[str, float]:
    """Make the pyramid, in a process of its own."""
    import octolead
    from octolead.view import pyramid

    before = time.process_time()
    with octolead.open(path) as recording:
        target = Path(path).with_suffix(".pyramid")
        pyramid.open_pyramid(target, recording).close()
        hours = recording.duration_s / 3600
    cpu_s = time.process_time() - before
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": cpu_s, "hours": hours, "mib": mib, "file_mib": target.stat().st_size / 2**20}


@contextmanager
def viewer(path: Path) -> Iterator[tuple[str, int, float]]:
    """Yield (address, process id, seconds until the address was there)."""
    began = time.perf_counter()
    command = [str(Path(sys.executable).parent / "octolead"), "view", "--no-browser", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield (process.stdout.readline().strip() if process.stdout else ""), process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident now, and the most that ever was."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    rows = dict(line.split(":", 1) for line in text.splitlines())
    return tuple(int(rows[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def processor_s() -> float:
    """Return the processor time of all processes this one started and that still run: server, browser, its driver."""
    rows = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        rows[int(path.parent.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    mine, grew = {os.getpid()}, True
    while grew:
        found = {pid for pid, (parent, _) in rows.items() if parent in mine} - mine
        mine, grew = mine | found, bool(found)
    return sum(used for pid, (_, used) in rows.items() if pid in mine and pid != os.getpid())


def processor_of_s(pid: int) -> float:
    """Return the processor time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(page: Any, condition: str) -> None:
    """Wait for a condition in the page."""
    by = time.monotonic() + _READY_S
    while not page.evaluate(f"!!({condition})"):
        if time.monotonic() > by:
            raise TimeoutError(f"{condition} does not become true in {_READY_S} s")
        time.sleep(0.2)


FIRST = """async () => {
  while (!window.octolead || !octolead.state.info) await new Promise(requestAnimationFrame);
  return await octolead.drawn();
}"""
STEP = """async ([frame, mmps]) => {
  await new Promise(requestAnimationFrame);
  const before = performance.now();
  if (mmps === null) octolead.move(frame);
  else octolead.state.mmps = mmps, octolead.settle();
  const [answered, drawn] = await Promise.all([octolead.answered(), octolead.drawn()]);
  return [answered - before, drawn - before];
}"""


Took = dict[str, list[tuple[float, float]]]
"""Milliseconds until each lead shows something, and until all of it is drawn, of each step."""


def steps(page: Any, n_frames: int) -> Took:
    """Return how long pans by a fifth of a page, jumps anywhere and zooms took."""
    rng, took = random.Random(1), {"pan": [], "jump": [], "zoom": []}  # type: tuple[random.Random, Took]
    for mmps in SPEEDS:
        took["zoom"].append(page.evaluate(STEP, [0, mmps]))
        width = 250 / mmps * 500
        for _ in range(STEPS // 4):
            took["jump"].append(page.evaluate(STEP, [rng.random() * n_frames, None]))
            at = page.evaluate("octolead.state.frame")
            took["pan"] += [page.evaluate(STEP, [min(n_frames, at + k * width / 5), None]) for k in range(1, 4)]
        took["zoom"] += [page.evaluate(STEP, [0, speed_]) for speed_ in (mmps * 2, mmps)] * 2
    return took


def measure(hours: float = HOURS, say=lambda _: None) -> dict[str, Any] | None:
    """Return the figures, or None without a browser. Pyramid and analysis are made once, and are no part of what is timed."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not Path(BROWSER).exists():
        return None
    result: dict[str, Any] = {"hours": hours}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "long.olr"
        say("view: making the recording")
        frames, result["made_of"] = piece()
        analysis.make_recording(path, hours, frames)
        result["file_mib"] = path.stat().st_size / 2**20
        say("view: the pyramid")
        command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), sys.executable, "-m", "tools.bench.view", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result["pyramid"] = json.loads(done.stdout)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            result |= _browse(browser, path, say)
            browser.close()
    return result


def _browse(browser: Any, path: Path, say: Any) -> dict[str, Any]:
    with viewer(path) as (address, pid, _):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(address)
        say("view: the analysis, once")
        until(page, "window.octolead && octolead.state.facts")
        page.close()
        after_analysis = memory_mib(pid)[1]
    with viewer(path) as (address, pid, started_s):
        time.sleep(3)
        firsts = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(address)
            firsts.append(page.evaluate(FIRST))
            n_frames = page.evaluate("octolead.state.info.n_frames")
            until(page, "octolead.state.facts")
            if len(firsts) < 5:
                page.close()
        say("view: pans and zooms")
        before, before_server = processor_s(), processor_of_s(pid)
        took = steps(page, n_frames)
        n_steps = sum(map(len, took.values()))
        used_ms, server_ms = 1000 * (processor_s() - before) / n_steps, 1000 * (processor_of_s(pid) - before_server) / n_steps
        now, most = memory_mib(pid)
        page.close()
    return {
        "started_s": started_s,
        "first_ms": firsts,
        "took_ms": took,
        "processor_ms": used_ms,
        "server_ms": server_ms,
        "load": os.getloadavg()[0],
        "mib": now,
        "most_mib": max(most, after_analysis),
    }


def lines(result: dict[str, Any] | None) -> list[str]:
    """Return the table for people."""
    if result is None:
        return [f"Viewer: not measured, no browser ({BROWSER}, and the package playwright)"]
    p, every = result["pyramid"], [both for kind in result["took_ms"].values() for both in kind]
    per_day = p["cpu_s"] * 24 / p["hours"]
    out = [
        f"Viewer over {result['hours']:g} h x 8 leads x 500 Hz ({result['file_mib']:.0f} MiB, made of {result['made_of']})",
        f"  pyramid   {per_day:6.2f} s of the processor for 24 h   {p['file_mib']:.0f} MiB, {p['mib']:.0f} MiB resident"
        f"   (goal <= {GOALS['pyramid_s']:.0f} s)",
        f"  server answers after {result['started_s']:.2f} s; first picture {statistics.median(result['first_ms']):.0f} ms after its"
        f" address is opened, median of {len(result['first_ms'])}   (goal <= {GOALS['first_ms']:.0f} ms)",
    ]
    for kind, both in [*result["took_ms"].items(), ("all", every)]:
        answered, drawn = ([row[k] for row in both] for k in (0, 1))
        out.append(
            f"  {kind:<5} all drawn after {statistics.median(drawn):5.1f} ms median, {_p95(drawn):5.1f} at the 95th percentile"
            f" of {len(both)}; first answer {statistics.median(answered):5.1f}, {_p95(answered):5.1f}   (goal <= {GOALS['p95_ms']:.0f} ms)"
        )
    out.append(
        f"  each of them {result['processor_ms']:.0f} ms of the processor (server {result['server_ms']:.1f}; the rest browser and its"
        f" driver); load of the machine meanwhile {result['load']:.1f} on {os.cpu_count()} cores"
    )
    return [*out, f"  server {result['mib']:.0f} MiB resident, {result['most_mib']:.0f} at most   (goal <= {GOALS['mib']:.0f})"]


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


if __name__ == "__main__":
    print(json.dumps(run_pyramid(sys.argv[1])))
