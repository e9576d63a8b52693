# SPDX-License-Identifier: Apache-2.0
"""A recorder that records now, in a real browser: it is lost, it comes back, and nothing of it is missing."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import octolead
from octolead.cli.link_options import Target, simulated_bench
from octolead.errors import LinkLostError
from octolead.view.desk import Desk
from octolead.view.live import Live
from octolead.view.run import Viewer
from tests.view.viewing import until

MARK = 2500


@dataclass
class Cable:
    """What a hand does with it."""

    target: Target
    is_pulled: bool = False

    async def connect(self) -> Any:
        if self.is_pulled:
            raise LinkLostError("the cable is pulled")
        return await self.target.connect()

    def pull(self) -> None:
        self.is_pulled = True
        assert self.target.bench
        self.target.bench.pull()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Cable, Viewer, Path]]:
    key = secrets.token_bytes(32)
    with simulated_bench(str(tmp_path / "card.img"), on_air=False, link_key=key.hex(), marks=[MARK]) as bench:
        cable = Cable(Target("", key, bench))
        live = Live(cable.connect, tmp_path / "archive", start_if_idle=True)
        path = live.wait_for_file(60)
        desk = Desk(str(path))
        live.attach(desk)
        viewer = Viewer(desk, 0, live)
        thread = Thread(target=viewer.run, kwargs={"browser": False, "say": lambda address: None})
        thread.start()
        yield cable, viewer, path
        viewer.server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
        bench.end()


def test_live_strip_mark_outage_and_catching_up(page: Any, running: tuple[Cable, Viewer, Path]) -> None:
    cable, viewer, path = running
    page.goto(viewer.address)
    words = "document.getElementById('live').textContent"
    until(page, f"{words}.includes('Live')")
    until(page, "octolead.state.live.n > 500 && octolead.state.live.first + octolead.state.live.n > octolead.state.info.n_frames")
    at = page.evaluate("octolead.state.frame")
    until(page, f"octolead.state.frame > {at}")
    until(page, f"octolead.state.info.marks.some((mark) => mark.frame === {MARK})")
    assert page.locator("#panel tr.go").count() == 1

    cable.pull()
    until(page, f"{words}.includes('lost')")
    page.evaluate("octolead.drawn()")
    home = page.evaluate("octolead.state.info.n_frames")
    assert page.locator("#says").inner_text() != ""

    cable.is_pulled = False
    until(page, f"{words}.includes('Live')")
    until(page, f"octolead.state.info.n_frames > {home} + 2000")
    with octolead.open(path) as recording:
        assert recording.gaps == []
        assert recording.n_frames > home
