# SPDX-License-Identifier: Apache-2.0
"""What octolead.native promises, with hypothesis where a promise is about any bytes or any values."""

import binascii
import dataclasses
import mmap
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from octolead import _constants as c
from octolead import native
from octolead.errors import BlockError, BlockFault

LEADS = (1, 2, 7, 8, 9, 10, 11, 12)
LIMITS = {c.CODEC_RAW24: 2**23, c.CODEC_ADAPTIVE: 2**31}
CODECS = sorted(LIMITS)
ECG = (np.arange(320, dtype=np.int32).reshape(40, 8) * 37) % 1009 - 500


def make_header(n_frames: int = 40, **changes: object) -> native.BlockHeader:
    header = native.BlockHeader(
        first_frame=1000,
        n_frames=n_frames,
        rate_mhz=500_000,
        lead_ids=LEADS,
        step_nv_num=153_600_000_000,
        step_nv_den=50_331_642,
        device_id=b"device-1",
        session_id=b"session1",
        block_number=17,
        ring_seq=23,
    )
    return dataclasses.replace(header, **changes)  # type: ignore[arg-type]


def make_block(frames: npt.NDArray[np.int32] = ECG, events: object = (), **changes: object) -> bytes:
    header = make_header(len(frames), **changes)
    payload = native.encode_payload(frames, codec_id=header.codec_id, lead_ids=header.lead_ids, rate_mhz=header.rate_mhz)
    return native.seal_block(header, payload, events)


def flipped(data: bytes, position: int) -> bytes:
    out = bytearray(data)
    out[position] ^= 0x10
    return bytes(out)


# CRC (SPEC 1.3)


@given(st.binary(max_size=500), st.integers(0, 2**32 - 1))
def test_crc_is_that_of_binascii(data: bytes, value: int) -> None:
    assert native.crc32(data, value) == binascii.crc32(data, value)


# headers (SPEC 3)


def test_a_sealed_header_is_parsed_field_by_field_as_struct_reads_it() -> None:
    data = make_block(flags=c.FLAG_LAST | c.FLAG_CHAINED, chain_tag=bytes(range(16)), temperature_cdeg=-512, anchor_utc_us=-1)
    header = native.parse_header(data)
    fields = dict(zip(c.BLOCK_HEADER_FIELDS, struct.unpack_from(c.BLOCK_HEADER_FORMAT, data), strict=True))
    assert bytes(header.lead_ids) == fields.pop("lead_ids")
    fields.pop("magic")
    assert {name: getattr(header, name) for name in fields} == fields
    assert header.is_last
    assert header.is_chained
    assert not header.is_checkpoint
    assert header.stop_frame == 1040


def test_sealing_a_parsed_block_gives_the_same_bytes() -> None:
    events = [native.Event(c.EVENT_MARK, 3, b"\x00hello"), native.Event(c.EVENT_BUTTON, 5, b"\x01")]
    data = make_block(events=events)
    header = native.parse_header(data)
    payload = data[header.header_bytes : header.header_bytes + header.payload_bytes]
    assert native.seal_block(header, payload, native.iter_events(data)) == data


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)])
def test_any_buffer_will_do(buffer: Callable[[bytes], object]) -> None:
    data = buffer(b"pad!" + make_block())
    assert native.parse_header(data, 4).block_number == 17
    assert np.array_equal(native.decode_block(data, 4), ECG)


def test_a_mapped_file_will_do_and_can_be_closed_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a.olr"
    path.write_bytes(make_block() * 3)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert len(native.index_blocks(mapped)[0]) == 3


def test_a_damaged_header_names_kind_place_and_both_numbers() -> None:
    data = flipped(bytes(8) + make_block(), 8 + 20)
    with pytest.raises(BlockError, match=r"block at byte 8: header CRC 0x[0-9a-f]{8}, computed 0x[0-9a-f]{8}") as caught:
        native.parse_header(data, 8)
    assert (caught.value.kind, caught.value.offset) == (BlockFault.HEADER_CRC, 8)
    assert caught.value.expected == struct.unpack_from("<I", data, 8 + c.BLOCK_HEADER_HEADER_CRC32)[0]
    assert caught.value.got == binascii.crc32(data[8 : 8 + c.BLOCK_HEADER_HEADER_CRC32])


def test_a_cut_block_says_how_many_bytes_are_there() -> None:
    data = make_block()
    with pytest.raises(BlockError, match="cut off: 100 of 144 bytes"):
        native.parse_header(data[:100])
    with pytest.raises(BlockError, match=f"cut off: 400 of {len(data)} bytes"):
        native.decode_block(data[:400])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lead_ids": ()}, "lead_ids"),
        ({"lead_ids": (1,) * 9}, "lead_ids"),
        ({"rate_mhz": 0}, "rate_mhz"),
        ({"gain": 256}, "gain is 256"),
        ({"device_id": b"short"}, "device_id has 5 bytes"),
        ({"step_nv_den": 0}, "break a rule"),
        ({"flags": 1 << 6}, "break a rule"),
        ({"n_frames": 20000}, "break a rule"),
    ],
)
def test_sealing_refuses_a_wrong_header_as_a_wrong_call(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        native.seal_block(make_header(**changes), b"")  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["text", 5, None, np.zeros((4, 4))[:, ::2]])
def test_what_is_no_buffer_is_a_wrong_call(data: object) -> None:
    with pytest.raises(ValueError, match="buffer"):
        native.index_blocks(data)


def test_an_offset_outside_is_a_wrong_call() -> None:
    for offset in (-1, 5):
        with pytest.raises(ValueError, match="outside"):
            native.parse_header(b"abcd", offset)


# events (SPEC 3.2)

EVENTS = st.lists(st.builds(native.Event, st.integers(1, 255), st.integers(0, 39), st.binary(max_size=60)), max_size=20).map(
    lambda events: sorted(events, key=lambda e: e.frame_offset)
)


@given(EVENTS)
def test_events_come_back_as_they_were_sealed(events: list[native.Event]) -> None:
    assert native.iter_events(make_block(events=events)) == events


def test_an_event_that_runs_past_the_block_costs_only_the_rest() -> None:
    data = bytearray(make_block(events=[native.Event(c.EVENT_MARK, 1, b"\x00ab"), native.Event(c.EVENT_MARK, 2, b"\x00xy")]))
    events_at = native.parse_header(data).header_bytes + native.parse_header(data).payload_bytes
    data[events_at + 7 + 1] = 200
    struct.pack_into("<I", data, c.BLOCK_HEADER_BODY_CRC32, binascii.crc32(data[144:]))
    struct.pack_into("<I", data, c.BLOCK_HEADER_HEADER_CRC32, binascii.crc32(data[:140]))
    findings: list[BlockError] = []
    assert native.iter_events(data, findings=findings) == [native.Event(c.EVENT_MARK, 1, b"\x00ab")]
    assert [f.kind for f in findings] == [BlockFault.EVENT]
    assert np.array_equal(native.decode_block(data), ECG)
    with pytest.raises(BlockError, match="event"):
        native.iter_events(data)


def test_events_of_a_damaged_body_are_not_read() -> None:
    data = make_block(events=[native.Event(c.EVENT_MARK, 1, b"\x00ab")])
    with pytest.raises(BlockError, match="body CRC"):
        native.iter_events(flipped(data, len(data) - 2))


# codecs (SPEC 4)


@st.composite
def coded_frames(draw: st.DrawFn) -> tuple[int, tuple[int, ...], int, npt.NDArray[np.int32]]:
    codec_id = draw(st.sampled_from(CODECS))
    lead_ids = draw(st.lists(st.integers(1, 40), min_size=1, max_size=8).map(tuple))
    limit = LIMITS[codec_id]
    values = st.one_of(st.integers(-limit, limit - 1), st.integers(-200, 200))
    shape = (draw(st.integers(0, 70)), len(lead_ids))
    frames = draw(hnp.arrays(np.int64, shape, elements=values)).astype(np.int32)
    return codec_id, lead_ids, draw(st.sampled_from([250_000, 360_000, 500_000, 1_000_000])), frames


@given(coded_frames())
@settings(deadline=None)
def test_what_is_encoded_is_decoded(case: tuple[int, tuple[int, ...], int, npt.NDArray[np.int32]]) -> None:
    codec_id, lead_ids, rate_mhz, frames = case
    payload = native.encode_payload(frames, codec_id=codec_id, lead_ids=lead_ids, rate_mhz=rate_mhz)
    decoded = native.decode_payload(payload, len(frames), codec_id=codec_id, lead_ids=lead_ids, rate_mhz=rate_mhz)
    assert np.array_equal(decoded, frames)


@pytest.mark.parametrize("codec_id", CODECS)
def test_a_run_of_frames_fills_successive_payloads(codec_id: int) -> None:
    rng = np.random.default_rng(1)
    frames = np.cumsum(rng.integers(-20, 21, (5000, 8)), axis=0).astype(np.int32)
    layout = {"codec_id": codec_id, "lead_ids": LEADS, "rate_mhz": 500_000}
    parts = list(native.encode_payloads(frames, capacity=4000, **layout))  # type: ignore[arg-type]
    assert all(len(payload) <= 4000 for _, payload in parts)
    assert all(len(payload) > 3900 for _, payload in parts[:-1])
    decoded = [native.decode_payload(payload, n, **layout) for n, payload in parts]  # type: ignore[arg-type]
    assert np.array_equal(np.concatenate(decoded), frames)


@pytest.mark.parametrize("codec_id", CODECS)
def test_an_encoder_fed_a_frame_at_a_time_writes_the_same_bytes(codec_id: int) -> None:
    encoder = native.Encoder(codec_id=codec_id, lead_ids=LEADS, rate_mhz=500_000)
    for _ in range(2):
        assert [encoder.push(ECG[i : i + 1]) for i in range(len(ECG))] == [1] * len(ECG)
        assert encoder.finish() == native.encode_payload(ECG, codec_id=codec_id, lead_ids=LEADS, rate_mhz=500_000)


def test_raw24_refuses_what_does_not_fit_24_bits() -> None:
    with pytest.raises(ValueError, match="24 bits, values go from 0 to 8388608"):
        native.encode_payload(np.array([[0], [2**23]]), codec_id=0, lead_ids=(1,), rate_mhz=500_000)


@pytest.mark.parametrize("frames", [[1, 2], [[1, 2]], [[1.5]], np.zeros((1, 1, 1), np.int32), [[2**31]]])
def test_wrong_frames_are_a_wrong_call(frames: object) -> None:
    with pytest.raises(ValueError, match=r"shape|integers|32 bits"):
        native.encode_payload(frames, codec_id=0, lead_ids=(1,), rate_mhz=500_000)  # type: ignore[arg-type]


def test_decode_block_fills_the_callers_memory() -> None:
    out = np.full((50, 8), 7, np.int32)
    result = native.decode_block(make_block(), out=out)
    assert np.shares_memory(result, out)
    assert result.shape == (40, 8)
    assert np.array_equal(out[:40], ECG)
    assert (out[40:] == 7).all()


@pytest.mark.parametrize(
    "out", [np.zeros((39, 8), np.int32), np.zeros((40, 7), np.int32), np.zeros((40, 8)), np.zeros((40, 16), np.int32)[:, ::2]]
)
def test_memory_that_does_not_fit_is_a_wrong_call(out: npt.NDArray[np.int32]) -> None:
    with pytest.raises(ValueError, match="out is"):
        native.decode_block(make_block(), out=out)


def test_a_range_of_blocks_lands_at_its_places_and_damage_touches_nothing_else() -> None:
    blocks = [make_block(ECG + i) for i in range(3)]
    data = blocks[0] + flipped(blocks[1], 300) + blocks[2]
    out = np.full((150, 8), -9, np.int32)
    status = native.decode_blocks(data, [0, len(blocks[0]), 2 * len(blocks[0])], [100, 50, 0], out)
    assert [native.error_kind(min(s, 0)) for s in status] == ["", "body_crc", ""]
    assert list(status[[0, 2]]) == [40, 40]
    assert np.array_equal(out[100:140], ECG)
    assert np.array_equal(out[:40], ECG + 2)
    assert (out[40:100] == -9).all()


# index (SPEC 2 and 5)


def test_index_has_the_header_fields_of_each_block() -> None:
    data = b"".join(make_block(block_number=i, first_frame=40 * i) for i in range(5))
    entries, damage = native.index_blocks(data, check_bodies=True)
    assert list(entries["block_number"]) == [0, 1, 2, 3, 4]
    assert list(entries["first_frame"]) == [0, 40, 80, 120, 160]
    assert bytes(entries["session_id"][0]) == b"session1"
    assert not entries["body_error"].any()
    assert not len(damage)


def test_damage_is_described_in_words() -> None:
    block = make_block()
    _, damage = native.index_blocks(block + b"garbage " * 3 + flipped(block, 300) + block[:200], check_bodies=True)
    assert [native.error_kind(int(d["kind"])) for d in damage] == ["magic", "body_crc", "cut"]
    assert [int(d["length"]) for d in damage] == [24, len(block), 200]
    assert native.describe_damage(damage[2]) == f"cut off: 200 of {len(block)} bytes are there"
    assert native.describe_damage(damage[1]).startswith("body CRC 0x")


def test_a_damaged_body_is_marked_even_when_found_late() -> None:
    block = make_block()
    data = block + block[:200] + block[300:] + block
    entries, damage = native.index_blocks(data)
    assert [native.error_kind(int(e)) for e in entries["body_error"]] == ["", "body_crc", ""]
    assert list(entries["offset"]) == [0, len(block), len(data) - len(block)]
    assert len(damage) == 1


def test_an_index_longer_than_a_page_is_whole() -> None:
    block = make_block(ECG[:0], first_frame=0)
    entries, damage = native.index_blocks(block * 40_000)
    assert len(entries) == 40_000
    assert (np.diff(entries["offset"].astype(np.int64)) == len(block)).all()
    assert not len(damage)


def test_slots_are_read_at_their_stride_from_the_first() -> None:
    slot = make_block().ljust(4096, b"\x55")
    data = bytes(4096) + slot + bytes(4096) + slot
    entries, damage = native.index_blocks(data, stride=4096, first=4096)
    assert list(entries["offset"]) == [4096, 3 * 4096]
    assert not len(damage)


@pytest.mark.parametrize("arguments", [{"stride": 100}, {"stride": 20_000}, {"first": 2}, {"first": 9999}])
def test_a_wrong_stride_or_start_is_a_wrong_call(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="stride"):
        native.index_blocks(bytes(100), **arguments)  # type: ignore[arg-type]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Blocks with bytes changed, removed and put in."""
    data = bytearray(b"".join(make_block(block_number=i) for i in range(draw(st.integers(1, 4)))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        if draw(st.booleans()):
            del data[at : at + draw(st.integers(0, 300))]
        data[at:at] = draw(st.binary(max_size=40))
    return bytes(data)


@given(st.one_of(st.binary(max_size=2000), damaged_files()), st.sampled_from([0, 144, 512, 4096]), st.booleans())
@settings(deadline=None, max_examples=200)
def test_any_bytes_give_an_index_whose_parts_lie_within_them(data: bytes, stride: int, check_bodies: bool) -> None:
    """Whatever the bytes: blocks and findings lie within them, and what is said to be sound decodes or says why not."""
    entries, damage = native.index_blocks(data, stride=stride, check_bodies=check_bodies)
    assert (entries["offset"] + entries["block_bytes"] <= len(data)).all()
    assert (damage["offset"] + damage["length"] <= len(data)).all()
    for entry in entries:
        try:
            native.decode_block(data, int(entry["offset"]))
        except BlockError as error:
            assert not check_bodies or entry["body_error"], error


@given(st.one_of(st.binary(max_size=400), damaged_files()))
@settings(deadline=None)
def test_any_bytes_parse_or_raise_a_block_error(data: bytes) -> None:
    for call in (native.parse_header, native.decode_block, native.iter_events):
        try:
            call(data)
        except BlockError as error:
            assert error.kind in BlockFault
            assert error.offset == 0


@given(st.sampled_from(CODECS), st.binary(max_size=300), st.integers(0, 60), st.integers(1, 8))
@settings(deadline=None)
def test_any_payload_decodes_or_raises_a_block_error(codec_id: int, payload: bytes, n_frames: int, n_leads: int) -> None:
    try:
        frames = native.decode_payload(payload, n_frames, codec_id=codec_id, lead_ids=LEADS[:n_leads], rate_mhz=500_000)
    except BlockError as error:
        assert error.kind is BlockFault.PAYLOAD
    else:
        assert frames.shape == (n_frames, n_leads)


# microvolt (SPEC 3.1)


@given(hnp.arrays(np.int32, st.tuples(st.integers(0, 40), st.integers(1, 8))), st.integers(1, 2**40), st.integers(1, 2**31))
def test_microvolt_is_the_formula_of_the_spec(raw: npt.NDArray[np.int32], num: int, den: int) -> None:
    zero = np.arange(raw.shape[1], dtype=np.int32) * 1000
    got = native.to_microvolt(raw, num, den, zero)
    expected = (raw.astype(np.float64) - zero) * (num / (1000 * den))
    assert np.array_equal(got, expected.astype(np.float32))


def test_microvolt_fills_the_callers_memory_and_checks_it() -> None:
    out = np.zeros((40, 8), np.float32)
    assert native.to_microvolt(ECG, 1000, 1, out=out) is out
    assert np.array_equal(out, ECG)
    with pytest.raises(ValueError, match="out must be"):
        native.to_microvolt(ECG, 1, 1, out=np.zeros((40, 8)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 steps for 8 leads"):
        native.to_microvolt(ECG, [1, 2], 1)
    with pytest.raises(ValueError, match="step_nv_den"):
        native.to_microvolt(ECG, 1, 0)
