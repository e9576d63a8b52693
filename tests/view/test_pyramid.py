# SPDX-License-Identifier: Apache-2.0
"""The pyramid's file: what it shows is what was recorded, and it is made anew whenever it is not the recording's."""

from pathlib import Path

import numpy as np
import pytest

import octolead
from octolead.errors import PyramidError
from octolead.view import pyramid
from tests.unit import making

N_FRAMES = 5 * pyramid.TILE_FRAMES + 1234
STEP = 500


@pytest.fixture(scope="module")
def parts() -> list[bytes]:
    return making.blocks(making.some_frames(N_FRAMES), per_block=STEP)


@pytest.fixture
def source(tmp_path: Path, parts: list[bytes]) -> Path:
    return making.write_olr(tmp_path / "a.olr", parts)


def tiles(path: Path) -> dict[tuple[int, int], bytes]:
    made = pyramid.Pyramid(path)
    found = {}
    for level in range(pyramid.LEVELS):
        index = 0
        while (tile := made.tile(level, index)) is not None:
            found[level, index] = tile.zero_uv.tobytes() + tile.step_uv.tobytes() + tile.flags.tobytes() + tile.pairs.tobytes()
            index += 1
    made.close()
    return found


def test_each_level_holds_the_extremes_of_its_frames(source: Path, tmp_path: Path) -> None:
    with octolead.open(source) as recording:
        made = pyramid.open_pyramid(tmp_path / "p", recording)
        for level in (0, 1, 3):
            width = pyramid.WIDTH * 4**level
            tile = made.tile(level, 0)
            assert tile is not None
            n = min(len(tile.flags) * width, recording.n_frames) // width
            signal = recording.signal_uv(0, n * width, ("I", "V6", "aVR")).reshape(n, width, 3)
            for column, trace in enumerate((0, 7, 9)):
                low, high = (tile.zero_uv[trace] + tile.step_uv[trace] * tile.pairs[trace, :n, k] for k in (0, 1))
                slack = (level + 1) * tile.step_uv[trace]
                assert np.all(low <= signal[:, :, column].min(axis=1) + 0.1)
                assert np.all(low >= signal[:, :, column].min(axis=1) - slack)
                assert np.all(high >= signal[:, :, column].max(axis=1) - 0.1)
                assert np.all(high <= signal[:, :, column].max(axis=1) + slack)


def test_gap_is_empty_at_every_level(tmp_path: Path, parts: list[bytes]) -> None:
    first, after = 140, 280
    path = making.write_olr(tmp_path / "gap.olr", parts[:first] + parts[after:])
    with octolead.open(path) as recording:
        made = pyramid.open_pyramid(tmp_path / "p", recording)
    for level in range(3):
        width = pyramid.WIDTH * 4**level
        a, b = first * STEP, after * STEP
        per_tile = width * pyramid.TILE
        for bucket in range(-(-a // width), b // width):
            tile = made.tile(level, bucket * width // per_tile)
            assert tile is not None
            low, high = tile.pairs[0, bucket % pyramid.TILE]
            assert low > high
            assert tile.flags[bucket % pyramid.TILE] & 256


def test_recording_that_grew_is_gone_on_with_and_gives_the_same_as_one_made_at_once(
    tmp_path: Path, parts: list[bytes], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = tmp_path / "grown"
    decoded: list[int] = []
    pieces = pyramid._buckets
    monkeypatch.setattr(pyramid, "_buckets", lambda r, a, b, p: (decoded.append(b - a), pieces(r, a, b, p))[1])
    for n_blocks in (3, 140, 540, len(parts)):
        path = making.write_olr(tmp_path / "growing.olr", parts[:n_blocks])
        decoded.clear()
        with octolead.open(path) as recording:
            pyramid.open_pyramid(grown, recording).close()
    assert sum(decoded) < 3 * pyramid.TILE_FRAMES
    with octolead.open(source) as recording:
        pyramid.open_pyramid(tmp_path / "once", recording).close()
    assert tiles(grown) == tiles(tmp_path / "once")


@pytest.mark.parametrize("harm", ["cut", "header", "other recording", "nothing"])
def test_what_is_not_the_recordings_pyramid_is_made_anew(harm: str, source: Path, tmp_path: Path, parts: list[bytes]) -> None:
    path = tmp_path / "p"
    with octolead.open(source) as recording:
        pyramid.open_pyramid(path, recording).close()
    before, good = path.stat(), tiles(path)
    data = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif harm == "header":
        data[20] ^= 1
        path.write_bytes(data)
    elif harm == "other recording":
        frames = making.some_frames(N_FRAMES, seed=2)
        making.write_olr(source, making.blocks(frames, per_block=STEP))
    with octolead.open(source) as recording:
        pyramid.open_pyramid(path, recording).close()
    assert (tiles(path) == good) == (harm != "other recording")
    assert (path.stat().st_ino == before.st_ino) == (harm == "nothing")


def test_damaged_tile_is_told_with_its_place(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "p"
    with octolead.open(source) as recording:
        pyramid.open_pyramid(path, recording).close()
    data = bytearray(path.read_bytes())
    data[pyramid.HEADER_BYTES + 5000] ^= 1
    path.write_bytes(data)
    made = pyramid.Pyramid(path)
    with pytest.raises(PyramidError, match="tile 0 of level 0 at byte 128"):
        made.tile(0, 0)
