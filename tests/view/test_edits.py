# SPDX-License-Identifier: Apache-2.0
"""What people change: the log, and the analysis with it applied."""

import json
from pathlib import Path

import numpy as np
import pytest

from octolead import edits
from octolead.analysis import Analysis, analyze
from octolead.analysis.store import load, save
from octolead.errors import EditError


@pytest.fixture(scope="module")
def analysis(demo: Path) -> Analysis:
    return analyze(demo)


@pytest.fixture
def log(tmp_path: Path) -> edits.EditLog:
    return edits.EditLog(tmp_path / "edits.jsonl")


def test_relabelled_beats_make_a_run_with_its_own_episode(analysis: Analysis, log: edits.EditLog) -> None:
    frames = analysis.frame[10:14].tolist()
    for frame in frames:
        log.append({"op": "relabel", "frame": frame, "symbol": "V"}, "anna")
    edited = edits.apply_edits(analysis, log.active())
    assert edited.summary()["n_ventricular"] == analysis.summary()["n_ventricular"] + 4
    runs = [e for e in edited.episodes if e.kind in ("vt", "idioventricular-run")]
    assert [(e.start_frame, e.stop_frame) for e in runs] == [(frames[0], frames[-1])]
    assert analysis.symbol[10] == "N"


def test_deleted_beat_joins_its_intervals_and_an_added_one_splits_them(analysis: Analysis, log: edits.EditLog) -> None:
    a, b, c = analysis.frame[5:8].tolist()
    log.append({"op": "delete", "frame": b}, "anna")
    without = edits.apply_edits(analysis, log.active())
    assert len(without.frame) == len(analysis.frame) - 1
    assert without.rr_s[6] == pytest.approx((c - a) / analysis.fs_hz, abs=0.02)
    log.append({"op": "add", "frame": b + 3, "symbol": "S"}, "anna")
    again = edits.apply_edits(analysis, log.active())
    assert again.frame[6] == b + 3
    assert again.symbol[6] == "S"
    assert np.isnan(again.found.waves["qrs_ms"][6])
    assert len(again.beat_table()["frame"]) == len(again.frame)
    assert again.hours()[0]["n_supraventricular"] == analysis.hours()[0]["n_supraventricular"] + 1


def test_all_beats_of_a_shape_are_relabelled(analysis: Analysis, log: edits.EditLog) -> None:
    cluster = int(analysis.found.beats.labels["cluster"][0])
    n = int((analysis.found.beats.labels["cluster"] == cluster).sum())
    log.append({"op": "relabel-template", "cluster": cluster, "symbol": "/"}, "anna")
    assert edits.apply_edits(analysis, log.active()).summary()["n_paced"] == n


def test_episodes_are_added_renamed_and_deleted(analysis: Analysis, log: edits.EditLog) -> None:
    span = {"start_frame": 1000, "stop_frame": 5000}
    log.append({"op": "add-episode", "kind": "flutter", **span}, "anna")
    log.append({"op": "relabel-episode", "kind": "flutter", "to": "af", **span}, "anna")
    assert ("af", 1000, 5000) in [(e.kind, e.start_frame, e.stop_frame) for e in edits.apply_edits(analysis, log.active()).episodes]
    log.append({"op": "delete-episode", "kind": "af", **span}, "anna")
    assert edits.apply_edits(analysis, log.active()).episodes == analysis.episodes


def test_undo_takes_back_and_stays_in_the_log(analysis: Analysis, log: edits.EditLog) -> None:
    first = log.append({"op": "delete", "frame": int(analysis.frame[3])}, "anna")
    log.append({"op": "undo", "of": first["n"]}, "bert")
    assert edits.apply_edits(analysis, log.active()) is analysis
    assert [(line["op"], line["who"]) for line in log.lines()] == [("delete", "anna"), ("undo", "bert")]
    with pytest.raises(EditError, match="change 1 cannot be undone"):
        log.append({"op": "undo", "of": first["n"]}, "bert")


def test_torn_last_line_is_left_out_and_a_broken_one_is_told(log: edits.EditLog) -> None:
    log.append({"op": "delete", "frame": 3}, "anna")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[:20])
    assert len(log.lines()) == 1
    log.append({"op": "delete", "frame": 4}, "anna")
    assert [json.loads(line)["frame"] for line in log.path.read_text(encoding="utf-8").splitlines()] == [3, 4]
    log.path.write_bytes(b"no json\n" + whole)
    with pytest.raises(EditError, match=r"edits.jsonl, line 1"):
        log.lines()


def test_analysis_that_was_kept_is_the_same_and_one_of_other_blocks_is_not_taken(analysis: Analysis, tmp_path: Path) -> None:
    save(analysis, tmp_path / "kept", "a key")
    again = load(tmp_path / "kept", "a key")
    assert again is not None
    assert again.summary() == analysis.summary()
    assert again.episodes == analysis.episodes
    assert load(tmp_path / "kept", "another") is None
    (tmp_path / "kept" / "waves.npy").write_bytes(b"")
    assert load(tmp_path / "kept", "a key") is None


def test_what_was_said_last_of_a_beat_counts(analysis: Analysis, log: edits.EditLog) -> None:
    """A single beat after its shape, a second word after the first, a label after the beat was put there."""
    one, other = analysis.frame[4:6].tolist()
    place, cluster = int(analysis.frame[6]) + 40, int(analysis.found.beats.labels["cluster"][4])
    log.append({"op": "relabel-template", "cluster": cluster, "symbol": "V"}, "anna")
    log.append({"op": "relabel", "frame": one, "symbol": "S"}, "anna")
    log.append({"op": "relabel", "frame": one, "symbol": "F"}, "bert")
    log.append({"op": "add", "frame": place, "symbol": "N"}, "anna")
    log.append({"op": "relabel", "frame": place, "symbol": "/"}, "anna")
    edited = edits.apply_edits(analysis, log.active())
    found = dict(zip(edited.frame.tolist(), edited.symbol.tolist(), strict=True))
    assert [found[frame] for frame in (one, other, place)] == ["F", "V", "/"]
