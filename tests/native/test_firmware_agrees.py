# SPDX-License-Identifier: Apache-2.0
"""The C core and the firmware's plain codecs write the same bytes and read each other's (SPEC 4)."""

import sys
from array import array
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from octolead import _constants as c
from octolead import native

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
if str(FIRMWARE) not in sys.path:
    sys.path.insert(0, str(FIRMWARE))

from recorder import codec, codec_raw  # noqa: E402 - the path comes first

ROOMS = st.integers(200, 4000).map(lambda n: n & ~3)
LEADS = st.lists(st.sampled_from([1, 2, 7, 8, 9, 10, 11, 12, 14, 33]), min_size=1, max_size=8).map(tuple)
RATES = st.sampled_from([250_000, 360_000, 500_000, 1_000_000])
Frames = npt.NDArray[np.int32]


def by_firmware(module: object, frames: Frames, leads: tuple[int, ...], rate_mhz: int, room: int) -> tuple[int, bytes]:
    encoder = module.Encoder(len(leads), bytes(leads), rate_mhz)  # type: ignore[attr-defined]
    buffer = bytearray(room)
    encoder.begin(buffer, 0, room)
    taken = encoder.encode(array("i", frames.ravel().tolist()), 0, len(frames))
    return taken, bytes(buffer[: encoder.payload_bytes()])


def by_core(codec_id: int, frames: Frames, leads: tuple[int, ...], rate_mhz: int, room: int) -> tuple[int, bytes]:
    encoder = native.Encoder(codec_id=codec_id, lead_ids=leads, rate_mhz=rate_mhz, capacity=room)
    return encoder.push(frames), encoder.finish()


def made(draw: st.DrawFn, leads: tuple[int, ...], limit: int) -> Frames:
    """Return wandering values with jumps to anywhere in them."""
    shape = (draw(st.integers(1, 120)), len(leads))
    steps = draw(hnp.arrays(np.int64, shape, elements=st.integers(-60, 60)))
    jumps = draw(hnp.arrays(np.int64, shape, elements=st.just(0) | st.integers(-limit, limit - 1), fill=st.just(0)))
    return np.clip(np.cumsum(steps, axis=0) + jumps, -limit, limit - 1).astype(np.int32)


@st.composite
def cases(draw: st.DrawFn, limit: int) -> tuple[Frames, tuple[int, ...], int, int]:
    leads = draw(LEADS)
    return made(draw, leads, limit), leads, draw(RATES), draw(ROOMS)


@given(cases(2**31))
@settings(deadline=None, max_examples=60)
def test_adaptive_takes_as_many_frames_and_writes_the_same_bytes(case: tuple[Frames, tuple[int, ...], int, int]) -> None:
    frames, leads, rate_mhz, room = case
    taken, payload = by_core(c.CODEC_ADAPTIVE, frames, leads, rate_mhz, room)
    assert (taken, payload) == by_firmware(codec, frames, leads, rate_mhz, room)


@given(cases(2**23))
@settings(deadline=None, max_examples=60)
def test_raw24_takes_as_many_frames_and_writes_the_same_bytes(case: tuple[Frames, tuple[int, ...], int, int]) -> None:
    frames, leads, rate_mhz, room = case
    taken, payload = by_core(c.CODEC_RAW24, frames, leads, rate_mhz, room)
    assert (taken, payload) == by_firmware(codec_raw, frames, leads, rate_mhz, room)


@pytest.mark.parametrize("chunk_frames", [1, 100, 256, 512, 1024])
def test_the_plain_decoder_reads_the_core_whatever_its_chunks(chunk_frames: int) -> None:
    frames = (np.arange(1200, dtype=np.int32).reshape(600, 2) * 37) % 211
    encoder = native.Encoder(codec_id=c.CODEC_ADAPTIVE, lead_ids=(1, 2), rate_mhz=500_000, chunk_frames=chunk_frames)
    assert encoder.push(frames) == 600
    values = codec.Decoder(encoder.finish(), bytes((1, 2)), 500_000).frames(600)
    assert np.array_equal(np.array(values).reshape(600, 2), frames)
