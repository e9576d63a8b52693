# SPDX-License-Identifier: Apache-2.0
"""Limits as data, and what measured values mean against them."""

import json
import math
from importlib import resources

import pytest

from octolead.limits import LimitError, Trial, Verdict, as_html, as_markdown, as_text, load
from octolead.limits.limit import parse
from octolead.limits.trial import failed, judge, not_run

TABLE = """
[sources.a]
name = "A 1:2020"
found = "here"
text = "quoted"

[level]
title = "Level | of it"
unit = "mV"
least = 1
most = 5
warn_most = 4
source = "a"
clause = "3.4"

[left]
title = "Left over"
most = 0
source = "a"
text = "own"
"""
LIMITS = parse(TABLE, "table")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(1, "pass"), (4, "pass"), (4.01, "warn"), (5, "warn"), (5.01, "fail"), (0.99, "fail"), (math.nan, "fail"), (math.inf, "fail")],
)
def test_a_value_on_the_limit_is_allowed_and_one_beyond_is_not(value, verdict):
    assert judge(LIMITS["level"], value).verdict == verdict


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"I": 2, "II": 3, "V1": 4.9}, "V1"),
        ({"I": 2, "II": 0.5, "V1": 4.9}, "II"),
        ({"I": 9, "II": math.nan}, "II"),
        ({"I": 1.1, "II": 3}, "I"),
    ],
)
def test_of_several_values_the_worst_is_named(values, where):
    line = judge(LIMITS["level"], values)
    assert line.where == where and line.values == values


def test_what_lies_within_its_uncertainty_of_the_limit_is_neither_good_nor_bad():
    assert judge(LIMITS["left"], 1.0, uncertainty=0.5).verdict == Verdict.FAIL
    line = judge(LIMITS["left"], 1.0, uncertainty=2.0)
    assert line.verdict == Verdict.WARN and "measure longer" in line.words


def test_a_trial_is_as_good_as_its_worst_line_and_nothing_run_is_not_good():
    trial = Trial("Test")
    assert not trial.ok and trial.verdict == Verdict.NOT_RUN
    trial.add(not_run(LIMITS["left"], "no hands"))
    assert not trial.ok
    trial.add(judge(LIMITS["level"], 4.5))
    assert trial.ok and trial.verdict == Verdict.WARN
    trial.add(failed(LIMITS["left"], "it broke"))
    assert not trial.ok and trial.line("left").words == "no hands"


def test_json_says_source_and_whether_it_was_read():
    said = json.loads(json.dumps(judge(LIMITS["level"], {"V2": math.inf}).as_dict(), allow_nan=False))
    assert said["source"] == "A 1:2020, 3.4" and said["verified"] is False and "not read" in said["source_text"]
    assert said["value"] is None and said["verdict"] == "fail" and said["least"] == 1 and said["warn_least"] is None
    assert judge(LIMITS["left"], 0).as_dict()["verified"] is True


def test_tables_hold_every_line_and_escape_what_is_not_theirs():
    trial = Trial("Test <b>", {"recorder": "a&b"}, [judge(LIMITS["level"], {"V2": 9}), not_run(LIMITS["left"], "nobody <there>")])
    text = as_text(trial, lambda words, colour: f"[{colour}]{words}")
    assert "[red]fail" in text and "V2: 9 mV" in text and "1 to 5 mV" in text and "nobody <there>" in text
    assert "A 1:2020, 3.4 (q)" in text and text.endswith("fail: 1 fail, 1 not run")
    assert "Level \\| of it" in as_markdown(trial)
    page = as_html(trial)
    assert "<there>" not in page and "nobody &lt;there&gt;" in page and "a&amp;b" in page and "Test <b>" not in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('source = "a"\nclause', 'source = "b"\nclause'), "source 'b'"),
        (("most = 5", "mots = 5"), "unknown mots"),
        (('text = "own"', 'text = "sure"'), "text 'sure'"),
        (("most = 5", "most = "), "table"),
        (("most = 5", 'most = "five"'), "table"),
        (('title = "Left over"\n', ""), "table"),
    ],
)
def test_a_file_that_is_not_sound_is_refused_by_name(change, words):
    assert change[0] in TABLE
    with pytest.raises(LimitError, match=words):
        parse(TABLE.replace(*change), "table")


def test_an_unknown_limit_names_those_there_are():
    with pytest.raises(LimitError, match="level, left"):
        LIMITS["levle"]
    with pytest.raises(LimitError, match="nothing"):
        load("nothing")


def test_the_files_of_this_room_are_sound_and_claim_no_text_that_nobody_read():
    names = [path.name[:-5] for path in resources.files("octolead.limits").iterdir() if path.name.endswith(".toml")]
    assert "selftest" in names
    for name in names:
        for limit in load(name):
            assert limit.text in ("own", "quoted", "memory"), f"{name}: {limit.key}: no standard's own text is at hand"
            assert limit.least <= limit.most and limit.warn_least <= limit.warn_most and limit.source.found
