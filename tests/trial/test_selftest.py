# SPDX-License-Identifier: Apache-2.0
"""Each fault that the simulator can have is found by the line it belongs to and by no other; a sound recorder passes."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from octolead import _constants as c
from octolead.cli.app import cli
from octolead.errors import AnswerError
from octolead.limits import Trial, Verdict, load
from octolead.selftest import STEPS, NoHands, PromptHands, recorded, self_test
from octolead.selftest.bench import Desk
from octolead.selftest.box import ask_box
from octolead.selftest.session import ClockReading, drift

from .conftest import SPEED, needs_micropython

BROKEN_WRITES = {"write": 3, "count": 999}


def failed(trial):
    return {line.limit.key for line in trial.of(Verdict.FAIL)}


def test_every_limit_is_judged_by_one_step_and_every_step_judges_limits_there_are():
    judged = [key for _, keys in STEPS.values() for key in keys]
    assert sorted(judged) == sorted(limit.key for limit in load("selftest"))


@needs_micropython
def test_a_sound_recorder_passes_every_line(on_bench):
    async def work(recorder, hands):
        trial = await self_test(recorder, hands=hands, speed=SPEED)
        with pytest.raises(ValueError, match="by-hand"):
            await self_test(recorder, steps=["hands"])
        await recorder.start()
        with pytest.raises(AnswerError, match="octolead stop"):
            await self_test(recorder)
        await recorder.stop()
        return trial

    trial = on_bench(work, front_end={"noise_nv": 700, "gain_ppm": 4000})
    verdicts = {line.limit.key: line.verdict for line in trial.lines}
    assert trial.ok and len(verdicts) == len(load("selftest"))
    assert {key for key, verdict in verdicts.items() if verdict == Verdict.NOT_RUN} == {"radio"}
    assert {key for key, verdict in verdicts.items() if verdict == Verdict.WARN} <= {"card_hours", "clock"}
    assert trial.line("test_amplitude").value == pytest.approx(1004, abs=0.5)
    assert 1 < trial.line("noise").value < 10 and len(trial.line("noise").values) == 8
    assert trial.line("battery").value == 3950 and trial.line("button").value == 1


@needs_micropython
@pytest.mark.parametrize(
    ("config", "keys", "words"),
    [
        ({"chip_id": 0x90}, {"chip_id"}, "0x90"),
        ({"registers_stuck": {"CH3SET": 0x00, "WCT2": 0x00}}, {"registers"}, "WCT2, CH3SET"),
        ({"card_mib": 300}, {"card_hours"}, "300 MiB"),
        ({"card_write_ms": 150, "speed": 1}, {"card_typical"}, " ms"),
        ({"card_faults": [{"write": 5, "stall_ms": 1200}], "speed": 1}, {"card_slow", "card_slowest"}, "of 32 writes"),
        ({"card_faults": [{**BROKEN_WRITES, "error": 5}]}, {"card_missing", "card_torn"}, "take another"),
        ({"card_faults": [{**BROKEN_WRITES, "count": 1, "torn_sectors": 7}]}, {"card_torn"}, "9 sectors read back otherwise"),
        ({"card_real_mib": 512}, {"card_missing"}, "says it has 1200 MiB, 176 of them at least are not there"),
        ({"battery_mv": 3350, "button_fault": "stuck"}, {"battery", "button_idle"}, "it is stuck"),
        ({"radio_fails": True}, {"radio"}, "did not come up"),
    ],
    ids=["chip", "register", "small", "slow", "stalling", "failing", "torn", "lying", "battery and button", "radio"],
)
def test_what_is_wrong_with_the_box_is_found_and_named(on_bench, monkeypatch, config, keys, words):
    trial = on_bench(lambda recorder, _: self_test(recorder, speed=SPEED, steps=["box"]), **config)
    assert failed(trial) == keys, [line.as_dict() for line in trial.lines]
    assert any(words in f"{line.words} {line.measured}" for line in trial.of(Verdict.FAIL))
    assert not trial.ok


class AnsweringRecorder:
    """Answers SELF_TEST with what it was made with, and nothing else."""

    lost = None

    def __init__(self, answer):
        self.answer = answer

    async def request(self, command, arguments=b"", *, timeout_s=0.0):
        assert command == c.COMMAND_SELF_TEST
        return json.dumps(self.answer).encode()


def box_of(answer):
    trial = Trial("Self-test")
    desk = Desk(AnsweringRecorder(answer), NoHands(), load("selftest"), trial, Path(), 1.0, print)
    asyncio.run(ask_box(desk))
    assert sorted(line.limit.key for line in trial.lines) == sorted(STEPS["box"][1])
    return trial


def test_memory_that_is_nearly_gone_fails():
    assert failed(box_of({"memory": {"ok": True, "free": 9000, "used": 1}})) == {"memory"}
    assert not failed(box_of({"memory": {"ok": True, "free": 40000, "used": 1}}))


@pytest.mark.parametrize(
    ("part", "keys", "words"),
    [
        ({"ok": False, "words": "no wire"}, {"chip_id"}, "no wire"),
        ({"ok": False, "words": "0x91", "id": 0x91}, {"chip_id"}, "0x91"),
        ({"ok": False, "words": "CH3SET", "id": 0x92, "registers": 1}, {"registers"}, "CH3SET"),
        ({"ok": False, "words": "SCLK", "id": 0x92, "registers": 0, "frames": 0, "frames_due": 100}, {"frames"}, "-100 %"),
        ({"ok": False, "words": "1100", "id": 0x92, "registers": 0, "frames": 100, "frames_due": 100}, {"frames"}, "1100"),
    ],
)
def test_a_converter_that_stops_halfway_is_named_at_the_line_where_it_stopped(part, keys, words):
    trial = box_of({"converter": part})
    assert failed(trial) == keys
    assert all(words in f"{line.words} {line.measured}" for line in trial.of(Verdict.FAIL))


def test_an_older_firmware_is_not_run_and_not_passed():
    trial = box_of(
        {"converter": {"ok": True, "frames": 100}, "card": {"ok": True, "write_ms": [1]}, "memory": {"ok": None, "words": "not known here"}}
    )
    assert not trial.of(Verdict.PASS)
    assert trial.line("memory").words == "not known here" and "older" in trial.line("radio").words


@needs_micropython
def test_a_dead_a_wrong_and_a_noisy_lead_are_named(on_bench):
    noise_nv = [700, 700, 12000, 700, 700, 700, 700, 700]
    front_end = {"dead": [4], "gain_ppm": [0, 0, 0, 0, 0, 0, 80000, 0], "noise_nv": noise_nv}
    steps = ["test-signal", "shorted", "aftermath"]
    trial = on_bench(lambda recorder, _: self_test(recorder, speed=SPEED, steps=steps), front_end=front_end)
    assert failed(trial) == {"test_amplitude", "noise"}
    amplitude, noise = trial.line("test_amplitude"), trial.line("noise")
    assert amplitude.where == "V3" and abs(amplitude.value) < 1 and amplitude.values["V5"] == pytest.approx(1080, abs=1)
    assert {lead for lead, value in amplitude.values.items() if amplitude.limit.excess(value)} == {"V3", "V5"}
    assert noise.where == "V1" and {lead for lead, value in noise.values.items() if noise.limit.excess(value)} == {"V1"}


@needs_micropython
def test_stuck_comparators_a_dead_button_a_wrong_clock_and_lost_frames_are_found(on_bench, monkeypatch):
    monkeypatch.setattr(recorded, "PRESS_S", 0.5)
    config = {"comparators_off": 0b10, "comparators_on": 0b10000, "button_fault": "dead", "speed": SPEED * 1.05, "slips": [[200, 3]]}
    steps = ["shorted", "by-hand", "aftermath"]
    trial = on_bench(lambda recorder, hands: self_test(recorder, hands=hands, speed=SPEED, steps=steps), **config)
    assert failed(trial) >= {"electrodes_closed", "electrodes_open", "button", "clock", "slips"}
    assert trial.line("electrodes_closed").words.startswith("LA:") and trial.line("electrodes_open").words.startswith("V2:")
    assert "no press" in trial.line("button").words and trial.line("slips").value >= 3
    assert trial.line("clock").value == pytest.approx(50000, abs=20000)


@needs_micropython
def test_without_hands_and_without_a_converter_it_says_what_was_not_run_and_why(on_bench):
    steps = ["box", "test-signal", "by-hand", "aftermath"]
    trial = on_bench(lambda recorder, _: self_test(recorder, hands=NoHands(), speed=SPEED, steps=steps), chip_id=0x91, battery_mv=0)
    assert failed(trial) == {"chip_id"}
    left = {line.limit.key: line.words for line in trial.of(Verdict.NOT_RUN)}
    assert "converter failed" in left["test_amplitude"] and "converter failed" in left["button"]
    assert "does not measure its battery" in left["battery"] and left["slips"] == "nothing was recorded"


@needs_micropython
def test_from_the_command_line_with_reports(tmp_path):
    reports = [tmp_path / f"trial{suffix}" for suffix in (".html", ".md", ".json")]
    arguments = ["selftest", "--quick", "--json", "--sim", str(tmp_path / "card.img")]
    result = CliRunner().invoke(cli, arguments + [part for path in reports for part in ("--report", str(path))])
    assert result.exit_code == 0, (result.output, result.exception)
    said = json.loads(result.stdout)
    assert said["ok"] and said["subject"]["board"] == "sim" and json.loads(reports[2].read_text()) == said
    assert "<table>" in reports[0].read_text() and "| pass |" in reports[1].read_text()
    for wrong in ("trial.pdf", "nowhere/trial.md"):
        assert CliRunner().invoke(cli, [*arguments, "--report", str(tmp_path / wrong)]).exit_code == 2


def test_a_person_is_asked_and_may_leave_things_out():
    asked = []
    hands = PromptHands(lambda words: asked.append(words) or ("s" if "button" in words else ""))
    asyncio.run(hands.join())
    asyncio.run(hands.lift())
    with pytest.raises(Exception, match="left out"):
        asyncio.run(hands.press())
    assert len(asked) == 3


def test_readings_that_scatter_make_the_clock_less_sure():
    def readings(scatter_s):
        return [ClockReading(500 * s, s + scatter_s * (-1) ** s, 0.001) for s in range(12)]

    sure, _, unsure = (drift(readings(s), 500)[1] for s in (0.0, 0.001, 0.02))
    assert sure < 150 < 1500 < unsure
