# SPDX-License-Identifier: Apache-2.0
"""What a person sees and does, in a real browser over the demo's recording."""

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.view.viewing import Served, open_viewer, until

PX_PER_MM = 96 / 25.4


def picture(page: Any) -> np.ndarray:
    """The paper as it stands on the screen, RGB."""
    shot = page.locator("#paper").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def settle(page: Any, script: str = "") -> None:
    page.evaluate(f"(async () => {{ {script}; octolead.settle(); await octolead.drawn(); }})()")


def dark_rows(pixels: np.ndarray) -> np.ndarray:
    return np.flatnonzero((pixels.sum(axis=2) < 250).any(axis=1))


def test_first_picture_shows_the_mark_and_leads_it_names(page: Any, served: Served) -> None:
    open_viewer(page, served)
    info = page.evaluate("octolead.state.info")
    assert [m["frame"] for m in info["marks"]] == [10_000]
    page.locator("#tab-marks").click()
    page.locator("#panel tr.go").first.click()
    page.evaluate("octolead.drawn()")
    first, frames = page.evaluate("[octolead.state.frame, octolead.state.width]")
    assert first < 10_000 < first + frames / PX_PER_MM / 25 * 500
    x = 44 + (10_000 - first) / 500 * 25 * PX_PER_MM
    blue = picture(page)[:, round(x) : round(x) + 2]
    assert ((blue[..., 2] - blue[..., 0]) > 100).any(axis=1).sum() > 100


@pytest.mark.parametrize("calibration", [1.0, 1.25])
def test_grid_lines_stand_a_millimetre_apart(page: Any, served: Served, calibration: float) -> None:
    open_viewer(page, served)
    settle(page, f"octolead.state.calibration = {calibration}; octolead.state.layout = '3x4'; octolead.state.info.leads = ['I']")
    row = picture(page)[2:-2]
    coarse = np.array([0xE8, 0xA7, 0x9D])
    lines = np.flatnonzero((np.abs(row - coarse).sum(axis=2) < 12).mean(axis=0) > 0.5)
    step = 5 * PX_PER_MM * calibration
    wanted = np.round(np.arange(0, row.shape[1] / step) * step)
    assert set(wanted[3:-2].astype(int)) <= set(lines.tolist())
    assert np.diff(lines).mean() == pytest.approx(step, rel=0.01)


@pytest.mark.parametrize(("gain", "calibration"), [(10, 1.0), (20, 1.0), (5, 1.25)])
def test_calibration_pulse_is_a_millivolt_high_and_a_fifth_of_a_second_wide(
    page: Any, served: Served, gain: float, calibration: float
) -> None:
    open_viewer(page, served)
    settle(page, f"octolead.state.mmpmv = {gain}; octolead.state.calibration = {calibration}; octolead.state.layout = 'lines'")
    mm = PX_PER_MM * calibration
    pulse = picture(page)[: int(28 * mm), int(2 * mm) - 1 : int(9 * mm) + 2]
    ink = pulse.sum(axis=2) < 250
    edges = np.flatnonzero(ink.sum(axis=0) > 0.8 * gain * mm)
    assert edges[-1] - edges[0] == pytest.approx(5 * mm, abs=1.6)
    column = ink[:, edges[0] : edges[0] + 2].any(axis=1).astype(int)
    runs = np.flatnonzero(np.diff([0, *column, 0])).reshape(-1, 2)
    assert (runs[:, 1] - runs[:, 0]).max() - 1 == pytest.approx(gain * mm, abs=1.6)


def test_trace_is_the_recording(page: Any, served: Served) -> None:
    """The R wave of V3's largest beat on the page stands where the samples say, in time and height."""
    import octolead

    open_viewer(page, served)
    settle(
        page,
        "Object.assign(octolead.state.filters, { baseline: 0, mains: 0, lowpass: 0 }); "
        "Object.assign(octolead.state, { layout: 'lines', lead: 'V3', beats: false }); octolead.move(2000)",
    )
    with octolead.open(served.source) as recording:
        signal = recording.signal_uv(2000, 2000 + 4000, ("V3",))[:, 0]
    pixels = picture(page)
    line = len(pixels) / (len(pixels) // (28 * PX_PER_MM))
    pixels = pixels[: int(line), 46:]
    ink = pixels.sum(axis=2) < 300
    tops, bottoms = ink.argmax(axis=0), ink.shape[0] - ink[::-1].argmax(axis=0)
    high = int(np.argmax(signal[:4000]))
    x = high / 500 * 25 * PX_PER_MM - 2
    assert np.argmin(np.where(ink.any(axis=0), tops, 10**6)) == pytest.approx(x, abs=2)
    height = (bottoms[ink.any(axis=0)].max() - tops[ink.any(axis=0)].min()) / PX_PER_MM / 10
    span = np.ptp(signal[: int(pixels.shape[1] / PX_PER_MM / 25 * 500)]) / 1000
    assert height == pytest.approx(span, abs=0.12)


def test_calipers_measure_time_rate_and_millivolt(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.keyboard.press("c")
    box = page.locator("#paper").bounding_box()
    x, y = box["x"] + 200, box["y"] + 200
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 25 * PX_PER_MM, y - 15 * PX_PER_MM, steps=4)
    page.mouse.up()
    until(page, "octolead.state.caliper")
    words = page.locator("#says").inner_text()
    assert words.split()[0] in ("999", "1000", "1001")
    assert "60/min" in words
    assert "1.50 mV" in words or "1.49 mV" in words


def test_relabelled_beat_is_shown_counted_logged_and_undone(page: Any, served: Served) -> None:
    open_viewer(page, served)
    before = page.evaluate("octolead.state.facts.summary.n_ventricular")
    page.keyboard.press("]")
    until(page, "octolead.state.chosen !== null")
    frame = page.evaluate("octolead.state.chosen")
    page.keyboard.press("3")
    until(page, f"octolead.state.facts.summary.n_ventricular === {before + 1}")
    until(page, f"(octolead.beats.range({frame} - 9, {frame} + 9) || [])[0]?.symbol === 'V'")
    page.evaluate("octolead.move(0)")
    page.keyboard.press("v")
    until(page, f"octolead.state.chosen === {frame}")
    log = next(served.folder.glob("*/edits.jsonl")).read_text(encoding="utf-8").splitlines()
    assert [(entry["op"], entry["frame"], entry["symbol"]) for entry in map(json.loads, log)] == [("relabel", frame, "V")]
    page.keyboard.press("u")
    until(page, f"octolead.state.facts.summary.n_ventricular === {before}")


def test_report_holds_what_was_changed_and_says_by_whom(page: Any, served: Served) -> None:
    from octolead.report.source import open_report_source

    open_viewer(page, served)
    frame = page.evaluate("octolead.next('N', 1)")
    page.evaluate(f"octolead.state.who = 'Anna'; octolead.change({{ op: 'relabel', frame: {frame}, symbol: 'S' }})")
    source = open_report_source(served.source)
    source.signal.close()
    assert source.analysis.symbol[source.analysis.frame.tolist().index(frame)] == "S"
    assert "1 correction of beats or episodes by Anna" in source.corrections


def test_every_layout_and_far_away_is_drawn(page: Any, served: Served) -> None:
    open_viewer(page, served)
    for layout in ("8x1", "12x1", "6x2", "3x4", "lines", "page"):
        settle(page, f"octolead.state.layout = '{layout}'; octolead.move(0)")
        ink = picture(page)[:-24, 46:].sum(axis=2) < 400
        assert ink.sum() > 500, layout
    for speed in (2.5, 0.2):
        settle(page, f"octolead.state.layout = '8x1'; octolead.state.mmps = {speed}; octolead.move(0)")
        assert len(dark_rows(picture(page))) > 100, speed
    assert "unfiltered at this speed" in page.evaluate("octolead.state.caption")


def test_filters_are_named_on_the_picture_and_change_it(page: Any, served: Served) -> None:
    open_viewer(page, served)
    on = picture(page)
    assert "low-pass 150 Hz" in page.evaluate("octolead.state.caption")
    page.keyboard.press("f")
    page.evaluate("octolead.drawn()")
    assert "no low-pass" in page.evaluate("octolead.state.caption")
    assert "unfiltered" in page.evaluate("octolead.state.caption")
    assert (picture(page) != on).any()


def test_keys_help_and_going_to_a_time(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.keyboard.press("Shift+?")
    assert page.locator("#dialog kbd").count() > 20
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    assert page.evaluate("octolead.state.frame") == 0
    page.keyboard.press("g")
    page.locator("#goto-field").fill("0:00:20")
    page.keyboard.press("Enter")
    until(page, "octolead.state.frame > 5000")
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.classList.contains('dark')")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 26)"


def test_a_key_right_after_the_dialog_closed_is_heard(page: Any, served: Served) -> None:
    """The focus stays in the closed field until the next painting, which a busy machine puts off."""
    open_viewer(page, served)
    page.keyboard.press("g")
    page.locator("#goto-field").fill("0:00:20")
    dark = page.evaluate("""() => {
        const field = document.getElementById("goto-field");
        const press = (key) => field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const before = octolead.state.dark;
        press("Enter"), press("d");
        return octolead.state.dark !== before;
    }""")
    assert dark


def test_playing_goes_on_at_the_speed_asked_for(page: Any, served: Served) -> None:
    open_viewer(page, served)
    page.evaluate("""() => { octolead.state.rate = 5; octolead.move(0); window.seen = [];
        const move = octolead.player.move;
        octolead.player.move = (frame) => (move(frame), seen.push([performance.now(), octolead.state.frame])); }""")
    page.keyboard.press(" ")
    until(page, "octolead.state.frame > 4000")
    page.keyboard.press(" ")
    times_ms, frames = np.array(page.evaluate("seen")).T
    assert np.polyfit(times_ms / 1000, frames, 1)[0] == pytest.approx(5 * 500, rel=0.1)


def test_two_sizes_a_tablet_and_nothing_overflows(page: Any, served: Served) -> None:
    for width, height in ((1280, 720), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        open_viewer(page, served)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#paper").bounding_box()["height"] > 0.55 * height


def test_marks_words_are_text_whatever_they_hold(page: Any, served: Served) -> None:
    open_viewer(page, served)
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page.evaluate("(words) => { octolead.state.info.marks[0].text = words; octolead.panels.show('marks'); }", evil)
    assert evil in page.locator("#panel").inner_text()
    assert page.locator("#panel img, #panel script").count() == 0
