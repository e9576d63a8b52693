# SPDX-License-Identifier: Apache-2.0
"""The demo's recording, a viewer over it, and a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octolead.demo import run_demo
from tests.view.viewing import BROWSER, Served, end, serve


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's recording, 40 s, with a mark in the middle."""
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder, seconds=40)
    return folder / "recording.olr"


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    source = tmp_path_factory.mktemp("served") / "recording.olr"
    shutil.copy(demo, source)
    running = serve(source)
    yield running
    end(running)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Ends with its file: while it runs, Playwright's event loop is that of this thread, and no other can be begun."""
    if not Path(BROWSER).exists():
        pytest.skip(f"no browser: {BROWSER} is not there (Debian: chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of 1280 x 720; an error in it, or something its policy forbids, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, timezone_id="UTC")
    opened, errors = context.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
    yield opened
    context.close()
    assert not errors
