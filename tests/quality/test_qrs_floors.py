# SPDX-License-Identifier: Apache-2.0
"""Floors of QRS detection on named records, which may only rise: most errors (missed, false), 150 ms, of one lead and of two.

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
    "101": (0, 2), "102": (0, 0), "104": (1, 1), "106": (0, 2), "108": (1, 4), "109": (0, 0), "112": (0, 0), "114": (0, 1),
    "115": (0, 0), "116": (3, 5), "118": (0, 0), "119": (0, 1), "122": (0, 0), "124": (0, 0), "201": (0, 1), "203": (12, 16),
    "205": (0, 0), "207": (2, 6), "208": (2, 5), "209": (0, 0), "215": (0, 0), "220": (0, 0), "223": (0, 0), "230": (0, 1),
}  # fmt: skip
BOTH_LEADS = {
    "101": (0, 1), "102": (0, 0), "104": (1, 1), "106": (1, 16), "108": (0, 8), "109": (0, 0), "112": (0, 0), "114": (0, 0),
    "115": (2, 3), "116": (0, 1), "118": (0, 0), "119": (0, 0), "122": (0, 0), "124": (0, 0), "201": (0, 0), "203": (7, 22),
    "205": (0, 0), "207": (0, 6), "208": (3, 12), "209": (0, 0), "215": (0, 0), "220": (0, 0), "223": (1, 1), "230": (0, 0),
}  # fmt: skip
NSTDB = {"118e24": (0, 4), "118e18": (0, 9), "118e12": (2, 45), "118e06": (60, 340), "118e00": (210, 600), "118e_6": (420, 660)}


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


def errors(folder: Path, name: str, channels: list[int]) -> tuple[int, int]:
    wfdb = pytest.importorskip("wfdb")
    path = folder / name
    if not path.with_suffix(".hea").is_file():
        pytest.skip(f"no record {path}")
    record, notes = wfdb.rdrecord(str(path), channels=channels), wfdb.rdann(str(path), "atr")
    symbols, fs_hz = np.array(notes.symbol), record.fs
    reference = np.asarray(notes.sample)[np.isin(symbols, list(BEATS))]
    found = detect_beats(np.nan_to_num(record.p_signal) * 1000, fs_hz).beats["frame"]
    window = int(0.15 * fs_hz)
    for start, end in zip(notes.sample[symbols == "["], notes.sample[symbols == "]"], strict=False):
        reference = reference[(reference < start - window) | (reference > end + window)]
        found = found[(found < start - window) | (found > end + window)]
    return match(reference, found, window)


@pytest.mark.parametrize(("name", "most"), MITDB.items())
def test_mitdb(data_dir: Path, name: str, most: tuple[int, int]) -> None:
    missed, false = errors(data_dir / "mitdb", name, [0])
    assert missed <= most[0]
    assert false <= most[1]


@pytest.mark.parametrize(("name", "most"), BOTH_LEADS.items())
def test_mitdb_with_both_leads(data_dir: Path, name: str, most: tuple[int, int]) -> None:
    missed, false = errors(data_dir / "mitdb", name, [0, 1])
    assert missed <= most[0]
    assert false <= most[1]


@pytest.mark.parametrize(("name", "most"), NSTDB.items())
def test_nstdb(data_dir: Path, name: str, most: tuple[int, int]) -> None:
    missed, false = errors(data_dir / "nstdb", name, [0])
    assert missed <= most[0]
    assert false <= most[1]
