# SPDX-License-Identifier: Apache-2.0
"""A viewer in a process of its own, and waiting for what a page does."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

BROWSER = "/usr/bin/chromium"
WAIT_S = 30.0


@dataclass
class Served:
    """A running viewer."""

    address: str
    source: Path
    folder: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]


def serve(source: Path, *options: str, **environment: str) -> Served:
    command = [str(Path(sys.executable).parent / "octolead"), "view", "--no-browser", str(source), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | environment)
    assert process.stdout
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), f"it ended with {process.poll()} and said {address!r}"
    return Served(address, source, Path(f"{source}.octolead"), process)


def end(served: Served) -> None:
    served.process.terminate()
    served.process.wait(15)
    if served.process.stdout:
        served.process.stdout.close()


def until(page: Any, condition: str, wait_s: float = WAIT_S) -> None:
    """Wait for a condition in the page; its own `waitForFunction` needs eval, which the policy forbids."""
    by = time.monotonic() + wait_s
    while not page.evaluate(f"!!({condition})"):
        assert time.monotonic() < by, f"{condition} does not become true within {wait_s:g} s"
        time.sleep(0.05)


def open_viewer(page: Any, served: Served) -> None:
    """Open it and wait until the analysis is there and the page is drawn."""
    page.goto(served.address)
    until(page, "window.octolead && octolead.state.facts && octolead.state.status.pyramid")
    page.evaluate("octolead.drawn()")
