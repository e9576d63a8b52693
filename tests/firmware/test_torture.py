# SPDX-License-Identifier: Apache-2.0
"""Any write may be the last. Power goes at every write of a scenario, and the write under way tears in every way that is
known; the card forgets what it said it had, rots, or goes bad in places. After each the recorder boots under MicroPython,
goes on recording, and the desk reads: every sealed block, no false sample, a cause for every gap, at most 2.5 s unsealed.
"""

import shutil

import pytest
from conftest import needs_micropython

from tools.torture.chain import run_chain
from tools.torture.desk import image_with, look
from tools.torture.ledger import Ledger
from tools.torture.models import ROTTEN, TEARS, Case, caches, file_system, rot, tears
from tools.torture.run import Torture
from tools.torture.scenario import Scenario

pytestmark = needs_micropython


@pytest.fixture(scope="module")
def torture(tmp_path_factory):
    return Torture(Scenario(tmp_path_factory.mktemp("torture")))


def clean(torture):
    print(torture.figures.line())
    assert not torture.figures.faults, "\n".join(torture.figures.faults[:20])


def test_the_scenario_has_what_it_is_for(torture):
    """Format, ring, two sessions over several laps, blocks with and without checkpoints, a sync after every block."""
    blocks = [i for i, entry in enumerate(torture.log) if entry.data[:4] == b"\x8fOLB"]
    checkpoints = [i for i in blocks if torture.log[i].data[10] & 1]
    assert len(blocks) - len(checkpoints) > 3 * 24
    assert len(checkpoints) > 15
    assert all(torture.log[i + 1].sector == -1 for i in blocks)
    assert torture.where.formatted < torture.where.ring_made < blocks[0]
    assert [said["error"] for said in torture.played] == [None, None]


def test_every_cut_point_and_every_tear(torture):
    torture.run(tears(torture.log, seed=1))
    clean(torture)
    assert len(torture.figures.cuts) > 150
    assert {f"tear {kind}" for kind in TEARS} <= set(torture.figures.models)


def test_a_card_that_lost_some_of_its_last_writes(torture):
    torture.run(caches(torture.log, seed=1))
    clean(torture)


def test_rot_and_bad_places(torture):
    torture.run(rot(torture.log, seed=1, step=3))
    clean(torture)
    assert set(ROTTEN) <= set(torture.figures.models)


def test_rot_in_the_file_system_costs_no_sealed_block(torture):
    """The recorder goes on or refuses the card without writing to it."""
    torture.run(file_system(torture.log, seed=1, step=2))
    clean(torture)
    assert torture.figures.refused > 0


def test_where_a_name_rots_recover_reads_what_the_new_ring_stands_beside(torture):
    root = next(e.sector for e in torture.log if e.data[32:40] == b"OCTOLEAD")
    end = len(torture.log)
    before = torture.figures.recovered
    torture.run([Case("fs", {"cut": end, "may_refuse": True, "flips": [[root, 8 * 32 + 1]]}, end, 1)])
    clean(torture)
    assert torture.figures.recovered == before + 1


def test_one_card_through_forty_cuts(torture):
    run_chain(torture, seed=1, starts=40)
    clean(torture)


def test_the_desk_notices_a_lost_block_a_false_sample_and_a_foreign_session(torture):
    """What the tests above say is only worth as much as the look they take."""
    ledger = Ledger()
    shutil.copyfile(torture.scenario.image, torture.work)
    for entry in torture.log:
        ledger.write(entry)
        if entry.sector >= 0:
            n = len(entry.data) // 512
            image_with(torture.work, {entry.sector + i: entry.data[512 * i : 512 * i + 512] for i in range(n)})
    played, blocks = torture.scenario.played, list(ledger.blocks.values())
    assert not look(torture.work, played, blocks).wrong
    sector = max(ledger.blocks, key=lambda s: ledger.blocks[s].ring_seq)
    before = image_with(torture.work, {sector: bytes(512)})
    assert look(torture.work, played, blocks).lost == 1
    image_with(torture.work, before)
    truth = played["00000000000000bb"].truth
    truth[-1, 3] += 1
    assert look(torture.work, played, blocks).false_samples == 1
    truth[-1, 3] -= 1
    unknown = {key: value for key, value in played.items() if key != "00000000000000bb"}
    assert "was never recorded" in look(torture.work, unknown, []).wrong[0]
