# SPDX-License-Identifier: Apache-2.0
"""Floors of the shipped beat classifier on the records it was trained on: they tell of a broken core, not of how well it
does on people it has not seen. That is `tools/train_beats.py --loo`."""

from pathlib import Path

import numpy as np
import pytest

from octolead.native import beats
from octolead.native.analyzer import classify

AAMI = {**dict.fromkeys("NLRej", "N"), **dict.fromkeys("AaJS", "S"), **dict.fromkeys("VE", "V"), "F": "F", "Q": "Q"}
FLOORS = {  # record: sensitivity and positive predictive value of V, then of S, percent; fusion beats left out
    "106": (99.0, 99.0, None, None),
    "118": (99.0, 99.0, 98.0, 97.0),
    "119": (99.0, 99.0, None, None),
    "207": (98.0, 96.0, 98.0, 90.0),
    "208": (99.0, 99.0, None, None),
    "209": (None, None, 94.0, 95.0),
    "215": (99.0, 99.0, None, None),
    "220": (None, None, 98.0, 93.0),
    "223": (98.0, 99.0, None, None),
}


@pytest.mark.parametrize("record", FLOORS)
def test_classes_reach_their_floor(data_dir: Path, record: str) -> None:
    wfdb = pytest.importorskip("wfdb")
    path = data_dir / "mitdb" / record
    if not path.with_suffix(".dat").is_file():
        pytest.skip(f"no MIT-BIH record {record} in {data_dir}")
    notes = wfdb.rdann(str(path), "atr")
    kept = [(a, AAMI[s]) for a, s in zip(notes.sample, notes.symbol, strict=True) if s in AAMI]
    signal = wfdb.rdrecord(str(path)).p_signal.astype(np.float32) * 1000
    labels = classify(signal, 360.0, [a for a, _ in kept]).labels
    got = np.array([beats.CLASSES[c] for c in labels["beat_class"]])
    truth = np.array([c for _, c in kept])
    got = got[np.isin(truth, ["N", "S", "V"])]
    truth = truth[np.isin(truth, ["N", "S", "V"])]
    for name, floors in (("V", FLOORS[record][:2]), ("S", FLOORS[record][2:])):
        both = ((got == name) & (truth == name)).sum()
        for floor, of in zip(floors, ((truth == name).sum(), (got == name).sum()), strict=True):
            assert floor is None or 100 * both / of >= floor, f"{name}: {both} of {of}"


def test_paced_beats_are_told_and_ordinary_ones_are_not(data_dir: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    path = data_dir / "mitdb" / "102"
    if not path.with_suffix(".dat").is_file():
        pytest.skip(f"no MIT-BIH record 102 in {data_dir}")
    notes = wfdb.rdann(str(path), "atr")
    kept = [(a, s) for a, s in zip(notes.sample, notes.symbol, strict=True) if s in "/fNV"]
    labels = classify(wfdb.rdrecord(str(path)).p_signal.astype(np.float32) * 1000, 360.0, [a for a, _ in kept]).labels
    paced = labels["beat_class"] == beats.CLASSES.index("/")
    symbols = np.array([s for _, s in kept])
    assert paced[symbols == "/"].mean() > 0.99
    assert paced[symbols == "N"].mean() < 0.02
