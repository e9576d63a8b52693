# SPDX-License-Identifier: Apache-2.0
"""The SD card at its wires: checks and registers against others, the driver against a card that misbehaves, recordings."""

import binascii
import struct
from pathlib import Path

import numpy as np
import pytest
import spec_reader as spec
from conftest import needs_micropython, run_micropython, run_simulator
from hypothesis import given
from hypothesis import strategies as st
from recorder import sd_crc
from recorder.errors import SdUnusable
from recorder.sd_registers import Cid, Csd
from recorder.write_times import N_BINS, WriteTimes, bin_of, lower_ms

HERE = Path(__file__).resolve().parent
CASES = (
    "four kinds of cards, byte by byte and in bulk alike",
    "identity, clock and limits",
    "slow answers, slow data, slow writes",
    "FatFs, formatting and a ring through the driver",
    "busy for 500 ms",
    "a data block refused for its CRC",
    "a data block refused for good",
    "a write that failed after it was taken shows in CMD13",
    "stuck busy, until it was pulled and put back",
    "the data line stuck low and high, for good and for 0.7 s",
    "reads: wrong CRC, late, never, unreadable",
    "pulled in the middle of a block, and put back",
    "pulled, and put back later",
    "another card was put in",
    "write-protected",
    "smaller than it claims",
    "a forgery is found before it is formatted",
    "cards that do not start",
    "commands that go wrong",
)
HOST_CASES = (
    "the recorder is reset in the middle of a write",
    "the supply goes in the middle of a block",
    "what a host must not do is seen",
)

# Registers of cards that exist, as their owners published them, with the capacities printed beside: a table of CSDs in a
# public repository, and the sysfs pages of Linux. The last byte of each is its own CRC7.
CARDS = (
    ("002d00325b5a83d5fefbff80168000cf", 1, 4_022_272),  # Kingston 2 GB
    ("002600325f5a83c93efbcfff928040cb", 1, 3_970_048),  # SanDisk 2 GB
    ("400e00325b590000ee9d7f800a400013", 2, 62_552_064),  # Samsung 32 GB
    ("400e00325b590001dbff7f800a40003f", 2, 124_780_544),  # Toshiba 64 GB
)


@given(st.binary(max_size=80).map(lambda data: data + bytes(-len(data) % 8)), st.integers(0, 9))
def test_crc16_is_that_of_the_standard_library(data, at):
    out = bytearray(b"\xa5" * (len(data) + 12))
    swapped = sd_crc.copy_crc16(0, sd_crc.CRC16, out, at, b"..." + data, 3, len(data))
    assert (swapped & 0xFF) << 8 | swapped >> 8 == binascii.crc_hqx(data, 0)
    assert out == b"\xa5" * at + data + b"\xa5" * (12 - at)


def test_crc7_of_commands_that_every_card_knows():
    """CMD0 and CMD8 with pattern 0xAA: 0x95 and 0x87 in the specification's own examples (7.2.2)."""
    assert sd_crc.crc7(bytes([0x40, 0, 0, 0, 0]), 5) == 0x95
    assert sd_crc.crc7(bytes([0x48, 0, 0, 1, 0xAA]), 5) == 0x87


@pytest.mark.parametrize(("text", "version", "n_sectors"), CARDS)
def test_registers_of_real_cards(text, version, n_sectors):
    register = bytes.fromhex(text)
    assert sd_crc.crc7(register, 15) == register[15]
    csd = Csd(register)
    assert (csd.version, csd.n_sectors, csd.max_hz, csd.protected) == (version, n_sectors, 25_000_000, False)


def test_identity_of_a_real_card():
    register = bytes.fromhex("03534453553031478080baf50e009b8c")
    cid = Cid(register)
    assert (cid.maker, cid.oem, cid.name, cid.serial, cid.year, cid.month) == (3, "SD", "SU01G", "80baf50e", 2009, 11)


def test_a_newer_register_is_refused_and_protection_is_seen():
    register = bytearray(bytes.fromhex(CARDS[2][0]))
    register[14] |= 0x10
    assert Csd(register).protected
    register[0] = 0x80
    with pytest.raises(SdUnusable, match="structure 2"):
        Csd(register)


@given(st.lists(st.integers(0, 80_000), min_size=1, max_size=60), st.integers(1, 100))
def test_percentiles_of_write_times_are_at_most_a_quarter_too_high(times, percent):
    histogram = WriteTimes()
    for ms in times:
        histogram.add(ms)
    exact = sorted(times)[-(-len(times) * percent // 100) - 1]
    found = histogram.percentile_ms(percent)
    assert found <= max(times)
    assert exact <= found <= exact * 1.25 or exact >= 1 << 16
    assert sum(n for _, n in histogram.bins()) == len(times) == histogram.writes
    assert [lower for lower, _ in histogram.bins()] == sorted({lower_ms(bin_of(ms)) for ms in times})


def test_bins_of_write_times_lie_side_by_side():
    bins = [bin_of(ms) for ms in range(1 << 16)]
    assert bins == sorted(bins)
    assert set(bins) == set(range(N_BINS))
    assert all(lower_ms(index) == bins.index(index) for index in range(N_BINS))
    assert WriteTimes().percentile_ms(99) == 0


@needs_micropython
def test_the_driver_on_a_card_that_misbehaves(tmp_path):
    lines = run_micropython(HERE / "mp_sd.py", tmp_path, HERE, heap="16m").splitlines()
    assert lines == ["ok " + case for case in CASES]


@needs_micropython
def test_a_recorder_that_is_reset_amid_a_block_and_a_host_that_breaks_the_rules(tmp_path):
    lines = run_micropython(HERE / "mp_sd_host.py", tmp_path, HERE, heap="16m").splitlines()
    assert lines == ["ok " + case for case in HOST_CASES]


@needs_micropython
@pytest.mark.parametrize(("first_seed", "sequences"), [(0, 40), (2827, 1)])
def test_a_card_is_what_was_written_to_it_whatever_went_wrong(tmp_path, first_seed, sequences):
    """Random sequences; more of them: mp_sd_random.py by hand, with another first seed and a count.

    2827: a garbled data response, after which CMD12 went to a card that was busy and did not hear it.
    """
    said = run_micropython(HERE / "mp_sd_random.py", tmp_path, HERE, first_seed, sequences, heap="16m")
    assert said.startswith(f"{sequences} sequences, "), said


@needs_micropython
def test_the_driver_allocates_nothing_for_a_call():
    lines = run_micropython(HERE / "mp_sd_steady.py", heap="1m").splitlines()
    assert lines == ["viper: 0 bytes of heap a call", "plain: 0 bytes of heap a call"]


@needs_micropython
def test_viper_and_plain_crc_agree(tmp_path):
    script = tmp_path / "twins.py"
    script.write_text(
        "import sys, random\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from recorder import sd_crc, sd_crc_fast\n"
        "for n in range(0, 600, 8):\n"
        "    data = bytes(random.getrandbits(8) for _ in range(n + 5))\n"
        "    a, b = bytearray(n + 9), bytearray(n + 9)\n"
        "    begin = random.getrandbits(16)\n"
        "    one = sd_crc.copy_crc16(begin, sd_crc.CRC16, a, 3, data, 5, n)\n"
        "    two = sd_crc_fast.copy_crc16(begin, sd_crc.CRC16, b, 3, data, 5, n)\n"
        "    assert (one, a) == (two, b), n\n"
        "print('alike')\n"
    )
    assert run_micropython(script) == "alike\n"


def recorded(folder, source, *faults, code=0, **more):
    """Record 5,000 frames (10 s) on a card with these faults."""
    more.setdefault("frames", 5000)
    run = run_simulator(folder, input=source, card_mib=40, tap=str(folder / "tap"), sd_faults=list(faults), **more)
    assert run.code == code, run.last
    assert run.status.get("sd_violations", {}) == {}
    return run


def check(folder):
    """Return the session's blocks after comparing all frames with the converter's."""
    blocks = spec.Ring(folder / "card.img").only_session()
    _, codes = spec.read_tap(folder / "tap")
    for block in blocks:
        assert np.array_equal(block.frames, spec.quantise(codes[block.first_frame : block.end], 6))
    return blocks


WRITE = {"on": "write", "nth": 6, "block": 5}


@needs_micropython
@pytest.mark.parametrize(
    "fault",
    [
        {**WRITE, "do": "busy", "ms": 500},
        {**WRITE, "count": 3, "do": "answer", "value": 0x0B},
        {**WRITE, "do": "answer", "value": 0x0D},
        {**WRITE, "do": "answer", "value": 0x1F},
        {**WRITE, "byte": 200, "do": "pull", "back_ms": 1200},
        {**WRITE, "byte": 200, "do": "line", "value": 0, "back_ms": 900},
        {"on": "time", "at_ms": 4000, "do": "pull", "back_ms": 1900},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_what_passes_costs_no_frame(tmp_path, input_500, fault):
    run = recorded(tmp_path, input_500, fault)
    blocks = check(tmp_path)
    assert run.status["frames_lost"] == 0
    assert sum(block.n_frames for block in blocks) == 5000
    assert not spec.events_of(blocks, spec.GAP)
    assert run.status["write_max_ms"] == max(blocks[-1].write_max_ms, run.status["write_last_ms"])
    assert sum(n for _, n in run.status["write_bins"]) == run.status["writes"]


@needs_micropython
def test_a_card_out_for_nine_seconds_is_one_gap_with_its_cause_and_the_recording_goes_on(tmp_path, input_500):
    run = recorded(tmp_path, input_500, {"on": "time", "at_ms": 4000, "do": "pull", "back_ms": 9000}, frames=10000)
    blocks = check(tmp_path)
    assert run.status["card"]["started"] == 2
    gaps = [struct.unpack("<BQ", data) for _, data in spec.events_of(blocks, spec.GAP)]
    assert gaps == [(4, run.status["frames_lost"])]
    assert [data for _, data in spec.events_of(blocks, spec.FAULT)] == [struct.pack("<BI", 4, run.status["writes_repeated"])]
    assert sum(block.n_frames for block in blocks) + run.status["frames_lost"] == blocks[-1].end == 10000
    assert 0 < run.status["frames_lost"] < 9 * 500


@needs_micropython
def test_a_card_out_for_six_seconds_costs_no_frame_where_blocks_are_as_long(tmp_path, input_500):
    fault = {"on": "time", "at_ms": 4000, "do": "pull", "back_ms": 6000}
    run = run_simulator(tmp_path, input=input_500, card_mib=40, frames=8000, codec=None, sd_faults=[fault])
    assert run.status["card"]["started"] == 2
    assert run.status["frames_lost"] == 0
    assert run.status["sd_violations"] == {}
    assert sum(block.n_frames for block in spec.Ring(tmp_path / "card.img").only_session()) == 8000


@needs_micropython
@pytest.mark.parametrize("other", [False, True])
def test_a_card_that_stays_away_or_is_another_stops_the_session(tmp_path, input_500, other):
    fault = {"on": "time", "at_ms": 4000, "do": "pull"}
    if other:
        fault.update(other=True, back_ms=100)
    run = recorded(tmp_path, input_500, fault, code=1, frames=20000)
    assert run.last["kind"] == "card_write"
    blocks = check(tmp_path)
    assert blocks[-1].end >= 4 * 500 - 2.5 * 500
    assert spec.Ring(tmp_path / "card.img").only_session()


@needs_micropython
def test_a_card_that_is_not_there_is_said_at_once(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, card_mib=40, frames=100, card_present=False)
    assert run.code == 1
    assert run.last["kind"] == "sd_absent"
    assert "CMD0" in run.last["message"]


@needs_micropython
def test_a_forgery_is_not_formatted(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, card_mib=64, card_claims_mib=256, frames=100)
    assert run.code == 1
    assert run.last["kind"] == "card_false_size"
    assert "256 MiB" in run.last["message"]


@needs_micropython
@pytest.mark.parametrize("kind", ["sdsc", "v1", "sdxc"])
def test_every_kind_of_card_records(tmp_path, input_500, kind):
    run = recorded(tmp_path, input_500, frames=3000, card_kind=kind)
    assert sum(block.n_frames for block in check(tmp_path)) == 3000
    assert run.status["card"]["sectors"] == 40 * 2048


@needs_micropython
@pytest.mark.parametrize(("write", "block", "byte"), [(4, 0, 3), (5, 7, 511), (6, 15, 514), (8, 12, 0)])
def test_the_supply_goes_in_the_middle_of_a_block_on_the_wires(tmp_path, input_500, write, block, byte):
    config = {"input": input_500, "card_mib": 40, "frames": 5000}
    fault = {"on": "write", "nth": write, "block": block, "byte": byte, "do": "cut"}
    run = recorded(tmp_path, input_500, fault, code=3, frames=5000)
    blocks = check(tmp_path)
    end = 0
    for found in blocks:
        assert found.first_frame == end
        end = found.end
    assert len(spec.read_tap(tmp_path / "tap")[0]) - end <= 2.5 * 500
    assert sum(not found.flags & spec.CHECKPOINT for found in blocks) >= run.status["blocks"]
    again = run_simulator(tmp_path, **config)
    assert again.status["resumed"]
    assert again.status["frames_recorded"] == 5000


@needs_micropython
def test_bare_blocks_and_wires_give_the_same_card(tmp_path, input_500):
    """The same session over both: the blocks differ only in what the card's speed decides."""
    found = []
    for bus in ("block", "spi"):
        run_simulator(tmp_path, input=input_500, card_mib=40, format=True, frames=6000, card_bus=bus, session_id="00" * 8)
        found.append([(block.first_frame, block.n_frames, block.body) for block in spec.Ring(tmp_path / "card.img").only_session()])
    assert found[0] == found[1]
