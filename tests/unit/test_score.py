# SPDX-License-Identifier: Apache-2.0
"""EC57 counts by hand: classes, the rules for fusion and paced beats, VF, the learning period, AF by duration, wave boundaries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from octolead.cli.app import cli, main
from octolead.native.waves import WAVE_DTYPE
from octolead.score import Annotations, Beats, score_af, score_beats
from octolead.score.detectors import _with_extra
from octolead.score.waves import NONE, Waves, score_lead, waves_of

FS = 360.0


def annotations(*marks):
    """(frame, symbol) or (frame, symbol, aux)."""
    frame = np.array([m[0] for m in marks], np.int64)
    return Annotations(frame, np.array([m[1] for m in marks], "U2"), tuple(m[2] if len(m) > 2 else "" for m in marks))


def beats(*marks):
    return Beats(np.array([m[0] for m in marks], np.int64), np.array([m[1] for m in marks], "U1"))


def at(symbols, first=400, step=400):
    return [(first + step * k, s) for k, s in enumerate(symbols)]


def test_mit_symbols_become_aami_classes():
    assert "".join(beats(*at("NLRejAaJSVE F/fQ".replace(" ", ""))).classes()) == "NNNNNSSSSVVFQQQ"
    assert "".join(beats(*at("ejn")).classes(escapes_as="S")) == "SSS"


def test_missed_and_extra_beats_are_counted_once():
    found = score_beats(annotations(*at("NNNN")), beats((410, "N"), (800, "N"), (1000, "N"), (1600, "N")), FS)
    assert (found.tp, found.fn, found.fp) == (3, 1, 1)
    qrs = found.as_dict(classes=False)["qrs"]
    assert qrs["der_percent"] == 50
    assert qrs["se_percent"] == qrs["ppv_percent"] == 75
    assert qrs["offset_mean_ms"] == pytest.approx(10 / 3 / 0.36)


def test_a_fusion_or_paced_beat_called_v_is_neither_right_nor_wrong():
    """`bxb`: VFP = Nv + Sv + Ov + Xv."""
    veb = score_beats(annotations(*at("NSVF/Q")), beats(*at("VVVVVV")), FS).veb()
    assert (veb.tp, veb.fn, veb.fp, veb.tn) == (1, 0, 2, 0)


def test_a_missed_v_or_one_called_fusion_is_a_miss():
    veb = score_beats(annotations(*at("VVVV")), beats(*at("VFN")), FS).veb()
    assert (veb.tp, veb.fn) == (1, 3)


def test_a_paced_beat_called_s_does_not_count_but_a_fusion_beat_does():
    """`bxb`: SFP = Ns + Vs + Fs + Os + Xs."""
    sveb = score_beats(annotations(*at("NSVF/Q")), beats(*at("SSSSSS"), (4000, "S")), FS).sveb()
    assert (sveb.tp, sveb.fn, sveb.fp) == (1, 0, 4)


def test_within_vf_nothing_counts():
    ref = annotations((400, "N"), (800, "["), (900, "N"), (1000, "!"), (2000, "]"), (2400, "N"))
    found = score_beats(ref, beats((400, "N"), (1200, "V"), (1500, "N"), (2000, "N"), (2100, "N"), (2400, "N")), FS)
    assert (found.tp, found.fn, found.fp) == (2, 0, 1)


def test_vf_without_end_lasts_to_the_end():
    ref = annotations((400, "N"), (800, "["))
    assert score_beats(ref, beats((400, "N"), (90_000, "N")), FS).fp == 0


def test_a_detection_in_vf_may_still_match_a_beat_outside():
    ref = annotations((400, "N"), (420, "["), (2000, "]"))
    assert score_beats(ref, beats((430, "N")), FS).tp == 1


def test_the_learning_period_is_left_out_where_the_reference_stands():
    edge = int(300 * FS)
    ref = annotations((edge - 1000, "N"), (edge - 5, "N"), (edge + 400, "N"))
    test = beats((edge - 700, "V"), (edge + 5, "N"), (edge + 400, "N"), (edge + 900, "N"))
    after = score_beats(ref, test, FS, start_s=300)
    assert (after.tp, after.fn, after.fp) == (1, 0, 1)
    assert score_beats(ref, test, FS).fp == 2


def test_nothing_beyond_the_end_of_the_record_counts():
    found = score_beats(annotations((400, "N")), beats((400, "N"), (1000, "N")), FS, stop_frame=900)
    assert (found.tp, found.fp) == (1, 0)


def test_undefined_rates_are_none():
    found = score_beats(annotations(), beats(), FS)
    assert found.as_dict(classes=True)["veb"]["se_percent"] is None


def test_af_is_compared_by_duration():
    found = score_af(np.array([[0, 100], [100, 150]]), np.array([[50, 120], [110, 130], [400, 900]]), (0, 500), 10.0)
    assert (found.tp_s, found.fn_s, found.fp_s, found.tn_s) == (8, 7, 10, 25)


def test_rhythms_end_where_the_next_begins():
    ref = annotations((10, "+", "(N"), (50, "+", "(AFIB"), (80, "N"), (90, "+", "(N"))
    assert ref.rhythms(200) == [(10, 50, "N"), (50, 90, "AFIB"), (90, 200, "N")]


WAVES = annotations(
    (100, "("), (120, "p"), (140, ")"), (180, "("), (200, "N"), (220, ")"), (300, "t"), (340, ")"),
    (480, "("), (500, "N"), (520, ")"), (590, "("), (600, "t"), (640, ")"),
)  # fmt: skip


def test_marks_become_waves():
    found = waves_of(WAVES)
    assert found["P"].onset.tolist() == [100]
    assert found["QRS"].end.tolist() == [220, 520]
    assert found["T"].onset.tolist() == [NONE, 590]
    assert found["T"].end.tolist() == [340, 640]


def test_a_perfect_delineation_has_macro_f1_100():
    assert score_lead(waves_of(WAVES), waves_of(WAVES), 500.0).macro_f1() == 100


def test_boundaries_are_right_within_their_tolerance_and_within_150_ms():
    moved = waves_of(WAVES)
    moved["QRS"] = Waves(moved["QRS"].onset + 21, moved["QRS"].peak, moved["QRS"].end + 25)
    found = score_lead(waves_of(WAVES), moved, 500.0).boundaries
    assert (found["QRS on"].tp_narrow, found["QRS on"].tp_wide, found["QRS on"].fp_narrow) == (0, 2, 2)
    assert (found["QRS end"].tp_narrow, found["QRS end"].tp_wide) == (2, 2)
    assert found["QRS on"].as_dict()["error_mean_ms"] == pytest.approx(42)
    assert found["QRS on"].as_dict()["error_sd_ms"] == pytest.approx(0)


def test_an_onset_the_reference_left_out_is_not_wrong():
    test = waves_of(WAVES)
    test["T"] = Waves(np.array([280, 590]), test["T"].peak, test["T"].end)
    assert score_lead(waves_of(WAVES), test, 500.0).boundaries["T on"].fp_wide == 0


def test_only_what_lies_within_the_annotated_stretch_is_wrong():
    test = waves_of(WAVES)
    more = np.array([10, 400, 900])
    test["P"] = Waves(more - 5, more, more + 5)
    found = score_lead(waves_of(WAVES), test, 500.0).boundaries["P on"]
    assert (found.fp_wide, found.tp_wide, found.n_ref) == (1, 0, 1)


@pytest.fixture
def record(tmp_path):
    wfdb = pytest.importorskip("wfdb")
    rng = np.random.default_rng(0)
    wfdb.wrsamp("r1", 360, ["mV"], ["II"], p_signal=rng.normal(0, 0.1, (20_000, 1)), fmt=["16"], write_dir=str(tmp_path))
    frames = np.arange(400, 19_000, 300)
    symbols = np.array(["N", "V", "N", "A"] * 16)[: len(frames)]
    wfdb.wrann("r1", "atr", frames, symbols.tolist(), write_dir=str(tmp_path))
    wfdb.wrann("r1", "tst", frames[1:] + 3, symbols[1:].tolist(), write_dir=str(tmp_path))
    return tmp_path


def test_score_of_annotation_files_as_json(record):
    result = CliRunner().invoke(cli, ["score", str(record), "--annotator", "tst", "--what", "beats", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["databases"][0]
    qrs = found["gross"]["beats"]["qrs"]
    assert (qrs["beats"], qrs["fn"], qrs["fp"]) == (62, 1, 0)
    assert found["gross"]["beats"]["veb"]["se_percent"] == 100
    assert qrs["offset_mean_ms"] == pytest.approx(3 / 0.36)


def test_score_as_text_has_a_gross_line(record):
    text = CliRunner().invoke(cli, ["score", str(record), "--annotator", "tst"]).stdout
    assert next(line for line in text.splitlines() if line.startswith("gross")).split()[1:4] == ["62", "1", "0"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 2, "nowhere"),
        (["{}", "--annotator", "xyz"], 1, "no annotations r1.xyz"),
        (["{}", "--records", "r7"], 2, "no record r7"),
        (["{}", "--annotator", "tst", "--what", "rhythm"], 2, "no record has references for rhythm"),
        (["{}", "--detector", "sleepecg", "--leads", "aVX"], 1, "no lead 'aVX'"),
    ],
)
def test_bad_input_is_named_without_a_traceback(record, capsys, arguments, code, words):
    with pytest.raises(SystemExit) as ended:
        main(["score", *(a.format(record) for a in arguments)])
    assert ended.value.code == code
    assert words in capsys.readouterr().err


def test_a_damaged_annotation_file_is_named_and_the_others_are_scored(record):
    for file in ("r1.hea", "r1.dat"):
        (record / file.replace("r1", "r2")).write_bytes((record / file).read_bytes().replace(b"r1", b"r2"))
    for extension in ("atr", "tst"):
        (record / f"r2.{extension}").write_bytes(b"\x07")
    result = CliRunner().invoke(cli, ["score", str(record), "--annotator", "tst", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)["databases"][0]
    assert len(found["records"]) == 1
    assert "r2" in found["problems"][0]


def test_p_waves_that_no_qrs_followed_stand_before_their_beat():
    found = np.zeros(2, WAVE_DTYPE)
    found["frame"], found["n_extra_p"] = (1000, 3000), (0, 2)
    found["extra_p_ms"][1, :2] = (-2000.0, -1000.0)
    own = Waves(*(np.array([at], np.int64) for at in (920, 940, 960)))
    assert _with_extra(own, found, FS).peak.tolist() == [940, 3000 - 720, 3000 - 360]


def test_several_detectors_stand_in_one_table(record):
    pytest.importorskip("sleepecg")
    arguments = ["score", str(record), "--what", "beats", "--detector", "octolead", "--detector", "sleepecg"]
    found = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert list(found["tables"][0]["gross"]) == ["octolead", "sleepecg"]
    assert [d["test"] for d in found["databases"]] == ["detector octolead", "detector sleepecg"]
    text = CliRunner().invoke(cli, arguments).stdout
    assert sum(line.startswith(("octolead ", "sleepecg ")) for line in text.splitlines()) >= 2
