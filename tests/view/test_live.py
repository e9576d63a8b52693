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
from octolead import _constants as c
from octolead.cli.link_options import Target, simulated_bench
from octolead.errors import LinkLostError
from octolead.link import Notice
from octolead.view.desk import Desk
from octolead.view.live import Live
from octolead.view.notices import told
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
    assert page.evaluate("octolead.state.live.marks.map((mark) => mark.frame)") == [MARK]  # told before its block came

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


def test_notices_are_told_in_words_and_a_mark_is_one() -> None:
    mark = told(Notice(c.NOTICE_MARK, 700, b"\1dizzy"))
    assert mark == {"kind": "mark", "frame": 700, "origin": "remote", "text": "dizzy"}
    words = {
        c.NOTICE_LEAD_OFF: (b"\x09\0", "Electrode off: RA, V1"),
        c.NOTICE_RATE: (b"\x26\0", "Rate 38 a minute"),
        c.NOTICE_PAUSE: (b"\xb8\x0b", "No beat for 3.0 s"),
        c.NOTICE_BATTERY: (b"\x48\x0d", "Battery low: 3.40 V"),
    }
    for kind, (data, wanted) in words.items():
        assert told(Notice(kind, 5, data)) == {"kind": "words", "frame": 5, "words": wanted}
    assert told(Notice(c.NOTICE_SEALED, 5, bytes(4))) is None
    assert told(Notice(c.NOTICE_RATE, 5, b"")) is None


def test_blocks_that_are_missing_are_counted_until_they_are_home(tmp_path: Path) -> None:
    live = Live(_nobody, tmp_path)
    live._progress(3, 10, 0)
    assert (live.state["connection"], live.state["behind"]) == ("catching up", 7)
    live._progress(10, 10, 0)
    assert (live.state["connection"], live.state["behind"]) == ("live", 0)
    live._lost("the cable is pulled")
    assert (live.state["connection"], live.state["words"]) == ("lost", "the cable is pulled")


async def _nobody() -> Any:
    raise LinkLostError("nobody is there")
