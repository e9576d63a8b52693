# SPDX-License-Identifier: Apache-2.0
"""Which recorder, over which carrier, on which bench. Without options: the simulator."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.bench import Bench, Declined, NoBench, PromptBench, RelayBench, open_relay
from hil_tests.link import Link
from hil_tests.sim_bench import SimBench
from octolead.link.crypto import read_key


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("recorder on the bench")
    group.addoption("--port", metavar="TTY", help="serial port of a real recorder; default: the simulator")
    group.addoption("--ble", metavar="NAME", help="a real recorder over Bluetooth")
    group.addoption("--air", action="store_true", help="the simulator over a simulated air, instead of its cable")
    group.addoption("--key", metavar="FILE", help="its key")
    group.addoption("--bench", metavar="KIND", default="none", help="of a real recorder: none, prompt (with -s), or relay:TTY")
    group.addoption("--minutes", type=float, metavar="N", help="of the long run; default: 1 of the simulator, 10 of a real one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*abilities): what a bench must be able to do for this test")
    real = config.getoption("--port") or config.getoption("--ble")
    if real and not config.getoption("--key"):
        raise pytest.UsageError("a real recorder answers only to its key: --key FILE")
    if config.getoption("--air") and real:
        raise pytest.UsageError("--air is the simulator's; a real recorder is reached by --port TTY or --ble NAME")


def carriers(config: pytest.Config) -> list[str]:
    """Over what the recorder is reached."""
    if config.getoption("--ble") or config.getoption("--air"):
        return ["ble"]
    return ["usb"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "carrier" in metafunc.fixturenames:
        metafunc.parametrize("carrier", carriers(metafunc.config), scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """The simulator's bench can do everything: where OCTOLEAD_NO_SKIP is set, a skip fails, as in tests/conftest.py."""
    report = yield
    if report.skipped and os.environ.get("OCTOLEAD_NO_SKIP") and not (item.config.getoption("--port") or item.config.getoption("--ble")):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def key(pytestconfig: pytest.Config) -> bytes:
    """The recorder's key."""
    path = pytestconfig.getoption("--key")
    return read_key(path) if path else secrets.token_bytes(32)


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config, key: bytes) -> Iterator[Bench]:
    """The bench, for all tests."""
    made = make_bench(pytestconfig, key)
    try:
        yield made
    finally:
        made.close()


def make_bench(config: pytest.Config, key: bytes) -> Bench:
    """The bench that the options ask for."""
    where = config.getoption("--port") or config.getoption("--ble")
    if not where:
        return SimBench(key, air=bool(config.getoption("--air")))
    kind, _, tty = str(config.getoption("--bench")).partition(":")
    if kind == "none":
        return NoBench(where)
    if kind == "prompt":
        return PromptBench(where, input)
    if kind == "relay" and tty:
        return RelayBench(where, open_relay(tty))
    raise pytest.UsageError(f"--bench {config.getoption('--bench')}: none, prompt or relay:TTY")


@pytest.fixture
def link(request: pytest.FixtureRequest, bench: Bench, key: bytes, carrier: str) -> Link:
    """The recorder, idle; a test that the bench cannot do is skipped with what is missing."""
    marker = request.node.get_closest_marker("needs")
    missing = set(marker.args if marker else ()) - bench.can
    if missing:
        pytest.skip(f"{bench.name}: this needs a bench that can do {', '.join(sorted(missing))}: --bench prompt or --bench relay:TTY")
    made = Link(bench, key, carrier)
    made.settle()
    return made


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    """What a person at the bench declines is a skip."""
    try:
        return (yield)
    except Declined as declined:
        pytest.skip(str(declined))


@pytest.fixture(scope="session")
def minutes(pytestconfig: pytest.Config, bench: Bench) -> float:
    """Of the recorder, for the long run."""
    return float(pytestconfig.getoption("--minutes") or (1 if isinstance(bench, SimBench) else 10))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where recordings come home to."""
    return tmp_path
