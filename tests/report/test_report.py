# SPDX-License-Identifier: Apache-2.0
"""`octolead report`: what stands on the pages, at which frames, and what it says when something is missing."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

for package in ("reportlab", "pypdfium2", "pypdf"):
    pytest.importorskip(package, reason=f"{package} is not installed: make test installs it")

import pypdf

import octolead
from octolead import beside
from octolead.analysis import Episode, analyze, store
from octolead.analysis.kinds import KINDS
from octolead.cli.app import cli
from octolead.paper import ecg
from octolead.report import Choices, Identity, open_report_source, write_report
from octolead.report.moments import OTHER, in_order
from octolead.report.page_disclosure import hours_of
from octolead.report.page_strips import mark_strip
from octolead.report.report import content_of
from octolead.view import worker
from tests.report.making_reports import ecg_steps, pixels, recording, report, texts
from tests.unit import making
from tools import report_accuracy

MARK = 15_777


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A minute with a pause of 3 s, a mark with text, and a gap of three seconds at its end."""
    frames = ecg_steps(30_000)
    frames[9_000:10_100] = ecg_steps(1_100, every=10_000)
    return recording(tmp_path_factory.mktemp("report") / "x.olr", frames, {MARK: "heart <i>jumps</i>"})


@pytest.fixture(scope="module")
def pdf(source):
    out = source.with_suffix(".pdf")
    report(source, out, Identity(name="Şüšč Ðž", id="7 & 8", birth="1960-02-29"))
    return out


@pytest.fixture(scope="module")
def html(source):
    out = source.with_suffix(".html")
    report(source, out, Identity(name='<script>alert("x")</script>', id="7 & 8"))
    return out.read_text(encoding="utf-8")


def page_of(pages: list[str], words: str) -> str:
    """The first page with this title in its head."""
    return next(page for page in pages if words in page.split("\n")[:4])


def test_the_first_page_holds_the_numbers_of_the_summary(source, pdf):
    summary, first = analyze(source).summary(), texts(pdf)[0]
    assert summary["episodes"]["pause"] == 1
    for value in (
        f"{summary['mean_bpm']:.0f}", str(summary["n_beats"]), f"{summary['longest_rr_s']:.2f}",
        f"{summary['waves']['qtc_fridericia_ms']['median']:.0f}", f"{summary['hrv']['time']['sdnn_ms']:.0f}",
        f"{summary['analysable_percent']:.1f} %",
    ):  # fmt: skip
        assert re.search(rf"(?<![\d.]){re.escape(value)}(?![\d])", first), value
    assert "Şüšč Ðž" in first
    assert "1 pauses of 2 s and more" in first
    assert "no diagnosis" in first


def test_intervals_of_the_summary_stand_on_their_page(source, pdf):
    waves = analyze(source).summary()["waves"]
    page = page_of(texts(pdf), "Intervals, ST, variability")
    for name, label in (("pr_ms", "PR"), ("qrs_ms", "QRS"), ("qt_ms", "QT")):
        numbers = [f"{waves[name][part]:.0f}" for part in ("p5", "median", "p95")]
        assert re.search(rf"\b{label}\s+" + r"\s+".join(numbers), page), (name, numbers)


def test_every_page_is_numbered_named_and_of_the_size_asked_for(source, pdf, tmp_path):
    report(source, tmp_path / "l.pdf", paper="letter")
    for path, size in ((pdf, (210.0, 297.0)), (tmp_path / "l.pdf", (215.9, 279.4))):
        reader = pypdf.PdfReader(path)
        said = texts(path)
        for number, page in enumerate(reader.pages, 1):
            sides = [float(v) * 25.4 / 72 for v in page.mediabox[2:]]
            assert sorted(sides) == pytest.approx(sorted(size), abs=0.01)
            assert f"Page {number} of {len(reader.pages)}" in said[number - 1]
    assert all("Şüšč Ðž · ID 7 & 8 · born 1960-02-29" in page for page in texts(pdf))


def test_the_strip_of_a_mark_has_the_mark_in_the_middle_to_the_frame(source):
    opened = open_report_source(source)
    with opened.signal:
        content = content_of(opened, Identity(), Choices(baseline=False))
        strip = mark_strip(content, opened.marks[0])
        half = 15 * 500
        assert (strip.start_frame, strip.stop_frame) == (MARK - half, MARK + half)
        stored = opened.recording.signal_uv(MARK - half, MARK + half, strip.leads)
    assert strip.leads == ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    assert np.abs(np.diff(strip.microvolt, axis=0) - np.diff(stored, axis=0)).max() < 0.01


def test_a_step_at_the_marks_frame_is_drawn_where_the_marks_line_is(tmp_path):
    frames = np.zeros((30_000, 8), np.int32)
    frames[MARK:] = 400  # 1 mV, in steps of 2.5 µV
    path = recording(tmp_path / "step.olr", frames, {MARK: ""})
    report(path, tmp_path / "step.pdf", baseline=False)
    pages = texts(tmp_path / "step.pdf")
    number = next(k for k, page in enumerate(pages) if "seconds -5 to +5 of the mark" in page)
    per_mm = 20.0
    image = pixels(tmp_path / "step.pdf", number, per_mm)
    middle = (297 - ecg.PULSE_MM - 250) / 2 + ecg.PULSE_MM + 125  # of the page's ten seconds
    around = slice(round((middle - 5) * per_mm), round((middle + 5) * per_mm))
    body = image[round(35 * per_mm) : round(180 * per_mm), around]
    black = (body.max(axis=2) < 60).sum(axis=0)  # the steps of all leads stand above each other
    assert (np.argmax(black) / per_mm - 5) == pytest.approx(-0.025, abs=0.08)  # half a frame before the mark's
    blue = ((body[:, :, 2] - body[:, :, 0]) > 60).sum(axis=0)
    assert (np.flatnonzero(blue > blue.max() / 2).mean() / per_mm - 5) == pytest.approx(0, abs=0.08)


def test_a_mark_at_the_very_beginning_is_in_the_middle_of_blank_paper(tmp_path):
    path = recording(tmp_path / "m.olr", ecg_steps(6_000), {3: "now"})
    report(path, tmp_path / "m.pdf")
    assert sum("of the mark" in page for page in texts(tmp_path / "m.pdf")) == 3
    opened = open_report_source(path)
    with opened.signal:
        strip = mark_strip(content_of(opened, Identity(), Choices()), opened.marks[0])
    assert np.isnan(strip.microvolt[: 7_500 - 3]).all()
    assert not np.isnan(strip.microvolt[7_500 - 3 : 7_500 - 3 + 6_000]).any()


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def test_html_is_alone_escaped_and_of_the_same_pages(html, pdf):
    parser = _Tags()
    parser.feed(html)
    assert not {"script", "link", "img", "iframe", "object", "i", "base"} & set(parser.tags)
    assert parser.tags.count("section") == len(pypdf.PdfReader(pdf).pages)
    assert any('<script>alert("x")</script>' in words for words in parser.words)
    assert any("heart <i>jumps</i>" in words for words in parser.words)
    for name, value in parser.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#")
    assert "url(" not in html
    assert "@import" not in html


def test_html_prints_each_page_at_its_size(html):
    assert re.search(r"@page s\d\{size:210mm 297mm;margin:0\}", html)
    assert re.search(r"@page s\d\{size:297mm 210mm;margin:0\}", html)
    assert html.count('<svg width="210mm" height="297mm" viewBox="0 0 210 297">') > 5


def test_the_same_input_and_date_give_the_same_bytes(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = []
    for suffix in (".pdf", ".html"):
        for name in ("a", "b"):
            report(source, tmp_path / f"{name}{suffix}")
        made.append([(tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b")])
    assert made[0][0] == made[0][1]
    assert made[1][0] == made[1][1]
    assert "made 2023-11-14 22:13 UTC" in texts(tmp_path / "a.pdf")[0]


def test_a_thousand_marks_are_bounded_and_it_says_so(tmp_path):
    path = recording(tmp_path / "many.olr", ecg_steps(30_000), {k * 29: f"no. {k}" for k in range(1, 1001)})
    written = report(path, tmp_path / "many.pdf", max_marks=2)
    pages = texts(tmp_path / "many.pdf")
    assert sum("of the mark" in page for page in pages) == 6
    assert any("strips of 998 of 1000 marks" in words for words in written.left_out)
    assert any("880 marks after the first 120" in words for words in written.left_out)
    assert "strips of 998 of 1000 marks" in pages[-1]


@pytest.mark.parametrize(
    "frames",
    [np.zeros((3000, 8), np.int32), ecg_steps(1000)[:60], making.some_frames(5000), ecg_steps(4000, 1), ecg_steps(4000, 2)],
    ids=["flat: no beats", "a fraction of a second", "no ECG", "one lead", "two leads"],
)
@pytest.mark.parametrize("suffix", [".pdf", ".html"])
def test_little_or_nothing_to_tell_is_a_report_all_the_same(tmp_path, frames, suffix):
    path = recording(tmp_path / "x.olr", frames)
    written = report(path, tmp_path / f"x{suffix}", disclosure="all")
    assert written.n_pages >= 6


def test_a_recording_that_is_nearly_all_gap_says_what_is_missing(tmp_path):
    parts = making.blocks(ecg_steps(20_000))
    making.write_olr(tmp_path / "gap.olr", [parts[0], parts[-1]])
    report(tmp_path / "gap.olr", tmp_path / "gap.pdf")
    pages = texts(tmp_path / "gap.pdf")
    assert "39.6 s in 1 gaps" in pages[0]
    assert "missing" in page_of(pages, "Signal quality")


def test_a_wfdb_record_of_another_maker_is_reported_too(data_dir, tmp_path):
    report(data_dir / "mitdb" / "208", tmp_path / "208.pdf")
    pages = texts(tmp_path / "208.pdf")
    assert any("Run of ventricular beats, fast" in page and "seconds" not in page for page in pages if "Moments" in page.split("\n")[:4])
    assert "Trigeminy" in page_of(pages, "Rhythm")
    assert "a record of another maker" in page_of(pages, "Signal quality")


def test_what_a_reader_changed_is_told_on_the_first_and_the_last_page(source, tmp_path):
    opened = open_report_source(source)
    opened.corrections = "In this report: 3 corrections of beats."
    with opened.signal:
        write_report(opened, tmp_path / "r.pdf")
    pages = texts(tmp_path / "r.pdf")
    assert "3 corrections of beats" in pages[0]
    assert "3 corrections of beats" in pages[-1]


def test_the_analysis_that_the_viewer_kept_is_taken_if_it_is_of_these_blocks(source, tmp_path, monkeypatch):
    kept = tmp_path / "kept.olr"
    kept.write_bytes(source.read_bytes())
    with octolead.open(kept) as recording:
        worker.work(str(kept), recording.session_id, None)
        folder = beside.find(recording, store.FOLDER)
    monkeypatch.setattr("octolead.report.source.analyze_signal", lambda *_: pytest.fail("it was analysed again"))
    opened = open_report_source(kept)
    opened.signal.close()
    assert opened.analysis.summary() == analyze(source).summary()
    facts = json.loads((folder / "facts.json").read_text())
    (folder / "facts.json").write_text(json.dumps(facts | {"key": facts["key"].replace(" ", " 0", 1)}))
    with pytest.raises(pytest.fail.Exception, match="analysed again"):
        open_report_source(kept)


def test_a_mark_is_read_once_for_its_three_pages(source, tmp_path, monkeypatch):
    opened, read = open_report_source(source), []
    strip = opened.strip
    monkeypatch.setattr(opened, "strip", lambda start, stop, *a, **k: read.append((start, stop)) or strip(start, stop, *a, **k))
    with opened.signal:
        write_report(opened, tmp_path / "r.pdf")
    half = round(15 * opened.fs_hz)
    for mark in opened.marks:
        assert read.count((mark.frame - half, mark.frame + half)) == 1


def test_kinds_that_a_reader_named_come_last_and_are_bounded():
    named = [Episode(f"odd {k}", k, k + 1) for k in range(40)]
    found = in_order([*named, Episode("pause", 0, 900)])
    assert found[0] == ("pause", [Episode("pause", 0, 900)])
    assert [kind for kind, _ in found[len(KINDS) :]] == [*(f"odd {k}" for k in range(6)), OTHER]
    assert sum(len(episodes) for _, episodes in found) == 41


def test_figures_of_the_accuracy_are_those_of_the_pages_in_docs(pdf):
    assert report_accuracy.OUT.read_text(encoding="utf-8") == report_accuracy.text(), "run: python -m tools.report_accuracy"
    last = texts(pdf)[-1]
    for row in report_accuracy.figures()["figures"]:
        assert row["figure"] in last


def test_hours_are_chosen_or_refused_in_words():
    assert hours_of("0,3-5", 24) == [0, 3, 4, 5]
    assert hours_of("all", 3) == [0, 1, 2]
    with pytest.raises(ValueError, match="hours 24 to 24: the recording has hours 0 to 23"):
        hours_of("24", 24)
    with pytest.raises(ValueError, match="'noon' is no hour"):
        hours_of("noon", 24)


# --- the command ---


def run(*args, code=0):
    done = CliRunner().invoke(cli, ["report", *map(str, args)])
    message = done.output + str(done.exception or "")
    assert (done.exit_code == 0) == (code == 0), message
    return done.stdout if "--json" in args else message


def test_the_command_tells_pages_and_size(source, tmp_path):
    found = json.loads(run(source, "-o", tmp_path / "r.pdf", "--json", "--tz", "Europe/Berlin", "--name", "A"))
    assert found["n_pages"] == len(texts(tmp_path / "r.pdf"))
    assert found["n_bytes"] == (tmp_path / "r.pdf").stat().st_size


def test_letters_that_no_font_has_are_told_beside_the_report(source, tmp_path):
    said = run(source, "-o", tmp_path / "r.pdf", "--name", "例示字")
    assert "no font here has 例 字 示" in said
    assert "--font" in said
    assert "no font" not in run(source, "-o", tmp_path / "r.html", "--name", "例示字")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "r.docx"], "a report is a .pdf or an .html file"),
        (["-o", "nowhere/r.pdf"], "no such folder to write the report into"),
        (["-o", "r.pdf", "--birth", "31.12.1950"], "'31.12.1950' is no date; write it as 1950-12-31"),
        (["-o", "r.pdf", "--name", "x" * 201], "name: 201 characters, at most 200"),
        (["-o", "r.pdf", "--tz", "Mars/Base"], "no time zone 'Mars/Base'"),
        (["-o", "r.pdf", "--disclosure", "7"], "hours 7 to 7: the recording has hours 0 to 0"),
        (["-o", "r.pdf", "--disclosure-lead", "V9"], "no lead 'V9'"),
    ],
)
def test_wrong_options_are_told_in_plain_words_and_nothing_is_left_behind(source, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    assert words in run(source, *options, code=1)
    assert not list(tmp_path.iterdir())


def test_a_bad_date_in_the_environment_is_told(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert "SOURCE_DATE_EPOCH is 'yesterday'" in run(source, "-o", tmp_path / "r.pdf", code=1)
