# SPDX-License-Identifier: Apache-2.0
"""Floors of QRS detection on named records, which may only rise: most errors (missed, false), one lead, 150 ms.

A plain matcher of its own, so that a fault of the scorer does not hide one of the detector. VF is left out, EC57 4.2.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from octolead.native.analyzer import detect_beats

BEATS = set("NLRBAaJSVrFejnE/fQ?")
Frames = npt.NDArray[np.int64]

MITDB = {
    "101": (2, 3), "102": (4, 1), "104": (3, 2), "106": (4, 2), "108": (12, 14), "109": (1, 0), "112": (0, 0), "114": (4, 5),
    "115": (0, 0), "116": (14, 9), "118": (0, 0), "119": (0, 1), "122": (0, 0), "124": (1, 0), "201": (8, 6), "203": (30, 20),
    "205": (4, 1), "207": (5, 10), "208": (9, 5), "209": (0, 0), "215": (4, 0), "220": (0, 0), "223": (2, 1), "230": (0, 1),
}  # fmt: skip
NSTDB = {"118e24": (1, 4), "118e18": (1, 10), "118e12": (4, 100), "118e06": (100, 400), "118e00": (300, 640), "118e_6": (540, 660)}


def match(reference: Frames, found: Frames, window: int) -> tuple[int, int]:
    """Return missed and false beats: one to one, each to the nearest that is free."""
    pairs = []
    for i, beat in enumerate(reference):
        first, last = np.searchsorted(found, [beat - window, beat + window + 1])
        pairs += [(abs(int(found[j]) - int(beat)), i, j) for j in range(first, last)]
    used_r: set[int] = set()
    used_f: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in used_r and j not in used_f:
            used_r.add(i)
            used_f.add(j)
    return len(reference) - len(used_r), len(found) - len(used_f)


def errors(folder: Path, name: str) -> tuple[int, int]:
    wfdb = pytest.importorskip("wfdb")
    path = folder / name
    if not path.with_suffix(".hea").is_file():
        pytest.skip(f"no record {path}")
    record, notes = wfdb.rdrecord(str(path), channels=[0]), wfdb.rdann(str(path), "atr")
    symbols, fs_hz = np.array(notes.symbol), record.fs
    reference = np.asarray(notes.sample)[np.isin(symbols, list(BEATS))]
    found = detect_beats(np.nan_to_num(record.p_signal[:, 0]) * 1000, fs_hz).beats["frame"]
    window = int(0.15 * fs_hz)
    for start, end in zip(notes.sample[symbols == "["], notes.sample[symbols == "]"], strict=False):
        reference = reference[(reference < start - window) | (reference > end + window)]
        found = found[(found < start - window) | (found > end + window)]
    return match(reference, found, window)


@pytest.mark.parametrize(("name", "most"), MITDB.items())
def test_mitdb(data_dir: Path, name: str, most: tuple[int, int]) -> None:
    missed, false = errors(data_dir / "mitdb", name)
    assert missed <= most[0]
    assert false <= most[1]


@pytest.mark.parametrize(("name", "most"), NSTDB.items())
def test_nstdb(data_dir: Path, name: str, most: tuple[int, int]) -> None:
    missed, false = errors(data_dir / "nstdb", name)
    assert missed <= most[0]
    assert false <= most[1]
