# SPDX-License-Identifier: Apache-2.0
"""The benches themselves: what is asked of a person, what a controller is told, what is missing. No recorder is needed."""

import os
import threading
import tty
from pathlib import Path

import pytest

from hil_tests.bench import ELECTRODE, POWER, BenchError, Declined, NoBench, PromptBench, RelayBench, mask_of, open_relay

HERE = Path(__file__).resolve().parent


class Controller:
    """A bench controller at the other end of a pseudo-terminal; `says` replaces answers."""

    def __init__(self, **says):
        self.told = []
        self._says = {"hello": "ok test controller 1", "can": "ok power electrode", **says}
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with os.fdopen(self._master, "r+b", buffering=0) as line:
            rest = b""
            while True:
                try:
                    rest += line.read(100)
                except OSError:
                    return
                *lines, rest = rest.split(b"\n")
                for words in lines:
                    self.told.append(words.decode())
                    line.write(self._says.get(words.decode(), "ok").encode() + b"\n")


def test_a_controller_is_told_in_lines_and_says_what_it_can():
    controller = Controller()
    bench = RelayBench("/dev/recorder", open_relay(controller.port))
    assert bench.plug() == "/dev/recorder" and "test controller 1" in bench.name and bench.can == {POWER, ELECTRODE}
    bench.power(False)
    bench.electrode("LA", True)
    bench.button(True)
    bench.sine(1000, 10, 500)
    bench.close()
    assert controller.told == ["hello", "can", "power off", "electrode LA off", "button press", "sine 1000 10", "reset"]


def test_what_is_no_controller_or_cannot_do_it_is_told():
    with pytest.raises(BenchError, match="not 'ok'"):
        RelayBench("/dev/recorder", open_relay(Controller(hello="login:").port))
    bench = RelayBench("/dev/recorder", open_relay(Controller(**{"power off": "error relay 1 does not answer"}).port))
    with pytest.raises(BenchError, match="relay 1 does not answer"):
        bench.power(False)


def test_a_person_is_told_what_to_do_and_may_decline():
    asked, answers = [], iter(["", "", "s", ""])

    def ask(words):
        asked.append(words)
        return next(answers)

    bench = PromptBench("/dev/recorder", ask)
    bench.electrode("V3", True)
    bench.button(True)
    bench.button(False)
    with pytest.raises(Declined, match="battery"):
        bench.power(False)
    bench.close()
    assert len(asked) == 4 and "V3 off the dummy" in asked[0] and "V3 back" in asked[3]


def test_without_a_bench_nothing_can_be_done_but_the_recorder_is_reached():
    bench = NoBench("/dev/recorder")
    assert (bench.plug(), bench.can, bench.speed) == ("/dev/recorder", frozenset(), 1)
    assert mask_of(["RA", "V6"]) == 0b100000001


def test_a_missing_bench_is_a_skip_with_its_reason(pytester_like):
    """`--port` without a bench: what needs hands is skipped, and says what for."""
    said = pytester_like("--port", "/dev/no-such-recorder", "-k", "button or electrode_that", "-rs")
    assert "this needs a bench that can do button" in said and "this needs a bench that can do electrode" in said
    assert "5 skipped" in said


def test_a_real_recorder_needs_its_key(pytester_like):
    assert "--key FILE" in pytester_like("--port", "/dev/no-such-recorder", key=False)


def test_the_air_is_another_carrier_for_the_same_tests(pytester_like):
    pytest.importorskip("bumble", reason="no Bumble (extra air)")
    assert "1 passed" in pytester_like("--air", "-k", "says_who_it_is", key=False)


@pytest.fixture
def pytester_like(tmp_path):
    """Run pytest over this folder with other options; return what it said."""
    import subprocess
    import sys

    def run(*options, key=True):
        path = tmp_path / "key"
        path.write_bytes(bytes(32))
        path.chmod(0o600)
        environment = {name: value for name, value in os.environ.items() if name != "OCTOLEAD_NO_SKIP"}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *options,
            *(["--key", str(path)] if key else []),
            str(HERE),
        ]
        done = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    return run
