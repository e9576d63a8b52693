# SPDX-License-Identifier: Apache-2.0
"""Editing episodes and shapes in a real browser, and recordings of other kinds: enciphered, another maker's, with markup in their words."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from scipy.signal import resample_poly

import octolead
from octolead.report.source import open_report_source
from tests.report import making_reports as making
from tests.view.viewing import Served, end, open_viewer, serve, until

SEALED = Path(__file__).resolve().parents[1] / "vectors" / "seal"
EVIL = "<img src=x onerror=alert(1)><b>"


def log_of(served: Served) -> list[dict[str, Any]]:
    text = next(served.folder.glob("*/edits.jsonl")).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def kinds(page: Any) -> str:
    """An expression: the kinds of all episodes, with their ends."""
    return "octolead.state.facts.episodes.map((e) => e.slice(0, 3).join())"


def test_an_episode_is_added_renamed_and_deleted_and_each_is_in_the_log(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.keyboard.press("i")
    page.locator("#episode-kind").fill("Felt dizzy")
    page.locator("#episode-from").fill("0:00:10")
    page.locator("#episode-to").fill("0:00:09")
    page.keyboard.press("Enter")
    assert "must end after" in page.locator("#dialog [role=alert]").inner_text()
    page.locator("#episode-to").fill("0:00:14.5")
    page.keyboard.press("Enter")
    until(page, f"{kinds(page)}.includes('Felt dizzy,5000,7250')")
    page.locator("#tab-episodes").click()
    page.get_by_label("Rename Felt dizzy").click()
    page.locator("#episode-kind").fill("pause")
    page.keyboard.press("Enter")
    until(page, f"{kinds(page)}.includes('pause,5000,7250')")
    until(page, "document.querySelector('#panel button[aria-label^=\"Delete Pause\"]')")
    page.get_by_label("Delete Pause").first.click()
    until(page, f"!{kinds(page)}.includes('pause,5000,7250')")
    assert [entry["op"] for entry in log_of(served)][-3:] == ["add-episode", "relabel-episode", "delete-episode"]


def test_beats_of_a_shape_lie_over_each_other_around_its_mean(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.locator("#tab-templates").click()
    until(page, "document.querySelector('#panel canvas')?.width < 300")
    pixels = "[...document.querySelector('#panel canvas').getContext('2d').getImageData(0, 0, 280, 130).data]"
    ink = f"{pixels}.filter((v, k) => k % 4 === 3 && v > 60).length"
    before = page.evaluate(ink)
    page.get_by_text("Lay over each other").first.click()
    until(page, f"{ink} > {before} * 1.3")
    shape = page.evaluate("octolead.state.facts.templates.rows[0]")
    with octolead.open(served.source) as recording:
        signal = recording.signal_uv(0, recording.n_frames, ("II",))[:, 0]
    answer = page.request.get(f"http://127.0.0.1:{served.port}/api/superpose?cluster={shape['cluster']}&lead=II&most=200").body()
    n, m = np.frombuffer(answer, "<u4", 2)
    beats = np.frombuffer(answer, "<f4", n * m, 8).reshape(n, m)
    own = signal[shape["first_frame"] - 150 : shape["first_frame"] + 250]
    assert np.abs(beats - (own - np.median(own))).max(axis=1).min() < 0.01
    assert n > 0.8 * min(200, shape["n"])


def test_a_shape_that_is_relabelled_is_so_in_the_report(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.locator("#tab-templates").click()
    shape = page.evaluate("octolead.state.facts.templates.rows[0]")
    page.evaluate("octolead.state.who = 'Anna'")
    page.locator("#panel button[title='Make it paced']").first.click()
    until(page, f"octolead.state.facts.summary.n_paced === {shape['n']}")
    opened = open_report_source(served.source)
    opened.signal.close()
    assert opened.analysis.summary()["n_paced"] == shape["n"]
    assert "by Anna" in opened.corrections
    page.keyboard.press("u")
    until(page, "octolead.state.facts.summary.n_paced === 0")


def test_playing_goes_page_by_page_for_those_who_want_less_motion(browser: Any, served: Served) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    page = context.new_page()
    open_viewer(page, served)
    width = page.evaluate("""() => { octolead.state.rate = 30; octolead.move(0);
        window.places = [0]; const move = octolead.player.move; octolead.player.move = (frame) => (places.push(frame), move(frame));
        octolead.player.toggle(); return octolead.pageFrames(); }""")
    until(page, "places.length > 2")
    assert np.diff(page.evaluate("places")) == pytest.approx(width)
    context.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def begun() -> Iterator[list[Served]]:
    running: list[Served] = []
    yield running
    for served in running:
        end(served)


def test_an_enciphered_recording_is_shown_with_its_key(page: Any, begun: list[Served], tmp_path: Path) -> None:
    source, key = tmp_path / "sealed.olr", tmp_path / "recorder.key"
    source.write_bytes((SEALED / "encrypted.bin").read_bytes())
    key.write_text(json.loads((SEALED / "seal.json").read_text())["device_key"])
    key.chmod(0o600)
    begun.append(serve(source, "--key", str(key)))
    open_viewer(page, begun[0])
    samples = np.fromfile(SEALED / "samples.i32", "<i4").reshape(-1, 8)
    page.evaluate(
        "Object.assign(octolead.state.filters, { baseline: 0, mains: 0, lowpass: 0 }); octolead.state.mmps = 100; octolead.settle()"
    )
    until(page, "[...octolead.tiles.kept.values()].some((tile) => tile.level === 0 && !tile.filtered)")
    shown = page.evaluate("""() => { const tile = [...octolead.tiles.kept.values()].find((t) => t.level === 0 && !t.filtered);
        const { zero, step, data } = tile.scale.get("V2"); return [...data].slice(0, 500).map((v) => zero + step * v); }""")
    with octolead.open(source, key=bytes.fromhex(key.read_text())) as recording:
        assert np.allclose(shown, samples[: len(shown), recording.stored_leads.index("V2")] * recording.step_uv, atol=0.3)


@pytest.fixture
def record(demo: Path, tmp_path: Path) -> Path:
    """Two leads at 360 samples/s, as the tapes of the eighties have them; of the demo's recording."""
    with octolead.open(demo) as recording:
        signal = recording.signal_uv(0, recording.n_frames, ("II", "V5")) / 1000
        ratio = Fraction(360) / recording.rate_hz
    millivolt = resample_poly(signal, ratio.numerator, ratio.denominator, axis=0)
    folder = tmp_path / "records"
    folder.mkdir()
    wfdb.wrsamp("x100", 360, ["mV", "mV"], ["MLII", "V5"], millivolt, fmt=["212", "212"], write_dir=str(folder))
    return folder / "x100"


def test_a_record_of_two_leads_is_shown_edited_and_reported_and_nothing_is_put_beside_it(
    page: Any, begun: list[Served], record: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(record.parent.iterdir())
    begun.append(serve(record, OCTOLEAD_STATE=str(state)))
    open_viewer(page, begun[0])
    assert page.locator("#name").inner_text() == "x100"
    assert page.locator("#layout option").all_inner_texts() == ["2 \u00d7 1", "1 lead, lines", "1 lead, 30 min"]
    assert page.evaluate("[octolead.state.info.fs_hz, ...octolead.state.info.leads]") == [360, "MLII", "V5"]
    frame = page.evaluate("octolead.next('N', 1)")
    page.evaluate(f"octolead.change({{ op: 'relabel', frame: {frame}, symbol: 'V' }})")
    until(page, "octolead.state.facts.summary.n_ventricular > 0")
    assert sorted(record.parent.iterdir()) == before
    monkeypatch.setenv("OCTOLEAD_STATE", str(state))
    opened = open_report_source(record)
    opened.signal.close()
    assert opened.analysis.symbol[opened.analysis.frame.tolist().index(frame)] == "V"
    assert opened.times.fs_hz == 360


def test_words_of_a_recording_are_words_wherever_they_stand(page: Any, begun: list[Served], tmp_path: Path) -> None:
    source = making.recording(tmp_path / f"{EVIL}.olr", making.ecg_steps(8000), {4000: f"</script>{EVIL}"})
    begun.append(serve(source))
    open_viewer(page, begun[0])
    assert page.locator("#name").inner_text() == source.name
    assert f"</script>{EVIL}" in page.locator("#panel").inner_text()
    assert page.title().startswith(EVIL)
    assert page.locator("img, #panel b, #name b").count() == 0
