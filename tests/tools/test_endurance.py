# SPDX-License-Identifier: Apache-2.0
"""A short endurance run (tools/endurance; `make endurance` runs ninety hours), and that its check can fail.

Real MicroPython, the real app; a card so tiny that the ring laps several times in the hour.
"""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from octolead.simulator import find_micropython
from tools.endurance import check
from tools.endurance.plan import Plan
from tools.endurance.played import LAP_FRAMES, Played
from tools.endurance.run import Card, simulate


def test_an_hour_on_a_tiny_card_with_all_that_goes_wrong(tmp_path):
    find_micropython()
    result = Card(tmp_path, "small", hours=1, seed=4).run()
    assert result.unaccounted == 0
    assert {"overflow", "slip", "card", "overwritten"} <= set(result.missing)
    assert {"overflow", "slip", "card_write"} <= set(result.faults)
    assert result.played == 3600 * 500
    assert result.laps > 4
    assert set(result.boots) == {"cut", "watchdog", "battery", "stopped"}
    assert result.worst_cut_frames <= 2.5 * 500
    assert result.marks >= 3
    assert result.highest_frame > 2**32
    assert result.search_reads <= 200
    assert result.heap_growth <= 2048
    assert result.verify["exit_code"] == 0


@pytest.fixture(scope="module")
def boot(tmp_path_factory):
    """A minute on a card: (folder, card, boot, status)."""
    folder = tmp_path_factory.mktemp("endurance")
    card = Card(folder, "small", hours=1, seed=1, ring_mib=2)
    boot = Plan(1, 1).boot(0, 299_000, 30_000, False, last=True)
    boot.config["format"] = True
    ended, status, _ = simulate({**card.base, **boot.config}, folder)
    return card, boot, {**status, "ended": ended}


def test_a_boot_that_went_well_is_accounted_for(boot):
    card, planned, status = boot
    found = check.account(card.image, planned, status, card.played)
    assert (found.equal, found.tail, found.balance(), found.marks) == (30_000, 0, 0, 1)


def test_a_signal_that_is_one_frame_off_is_found(boot):
    card, planned, status = boot
    with pytest.raises(check.Unaccounted, match="frame 0 is not what was played"):
        check.account(card.image, replace(planned, offset=planned.offset + 1), status, card.played)
    with pytest.raises(check.Unaccounted, match="frame 0 is not what was played"):
        check.account(card.image, replace(planned, offset=planned.offset + LAP_FRAMES), status, card.played)


def test_a_frame_or_a_mark_that_is_not_there_is_found(boot):
    card, planned, status = boot
    with pytest.raises(check.Unaccounted, match="the last 1 of 30001 frames are not there"):
        check.account(card.image, planned, {**status, "frames_played": 30_001}, card.played)
    pressed = replace(planned, config={**planned.config, "marks": [*planned.config["marks"], 20_000]})
    with pytest.raises(check.Unaccounted, match="marks at"):
        check.account(card.image, pressed, status, card.played)


def test_a_block_that_rots_is_found(boot, tmp_path):
    card, _, _ = boot
    image = tmp_path / "card.img"
    shutil.copy(card.image, image)
    data = np.memmap(image, np.uint8, "r+")
    blocks = [at for at in range(0, len(data), 512) if bytes(data[at : at + 4]) == b"\x8fOLB"]
    data[blocks[3] + 700] ^= 1
    data.flush()
    with pytest.raises(check.Unaccounted):
        check.whole_card(image, torn=0)


def test_no_two_laps_of_the_played_signal_are_alike():
    played = Played()
    laps = [played.stored(lap * LAP_FRAMES, 1).tobytes() for lap in range(8191)]
    assert len(set(laps)) == 8191
