# SPDX-License-Identifier: Apache-2.0
"""Too much at once: stalls of the card, a writer that hangs, frames that come while a block is written.

DESIGN.md section 5 says what gives way in which order. Frames are played by the virtual converter while time passes,
also in the middle of a write, as DMA would; `tap` is what left the chip.
"""

import struct
from pathlib import Path

import numpy as np
import pytest
import spec_reader as spec
from conftest import needs_micropython, run_micropython
from conftest import run_simulator as run_simulator_with
from recorder.ads1298_map import RATE_BITS
from recorder.capture import Capture
from recorder.load import CHECKPOINT, HEART_RATE, LIVE, NAMES, Load
from recorder.watchdog import Progress

HERE = Path(__file__).resolve().parent
RING = 4096
MOST_GUARD = 96  # that a board may keep against its DMA engine


def run_simulator(folder, **config):
    """Run with codec 0 unless told otherwise: the reader of these tests decodes no other.

    Over bare blocks: the stalls here are to the millisecond, and longer than the card's driver would wait.
    """
    config.setdefault("codec", 0)
    config.setdefault("card_bus", "block")
    config.setdefault("card_mib", 40)
    config.setdefault("tap", str(folder / "tap"))
    return run_simulator_with(folder, **config)


def blocks_of(folder, session=None):
    """The blocks of the only session, or of one by its id."""
    ring = spec.Ring(folder / "card.img")
    return ring.only_session() if session is None else ring.sessions()[bytes.fromhex(session)]


def gaps_of(blocks):
    """[(first frame missing, frame after, cause)]; each GAP event must tell the frames that are not there."""
    gaps = []
    end = 0
    for block in blocks:
        said = [struct.unpack("<BQ", data) for _, data in spec.events_of([block], spec.GAP)]
        assert block.first_frame == end + sum(n for _, n in said), "block %d" % block.number
        for cause, n in said:
            gaps.append((end, end + n, cause))
            end += n
        end = block.end
    return gaps


def check_every_frame(folder, blocks, shift=6):
    """What is stored at a frame is what was played at that frame: nothing has moved in time."""
    _, codes = spec.read_tap(folder / "tap")
    for block in blocks:
        assert np.array_equal(block.frames, spec.quantise(codes[block.first_frame : block.end], shift)), "block %d" % block.number
    return len(codes)


def faults_of(blocks):
    """[(kind, count)] of the FAULT events."""
    return [struct.unpack("<BI", data) for _, data in spec.events_of(blocks, spec.FAULT)]


@pytest.mark.parametrize("rate_hz", sorted(RATE_BITS))
def test_the_ring_holds_four_seconds_at_every_rate(rate_hz):
    class Source(Capture):
        def _head(self):
            return 0

    assert Source(guard=MOST_GUARD).capacity * 1000 // rate_hz >= 4000


@needs_micropython
def test_a_stall_of_half_a_second_every_ten_seconds_loses_nothing(tmp_path, input_500):
    stalls = [{"at_ms": 10000 * i, "stall_ms": 500} for i in range(1, 30)]
    run = run_simulator(tmp_path, input=input_500, frames=500 * 300, card_faults=stalls, card_write_ms=20)
    assert run.status["write_max_ms"] == 520
    assert run.status["frames_lost"] == 0
    assert run.status["last_fault"] is None
    assert run.status["load"]["level"] == 0
    blocks = blocks_of(tmp_path)
    assert gaps_of(blocks) == []
    assert check_every_frame(tmp_path, blocks) == blocks[-1].end == 500 * 300


@needs_micropython
@pytest.mark.parametrize(("rate_hz", "stall_ms"), [(250, 8000), (500, 3000), (500, 8000), (1000, 3000), (1000, 3900)])
def test_a_stall_that_the_ring_holds_loses_nothing(tmp_path, input_500, rate_hz, stall_ms):
    run = run_simulator(tmp_path, source="test", rate_hz=rate_hz, frames=rate_hz * 40, card_faults=[{"at_ms": 15000, "stall_ms": stall_ms}])
    assert run.status["write_max_ms"] == stall_ms
    assert run.status["frames_lost"] == 0
    assert run.status["load"]["ring_peak_frames"] >= stall_ms * rate_hz // 1000
    blocks = blocks_of(tmp_path)
    assert gaps_of(blocks) == []
    assert check_every_frame(tmp_path, blocks) == rate_hz * 40


@needs_micropython
def test_a_stall_of_nine_seconds_is_a_gap_of_exactly_the_frames_that_did_not_fit(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=500 * 60, card_faults=[{"at_ms": 20000, "stall_ms": 9000}])
    ((_, before, after),) = run.status["long_stalls"]
    assert after - before == 9 * 500
    blocks = blocks_of(tmp_path)
    ((start, stop, cause),) = gaps_of(blocks)
    assert cause == 1
    assert before - 50 <= start <= before + 50  # what was in the ring when the write began, or had been taken from it
    assert stop == after - RING
    assert run.status["frames_lost"] == stop - start == blocks[-1].frames_lost
    assert check_every_frame(tmp_path, blocks) == blocks[-1].end == 500 * 60
    assert faults_of(blocks)[0] == (1, 1)
    fault = run.status["faults"]["overflow"]
    assert (fault["count"], fault["first_frame"], fault["last_frame"]) == (1, stop, stop)
    assert fault["first_s"] == stop / 500


@needs_micropython
def test_frames_that_are_overwritten_while_a_block_is_written_amid_a_poll_are_missing_and_not_false(tmp_path, input_500):
    """A slip ends the open block while a sealed one waits: that one is written at once, and the ring runs over meanwhile."""
    slips = [[1000 + 61 * i, 1] for i in range(200)]
    stalls = [{"write": n, "stall_ms": 9000} for n in range(8, 120, 9)]
    run = run_simulator(tmp_path, input=input_500, frames=500 * 200, slips=slips, card_faults=stalls, slot_bytes=4096)
    blocks = blocks_of(tmp_path)
    gaps = gaps_of(blocks)
    assert {cause for _, _, cause in gaps} == {1, 2}
    assert sum(stop - start for start, stop, _ in gaps) == run.status["frames_lost"]
    assert check_every_frame(tmp_path, blocks) == blocks[-1].end == 500 * 200


@needs_micropython
def test_a_mark_during_a_stall_keeps_its_frame_and_one_in_the_lost_part_stands_behind_the_gap(tmp_path, input_500):
    marks = [10400, 11000, 12000, 19000]
    run = run_simulator(
        tmp_path,
        input=input_500,
        frames=500 * 60,
        marks=marks,
        card_faults=[{"at_ms": 20000, "stall_ms": 3000}, {"at_ms": 35000, "stall_ms": 9000}],
    )
    (_, first, last), (_, before, _) = run.status["long_stalls"]
    assert first < marks[0] < marks[1] < last
    blocks = blocks_of(tmp_path)
    ((start, stop, _),) = gaps_of(blocks)
    found = [frame for frame, data in spec.events_of(blocks, spec.MARK) if data[0] == 0]
    assert found == marks
    lost = (start + stop) // 2
    assert before < lost
    run = run_simulator(
        tmp_path, input=input_500, frames=500 * 60, format=True, marks=[lost], card_faults=[{"at_ms": 35000, "stall_ms": 9000}]
    )
    blocks = blocks_of(tmp_path)
    ((start, stop, _),) = gaps_of(blocks)
    assert start < lost < stop
    assert [frame for frame, _ in spec.events_of(blocks, spec.MARK)] == [stop]


@needs_micropython
@pytest.mark.parametrize("blocks", [1, 2])
def test_blocks_that_the_card_refuses_are_one_gap_and_their_marks_stand_behind_it(tmp_path, input_500, blocks):
    marks = [[335 * 4 + 1, "first"], [335 * 4 + 300, "second"], [335 * 5 + 10, "third"]]
    faults = [{"write": 5, "error": 5, "count": 11 * blocks}]
    run = run_simulator(tmp_path, input=input_500, frames=8000, remote_marks=marks, card_faults=faults, notes={"record": "x"})
    found = blocks_of(tmp_path)
    ((start, stop, causes),) = [(a, b, c) for a, b, c in merged(gaps_of(found))]
    assert causes == {4}
    assert stop - start == run.status["frames_lost"]
    assert start <= marks[0][0] < marks[1][0] < stop
    wanted = [(stop, "first"), (stop, "second"), (stop, "third") if blocks == 2 else (marks[2][0], "third")]
    assert [(frame, data[1:].decode()) for frame, data in spec.events_of(found, spec.MARK)] == wanted
    assert check_every_frame(tmp_path, found) == 8000


def merged(gaps):
    """Gaps that touch, as one with all their causes."""
    out = []
    for start, stop, cause in gaps:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], stop, out[-1][2] | {cause})
        else:
            out.append((start, stop, {cause}))
    return out


@needs_micropython
def test_a_button_pressed_more_often_than_the_latch_holds_is_a_counted_fault(tmp_path, input_500):
    run = run_simulator(
        tmp_path,
        input=input_500,
        frames=500 * 40,
        marks=[10250 + 200 * i for i in range(12)],
        card_faults=[{"at_ms": 20000, "stall_ms": 6000}],
    )
    lost = run.status["button_changes_lost"]
    assert lost > 0
    blocks = blocks_of(tmp_path)
    assert (6, lost) in faults_of(blocks)
    assert run.status["faults"]["button"]["count"] == lost
    assert len(spec.events_of(blocks, spec.BUTTON)) + lost == 24


@needs_micropython
@pytest.mark.parametrize("codec", [0, 1])
def test_a_writer_that_hangs_is_reset_by_the_watchdog_and_recording_goes_on(tmp_path, input_500, codec):
    config = {"input": input_500, "frames": 500 * 60, "codec": codec, "utc_us": 1_700_000_000_000_000}
    stuck = run_simulator(tmp_path, card_faults=[{"write": 6, "hang": True}], watchdog_ms=5000, **config)
    assert stuck.code == 4
    assert stuck.last["event"] == "watchdog_reset"
    played = stuck.status["frames_played"]
    first = blocks_of(tmp_path, stuck.status["session_id"])
    assert not any(block.flags & spec.LAST for block in first)
    hung_s = (played - first[-1].end) / 500
    assert 5.0 <= hung_s <= 5.0 + 2.5, "it is reset when the limit is over, and had 2.5 s at most on it"
    later = {**config, "utc_us": config["utc_us"] + played * 2000 + 3_000_000}
    again = run_simulator(tmp_path, reset_cause="watchdog", **later)
    assert again.code == 0
    second = blocks_of(tmp_path, again.status["session_id"])
    assert spec.events_of(second, spec.START) == [(0, b"\3")]
    notes = [data.decode() for _, data in spec.events_of(second, spec.NOTE)]
    assert "follows=" + stuck.status["session_id"] in notes
    assert second[-1].end == 500 * 60
    assert blocks_of(tmp_path, stuck.status["session_id"])[-1].end == first[-1].end
    gap_us = second[0].anchor_utc_us - first[-1].anchor_utc_us - first[-1].end * 2000
    assert gap_us == (played - first[-1].end) * 2000 + 3_000_000  # how long nothing was recorded shows in the anchors


@needs_micropython
def test_a_task_that_never_comes_back_is_reset_though_timers_go_on(tmp_path):
    assert "reset" in run_micropython(HERE / "mp_stuck.py", tmp_path, heap="4m", timeout=60)


@needs_micropython
def test_a_stall_shorter_than_the_watchdog_is_lived_through(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=500 * 60, card_faults=[{"at_ms": 20000, "stall_ms": 15500}])
    assert run.code == 0
    blocks = blocks_of(tmp_path)
    assert [cause for _, _, cause in gaps_of(blocks)] == [1]
    assert check_every_frame(tmp_path, blocks) == 500 * 60


@needs_micropython
def test_a_converter_that_gives_no_sound_frame_any_more_is_not_progress(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=500 * 120, slips=[[5000, 1000000]])
    assert run.code == 4
    assert 5000 + 16 * 500 <= run.status["frames_played"] <= 5000 + 17 * 500


@needs_micropython
def test_a_battery_that_falls_too_far_stops_the_session_in_order(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=500 * 3600, battery_mv=3400, battery_fall_mv_per_hour=3600, tap=None)
    assert run.code == 0
    blocks = blocks_of(tmp_path)
    assert blocks[-1].flags & spec.LAST
    ((_, reason),) = spec.events_of(blocks, spec.STOP)
    assert reason == b"\1"
    assert 100 * 500 <= blocks[-1].end <= 131 * 500  # 3300 mV after 100 s, and three looks at it, 10 s apart
    assert 3260 <= blocks[-1].battery_mv <= 3300


def test_things_give_way_in_the_stated_order_and_come_back_one_by_one():
    load = Load(4096)
    assert NAMES == ("live", "heart_rate", "checkpoint")
    for waiting, level in ((511, 0), (512, 1), (1023, 1), (1024, 2), (2047, 2), (2048, 3), (4096, 3)):
        load.look(waiting)
        assert load.level == level, waiting
        assert [load.gives_way(thing) for thing in (LIVE, HEART_RATE, CHECKPOINT)] == [level > 0, level > 1, level > 2]
    assert load.status()["shed"] == {"live": 6, "heart_rate": 4, "checkpoint": 2}
    levels = []
    for _ in range(30):
        load.look(50)
        levels.append(load.level)
    assert levels == [3] * 9 + [2] * 10 + [1] * 10 + [0]
    assert load.status()["entered"] == {"live": 1, "heart_rate": 1, "checkpoint": 1}
    assert load.peak_frames == 4096


def test_a_level_holds_while_the_ring_is_between_its_thresholds():
    load = Load(4096)
    load.look(2048)
    for _ in range(100):
        load.look(1024)
    assert load.level == 3
    load.look(4096)
    for waiting in (1000, 1100) * 100:
        load.look(waiting)  # never calm for long
    assert load.level == 3
    assert load.status()["entered"]["checkpoint"] == 1


class Fed:
    def __init__(self):
        self.count = 0

    def feed(self):
        self.count += 1


class Standing:
    """What Progress looks at, of a session."""

    def __init__(self):
        self.builder = self
        self.n_frames = self.block_number = self.waiting = self.blocks = 0


def test_the_watchdog_is_fed_for_progress_and_for_nothing_else():
    fed, session = Fed(), Standing()
    progress = Progress(fed, session)
    assert fed.count == 1

    def fed_by(**state):
        before = fed.count
        for name, value in state.items():
            setattr(session, name, value)
        progress.look()
        return fed.count - before

    assert fed_by(n_frames=50) == 1
    assert fed_by() == 0, "time alone"
    assert fed_by(n_frames=20, block_number=1, waiting=8000) == 0, "a block waits since before: no write was seen"
    assert fed_by(blocks=1, waiting=0) == 1
    assert fed_by(n_frames=60, waiting=8000, blocks=1) == 0
    assert fed_by(n_frames=90) == 0, "frames alone, while the block still waits"
    assert fed_by(n_frames=120, blocks=2) == 1, "another one waits, but one was written"
