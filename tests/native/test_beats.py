# SPDX-License-Identifier: Apache-2.0
"""What octolead.native.beats promises; the C tests hold the classes of synthetic beats."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from octolead._native import ffi

from octolead.native import beats
from octolead.native.analyzer import CLASSIFY, Analyzer, classify

FS_HZ = 250


def made_up(n_beats: int = 60, n_leads: int = 2) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return a signal of equal beats, 0.8 s apart, and where they are."""
    at = FS_HZ + np.arange(n_beats) * FS_HZ * 4 // 5
    t = np.arange(-60, 60) / FS_HZ
    beat = 1000 * np.exp(-0.5 * (t / 0.012) ** 2) + 120 * np.exp(-0.5 * ((t + 0.16) / 0.022) ** 2)
    signal = np.random.default_rng(1).normal(0, 3, (at[-1] + 2 * FS_HZ, n_leads)).astype(np.float32)
    for frame in at:
        signal[frame - 60 : frame + 60] += beat[:, None]
    return signal, at


def test_layouts_are_those_of_the_header() -> None:
    for dtype, ctype in ((beats.RECORD_DTYPE, "ol_beat_record"), (beats.LABEL_DTYPE, "ol_beat_label")):
        assert dtype.itemsize == ffi.sizeof(ctype)
        for name, member in ffi.typeof(ctype).fields:
            assert dtype.fields is not None
            assert dtype.fields[name][1] == member.offset


def test_equal_beats_are_one_morphology_and_ordinary() -> None:
    signal, at = made_up()
    got = classify(signal, FS_HZ, at)
    assert list(got.labels["frame"]) == list(at)
    assert set(got.labels["beat_class"]) == {beats.CLASSES.index("N")}
    assert list(got.counts) == [len(at)]
    assert got.templates.shape == (1, 160, 2)
    assert abs(int(got.templates[0, :, 0].argmax()) - beats.TEMPLATE_R) <= 2


def _records(signal: npt.NDArray[np.float32], at: npt.NDArray[np.int64], sizes: list[int]) -> npt.NDArray[np.void]:
    analyzer = Analyzer(FS_HZ, 2, stages=CLASSIFY)
    for frame in at.tolist():
        assert analyzer.tell(frame)
    start = 0
    for size in [*sizes, len(signal)]:
        analyzer.push(signal[start : start + size])
        start += size
    return analyzer.finish().records


@given(st.lists(st.integers(1, 4000), max_size=8))
@settings(deadline=None, max_examples=25)
def test_any_chunking_gives_the_same(sizes: list[int]) -> None:
    signal, at = made_up(20)
    assert _records(signal, at, sizes).tobytes() == _records(signal, at, []).tobytes()


def test_no_beat_at_all_is_no_label() -> None:
    assert len(classify(np.zeros((500, 3), np.float32), 500.0, []).labels) == 0


def test_one_beat_has_a_label() -> None:
    signal, at = made_up(1)
    assert len(classify(signal, FS_HZ, at).labels) == 1


def test_two_beats_beyond_each_other_have_labels() -> None:
    signal, at = made_up(2)
    labels = classify(signal, FS_HZ, [int(at[0]), len(signal) - 1]).labels
    assert list(labels["frame"]) == [at[0], len(signal) - 1]
    assert list(labels["beat_class"]) != [beats.CLASSES.index("/")] * 2


def test_no_usable_lead_is_no_class() -> None:
    signal, at = made_up()
    signal[20 * FS_HZ : 24 * FS_HZ] = np.nan
    labels = classify(signal, FS_HZ, at).labels
    inside = (at >= 20 * FS_HZ + 60) & (at < 24 * FS_HZ - 60)
    assert set(labels["beat_class"][inside]) == {beats.CLASSES.index("Q")}
    assert set(labels["beat_class"][(at < 19 * FS_HZ) | (at > 25 * FS_HZ)]) == {beats.CLASSES.index("N")}


def test_reasons_have_words() -> None:
    bits = sum(beats.REASONS)
    assert beats.reasons(bits) == list(beats.REASONS.values())
    assert beats.reasons(0) == []


def test_a_moved_detector_changes_next_to_nothing(data_dir: Path) -> None:
    """Beats told up to 20 ms beside their place, and one in 200 told where there is none."""
    wfdb = pytest.importorskip("wfdb")
    path = str(data_dir / "mitdb" / "119")
    if not Path(path + ".dat").is_file():
        pytest.skip("no MIT-BIH record 119")
    signal = wfdb.rdrecord(path).p_signal.astype(np.float32) * 1000
    notes = wfdb.rdann(path, "atr")
    at = np.array([a for a, s in zip(notes.sample, notes.symbol, strict=True) if s in "NV"])
    plain = classify(signal, 360.0, at).labels
    rng = np.random.default_rng(3)
    moved = at + rng.integers(-7, 8, len(at))
    false = moved[:-1:200] + 110
    every = np.sort(np.concatenate([moved, false]))
    got = classify(signal, 360.0, every).labels
    same = got["beat_class"][np.searchsorted(every, moved)] == plain["beat_class"]
    assert same.mean() > 0.98
