# SPDX-License-Identifier: Apache-2.0
"""The boards' own files under MicroPython, pins and peripherals stood in for, converter and card the simulator's."""

import json
from pathlib import Path

import pytest
import spec_reader as spec
from conftest import needs_micropython, run_micropython, write_olnv
from test_simulator import check_against_tap

pytestmark = needs_micropython
HERE = Path(__file__).resolve().parent


def run_board(folder, board, **config):
    """Record for a while on a board; return what mp_board.py saw."""
    rate_hz = config.setdefault("rate_hz", 500)
    settings = {
        "board": board,
        "input": write_olnv(folder / "in.olnv", rate_hz=rate_hz, seconds=7),
        "tap": str(folder / "tap"),
        "card": str(folder / "card.img"),
        "card_mib": 40,
        "card_faults": [],
        "settings": str(folder / "settings"),
        "watchdog_ms": 16000,
        "idle_ms": 100,
        "record_ms": 12000,
        "battery_u16": 38000,
        "presses": [],
        "late": [],
        "radio_broken": False,
    }
    settings.update(config)
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    seen = json.loads(run_micropython(HERE / "mp_board.py", path).splitlines()[-1])
    assert seen["spi_violations"] == 0 and not seen["dma_violations"] and not seen["sd_violations"]
    return seen


@pytest.mark.parametrize(("rate_hz", "record_ms"), [(500, 11000), (1000, 6000)])
def test_the_pico_records_what_left_the_converter(tmp_path, rate_hz, record_ms):
    """The ring goes round (8.2 s at 500, 4.1 s at 1000), through a stall of the card; the button's frame is exact, its bounce no mark."""
    presses = [[1200, 0], [1203, 1], [1204, 0], [1300, 1], [5001, 0], [5100, 1]]
    seen = run_board(
        tmp_path, "pico2w", rate_hz=rate_hz, record_ms=record_ms, presses=presses, card_faults=[{"write": 5, "stall_ms": 1500}]
    )
    blocks = spec.Ring(tmp_path / "card.img").only_session()
    frames = check_against_tap(blocks, tmp_path / "tap")
    assert frames == seen["frames_converted"] == seen["status"]["frame"] > 0.99 * rate_hz * record_ms // 1000
    assert seen["status"]["write_max_ms"] >= 1500
    assert seen["status"]["frames_lost"] == 0 and seen["fifo_stalled"] == 0
    assert spec.events_of(blocks, spec.MARK) == [(1200, b"\0"), (5001, b"\0")]
    assert seen["radio"]["advertised"] and seen["radio"]["services"] == 5 and seen["links"] == 2
    assert seen["status"]["battery_mv"] == seen["supply"][0] == 38000 * 6600 // 65535


def test_the_pico_is_reset_when_it_is_idle_only_by_a_loop_that_stops(tmp_path):
    """A watchdog that counts 8388 ms: the timer feeds it out of the budget, idling feeds it for being alive."""
    seen = run_board(tmp_path, "pico2w", watchdog_ms=8388, record_ms=3000, idle_ms=12000, radio_broken=True)
    assert not seen["reset"] and seen["links"] == 1  # a radio that does not come up keeps nothing from being recorded
    assert seen["status"]["frame"] > 1490


def test_the_esp32_counts_every_frame_that_its_interrupt_missed(tmp_path):
    late = [700, 2000, 2001, 2002, 4500]
    presses = [[1200, 0], [1300, 1]]
    seen = run_board(tmp_path, "esp32s3", late=late, presses=presses)
    blocks = spec.Ring(tmp_path / "card.img").only_session()
    frames = check_against_tap(blocks, tmp_path / "tap")
    assert frames == seen["frames_converted"] == seen["status"]["frame"]
    assert seen["limits"]["frames_not_read"] == seen["status"]["frames_lost"] == len(late)
    assert spec.events_of(blocks, spec.MARK) == [(1200, b"\0")]
    gaps = [(frame, data[1]) for frame, data in spec.events_of(blocks, spec.GAP)]
    assert gaps == [(701, 1), (2003, 3), (4501, 1)]
