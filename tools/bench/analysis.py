# SPDX-License-Identifier: Apache-2.0
"""How long the analysis of a day of 8 leads at 500 Hz takes, on one core and on two, beside sleepecg's QRS detection alone.

Each run is a process of its own, bound to its cores; its time is wall-clock time from the file on disk to all results in
memory, and its memory the most that was resident.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from octolead import _constants as c
from octolead import native
from octolead.leads import RECORDER_LEAD_IDS
from tools.bench import speed

HOURS = 24
GOALS = {"seconds": 8.0, "mib": 300.0, "two_cores": 1.7}
SEED_MINUTES = 10
ROUNDS = 3


def make_recording(path: Path, hours: float, frames: npt.NDArray[np.int32] | None = None) -> None:
    """Write `hours` as `.olr`: `frames`, or ten minutes of the demo's ECG with noise, are encoded once, and sealed again and again."""
    frames = speed.test_frames(SEED_MINUTES) if frames is None else frames
    header = native.BlockHeader(
        first_frame=0, n_frames=0, rate_mhz=500_000, lead_ids=tuple(RECORDER_LEAD_IDS), step_nv_num=5000, step_nv_den=1,
        codec_id=c.CODEC_ADAPTIVE, gain=6, session_id=bytes(range(8)), device_id=bytes.fromhex("0c701ead00000001"),
    )  # fmt: skip
    capacity = c.DEFAULT_SLOT_BYTES - c.BLOCK_HEADER_SIZE
    payloads = list(
        native.encode_payloads(frames, codec_id=header.codec_id, lead_ids=header.lead_ids, rate_mhz=header.rate_mhz, capacity=capacity)
    )
    first = number = 0
    with path.open("wb") as file:
        while first < hours * 3600 * header.rate_mhz / 1000:
            for n_frames, payload in payloads:
                own = replace(header, first_frame=first, n_frames=n_frames, block_number=number, ring_seq=number)
                file.write(native.seal_block(own, payload))
                first, number = first + n_frames, number + 1


# --- one run, in a process of its own ---


def run_whole(path: str) -> dict[str, float]:
    """Analyse a recording, outputs not written."""
    from octolead.analysis import analyze

    start = time.perf_counter()
    found = analyze(path)
    summary = found.summary()
    return {"seconds": time.perf_counter() - start, "n_beats": summary["n_beats"], "hours": summary["duration_s"] / 3600}


def run_decode(path: str) -> dict[str, float]:
    """Only read all samples."""
    import octolead

    start = time.perf_counter()
    with octolead.open(path) as recording:
        step = 300 * 500
        for at in range(0, recording.n_frames, step):
            recording.signal_raw(at, min(at + step, recording.n_frames))
    return {"seconds": time.perf_counter() - start}


def run_sleepecg(path: str) -> dict[str, float]:
    """QRS detection of sleepecg, lead after lead; reading is not counted."""
    import sleepecg

    import octolead

    seconds, n_beats = 0.0, 0
    with octolead.open(path) as recording:
        for lead in recording.stored_leads:
            signal = recording.signal_uv(0, recording.n_frames, (lead,))[:, 0].astype(np.float64) / 1000
            start = time.perf_counter()
            n_beats += len(sleepecg.detect_heartbeats(signal, recording.fs_hz))
            seconds += time.perf_counter() - start
    return {"seconds": seconds, "n_beats": n_beats / 8}


RUNS = {"whole": run_whole, "decode": run_decode, "sleepecg": run_sleepecg}


def child(what: str, path: str) -> None:
    """Do one run and print its figures."""
    before = time.process_time()
    result = RUNS[what](path)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = used.ru_utime + used.ru_stime - before
    result["mib"] = used.ru_maxrss / 1024
    print(json.dumps(result))


def apart(what: str, path: Path, n_cores: int) -> dict[str, float]:
    """Do a run in a process of its own on `n_cores` cores."""
    cores = sorted(os.sched_getaffinity(0))[:n_cores]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tools.bench.analysis", what, str(path)]
    command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


# --- what the benchmark prints ---


def measure(hours: float = HOURS, say=lambda _: None) -> dict[str, object]:
    """Return the figures of the best of some rounds, runs of different kinds in turn."""
    kinds = {"one core": ("whole", 1), "two cores": ("whole", 2), "decode": ("decode", 1)}
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "day.olr"
        say("analysis: making the recording")
        make_recording(path, hours)
        for round_number in range(ROUNDS):
            for kind, (what, n_cores) in kinds.items():
                say(f"analysis: {kind}, round {round_number + 1} of {ROUNDS}")
                result = apart(what, path, n_cores)
                if kind not in best or result["seconds"] < best[kind]["seconds"]:
                    best[kind] = result
        say("analysis: sleepecg, lead by lead")
        best["sleepecg"] = apart("sleepecg", path, 1)
        best["file"] = {"mib": path.stat().st_size / 2**20}
    return {"hours": hours, **best}


def lines(result: dict) -> list[str]:
    """Return the table for people."""
    one, two, peer, decode = (result[kind] for kind in ("one core", "two cores", "sleepecg", "decode"))
    return [
        f"Analysis of {result['hours']:g} h x 8 leads x 500 Hz ({result['file']['mib']:.0f} MiB on disk, {one['n_beats']} beats;"
        f" best of {ROUNDS}), wall-clock | CPU",
        f"  one core   {one['seconds']:7.2f} s | {one['cpu_s']:6.2f} s   {one['mib']:5.0f} MiB resident"
        f"   (goal <= {GOALS['seconds']:.0f} s, {GOALS['mib']:.0f} MiB)",
        f"  two cores  {two['seconds']:7.2f} s | {two['cpu_s']:6.2f} s   {one['seconds'] / two['seconds']:.2f} times as fast"
        f"   (goal >= {GOALS['two_cores']})",
        f"  of which decoding alone, one core   {decode['seconds']:7.2f} s | {decode['cpu_s']:6.2f} s",
        f"  sleepecg, QRS only, one core, lead by lead   {peer['seconds']:7.2f} s: {peer['seconds'] / one['seconds']:.2f} times"
        " Octolead's whole analysis",
    ]


if __name__ == "__main__":
    child(*sys.argv[1:])
