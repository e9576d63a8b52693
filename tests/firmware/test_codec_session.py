# SPDX-License-Identifier: Apache-2.0
"""The simulator with codec 1, its default: what is on the card is what left the chip, to the frame, checkpoints too."""

import struct

import numpy as np
import pytest
import spec_reader as spec
from conftest import needs_micropython, run_simulator, write_olnv

pytestmark = needs_micropython


def check_against_tap(blocks, tap, shift=6):
    """Every block holds the values that left the chip; return the frame after the last."""
    _, codes = spec.read_tap(tap)
    expected = 0
    for block in blocks:
        assert block.codec == 1
        assert block.first_frame == expected
        assert np.array_equal(block.frames, spec.quantise(codes[block.first_frame : block.end], shift))
        expected = block.end
    return expected


@pytest.mark.parametrize(("rate_hz", "slot_bytes"), [(500, 8192), (250, 4096), (1000, 16384)])
def test_every_stored_value_is_what_left_the_chip(tmp_path, rate_hz, slot_bytes):
    source = write_olnv(tmp_path / "in.olnv", rate_hz=rate_hz, seconds=7)
    frames = rate_hz * 41 + 17
    tap = tmp_path / "tap"
    run_simulator(tmp_path, input=source, card_mib=40, frames=frames, tap=str(tap), rate_hz=rate_hz, slot_bytes=slot_bytes, codec=None)
    blocks = spec.Ring(tmp_path / "card.img").only_session()
    assert check_against_tap(blocks, tap) == frames
    assert len(blocks) > 2
    for block in blocks[:-1]:
        assert block.block_bytes > slot_bytes - 160


def test_marks_stand_at_their_frames_and_a_block_full_of_events_goes_on(tmp_path, input_500):
    marks = [0, 1, 499, 1702, 1703, 9998]
    remote = [[3000 + 7 * i, "text %d" % i] for i in range(200)]
    tap = tmp_path / "tap"
    run_simulator(tmp_path, input=input_500, card_mib=40, frames=12000, tap=str(tap), marks=marks, remote_marks=remote, codec=1)
    blocks = spec.Ring(tmp_path / "card.img").only_session()
    assert check_against_tap(blocks, tap) == 12000
    found = spec.events_of(blocks, spec.MARK)
    assert sorted(frame for frame, data in found if not data[0]) == marks
    assert [frame for frame, data in found if data[0]] == [frame for frame, _ in remote]


@pytest.mark.parametrize("writes", range(1, 14, 3))
def test_a_power_cut_costs_at_most_the_last_checkpoint_interval(tmp_path, input_500, writes):
    tap = tmp_path / "tap"
    run = run_simulator(
        tmp_path, input=input_500, card_mib=40, frames=20000, tap=str(tap), codec=1, cut_after_writes=writes, torn_sectors=1
    )
    assert run.code == 3
    blocks = spec.Ring(tmp_path / "card.img").only_session()
    end = check_against_tap(blocks, tap)
    assert end >= run.status["frames_played"] - 2.5 * 500 - 128


def test_noise_over_the_whole_range_is_stored(tmp_path):
    rng = np.random.default_rng(5)
    nv = rng.integers(-400_000_000, 400_000_000, (3000, 8)).astype("<i4")
    head = b"OLNV" + struct.pack("<HHII", 1, 8, 500_000, len(nv))
    (tmp_path / "in.olnv").write_bytes(head + nv.tobytes())
    tap = tmp_path / "tap"
    run_simulator(tmp_path, input=str(tmp_path / "in.olnv"), card_mib=40, frames=5000, tap=str(tap), shift=0, codec=1)
    assert check_against_tap(spec.Ring(tmp_path / "card.img").only_session(), tap, shift=0) == 5000
