# SPDX-License-Identifier: Apache-2.0
"""The file of a recording's pyramid (docs/VIEW.md): tiles of 1024 buckets, appended as they become full, then what is not full.

A file whose header does not fit the recording is made anew; one that fits its beginning is gone on with.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from ..analysis.signal import RecordingSignal
from ..errors import PyramidError
from ..native import pyramid as core
from ..recording import Recording

MAGIC: Final = b"OLPYR\0\0\1"
HEADER: Final = struct.Struct("<8s16sIIIIQQIIII")
HEADER_BYTES: Final = 128
TILE_HEAD: Final = struct.Struct("<HHII4x")
WIDTH: Final = 64
TILE: Final = 1024
LEVELS: Final = 6
TILE_FRAMES: Final = WIDTH * TILE
_PIECE_S: Final = 120.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tile:
    """Up to 1024 buckets: zero and step in µV of each trace, int16 pairs (traces, buckets, 2), uint16 flags."""

    zero_uv: npt.NDArray[np.float32]
    step_uv: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint16]
    pairs: npt.NDArray[np.int16]

    def bucket_array(self) -> core.Buckets:
        """As the core folds them."""
        out = np.zeros(len(self.flags), core.BUCKET_DTYPE)
        out["low"], out["high"] = np.inf, -np.inf
        out["flags"] = self.flags
        for trace in range(len(self.pairs)):
            core.unpack(self.pairs[trace], trace, float(self.zero_uv[trace]), float(self.step_uv[trace]), out)
        return out


def pack_tile(buckets: core.Buckets, n_traces: int, least_step_uv: float) -> Tile:
    """Buckets as 16-bit integers."""
    buckets = np.ascontiguousarray(buckets)
    parts = [core.pack(buckets, trace, least_step_uv) for trace in range(n_traces)]
    return Tile(
        np.array([p[0] for p in parts], np.float32),
        np.array([p[1] for p in parts], np.float32),
        buckets["flags"].astype(np.uint16),
        np.stack([p[2] for p in parts]),
    )


def tile_bytes(n_traces: int) -> int:
    """Bytes of a tile in the file."""
    return TILE_HEAD.size + 8 * n_traces + 2 * TILE + 4 * TILE * n_traces


def place_of(level: int, index: int) -> int:
    """Where the full tile `index` of `level` stands among all full ones, which are written in the order they become full.

    >>> [place_of(0, 3), place_of(1, 0), place_of(0, 4)]
    [3, 4, 5]
    """
    before = (index + 1) * int(core.FOLD**level) - 1
    return _n_full_tiles(before) + level


def _n_full_tiles(n_base: int) -> int:
    return sum(int(n_base // core.FOLD**k) for k in range(LEVELS))


@dataclass(frozen=True)
class _Head:
    identity: bytes
    n_traces: int
    n_base: int
    n_frames: int
    n_blocks: int
    crc_full: int
    crc_all: int
    n_tail: int

    def pack(self) -> bytes:
        head = HEADER.pack(
            MAGIC, self.identity, self.n_traces, WIDTH, TILE, self.n_base,
            self.n_frames, self.n_blocks, self.crc_full, self.crc_all, self.n_tail, 0,
        )  # fmt: skip
        return (head + bytes(HEADER_BYTES - 4 - len(head))) + struct.pack("<I", crc32(head))

    @classmethod
    def parse(cls, data: bytes) -> _Head:
        if len(data) < HEADER_BYTES or data[:8] != MAGIC:
            raise PyramidError("it does not begin as a pyramid does")
        head = data[: HEADER.size]
        if crc32(head) != struct.unpack_from("<I", data, HEADER_BYTES - 4)[0]:
            raise PyramidError("its header's CRC differs")
        _, identity, n_traces, width, tile, n_base, n_frames, n_blocks, full, everything, n_tail, _ = HEADER.unpack(head)
        if (width, tile) != (WIDTH, TILE):
            raise PyramidError(f"buckets of {width} frames, {tile} a tile: {WIDTH} and {TILE} are needed")
        return cls(identity, n_traces, n_base, n_frames, n_blocks, full, everything, n_tail)


def _head_of(recording: Recording, n_traces: int) -> _Head:
    """What the header must say of a recording as it is now, its tail left out."""
    heads = recording.block_heads
    last_start = int(heads[-1, 1]) if len(heads) else 0  # the last block may still grow
    n_base = max(0, min(last_start, recording.n_frames)) // TILE_FRAMES
    in_full = heads[heads[:, 1] < n_base * TILE_FRAMES]
    identity = bytes.fromhex(recording.session_id) + bytes.fromhex(recording.device_id)
    return _Head(
        identity, n_traces, n_base, recording.n_frames, len(heads), crc32(in_full.tobytes()), crc32(heads.tobytes()), 0
    )  # fmt: skip


def n_traces_of(recording: Recording) -> int:
    """Twelve places where leads are derived, else as many as are stored."""
    return core.TRACES if {"I", "II"} <= set(recording.stored_leads[:8]) else min(8, len(recording.stored_leads))


class Pyramid:
    """A pyramid that was opened; `close` gives the file back.

    Raises:
        PyramidError: it is cut, damaged, or of another recording; the message says what.
    """

    def __init__(self, path: Path) -> None:
        self._file, self._lock = path.open("rb"), Lock()  # read, not mapped: pages that were seen need not stay in memory
        self._tail: dict[tuple[int, int], int] = {}
        try:
            self._read_places()
        except BaseException:
            self._file.close()
            raise

    def _read_places(self) -> None:
        self.head = _Head.parse(self._file.read(HEADER_BYTES))
        self._bytes = tile_bytes(self.head.n_traces)
        self._n_full = _n_full_tiles(self.head.n_base)
        needed = HEADER_BYTES + (self._n_full + self.head.n_tail) * self._bytes
        size = self._file.seek(0, os.SEEK_END)
        if size < needed:
            raise PyramidError(f"{size} bytes are there of {needed}")
        for k in range(self._n_full, self._n_full + self.head.n_tail):
            level, _, index, _ = TILE_HEAD.unpack_from(self._at(k))
            self._tail[level, index] = k

    def fits(self, recording: Recording) -> bool:
        """Whether it is of these blocks and no others."""
        now = _head_of(recording, n_traces_of(recording))
        mine = self.head
        return (mine.identity, mine.n_frames, mine.n_blocks, mine.crc_all) == (now.identity, now.n_frames, now.n_blocks, now.crc_all)

    def begins(self, recording: Recording) -> bool:
        """Whether its full tiles are the recording's beginning."""
        heads = recording.block_heads
        of_full = heads[heads[:, 1] < self.head.n_base * TILE_FRAMES]
        identity = bytes.fromhex(recording.session_id) + bytes.fromhex(recording.device_id)
        return (
            self.head.identity == identity and self.head.n_frames <= recording.n_frames and crc32(of_full.tobytes()) == self.head.crc_full
        )

    def tile(self, level: int, index: int) -> Tile | None:
        """A tile, or None where the recording has none.

        Raises:
            PyramidError: its CRC differs.
        """
        full = 0 <= level < LEVELS and index >= 0 and (index + 1) * core.FOLD**level <= self.head.n_base
        k = place_of(level, index) if full else self._tail.get((level, index))
        return None if k is None else self._read(k, level, index)

    def _at(self, k: int) -> bytes:
        with self._lock:
            self._file.seek(HEADER_BYTES + k * self._bytes)
            return self._file.read(self._bytes)

    def _read(self, k: int, level: int, index: int) -> Tile:
        data, at, n = self._at(k), HEADER_BYTES + k * self._bytes, self.head.n_traces
        its_level, n_buckets, its_index, crc = TILE_HEAD.unpack_from(data)
        if (its_level, its_index) != (level, index) or crc32(data[TILE_HEAD.size :]) != crc:
            raise PyramidError(f"tile {index} of level {level} at byte {at} is damaged")
        scale = np.frombuffer(data, "<f4", 2 * n, TILE_HEAD.size)
        flags = np.frombuffer(data, "<u2", TILE, TILE_HEAD.size + 8 * n)
        pairs = np.frombuffer(data, "<i2", 2 * TILE * n, TILE_HEAD.size + 8 * n + 2 * TILE).reshape(n, TILE, 2)
        return Tile(scale[:n], scale[n:], flags[:n_buckets], pairs[:, :n_buckets])

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class _Builder:
    """Writes tiles in order: base tiles as they become full, each followed by those above it that it makes full."""

    def __init__(self, file: BinaryIO, recording: Recording, n_base: int) -> None:
        self._file, self.n_traces = file, n_traces_of(recording)
        self._step_uv = min(1.0, recording.step_uv) if recording.common_step_uv is None else recording.step_uv
        self._waiting: list[list[core.Buckets]] = [[] for _ in range(LEVELS)]
        self._index = [n_base // core.FOLD**level for level in range(LEVELS)]

    def resume(self, done: Pyramid) -> None:
        """Take up what the full tiles of `done` have given to levels above them."""
        for level in range(1, LEVELS):
            first, after = self._index[level] * core.FOLD, self._index[level - 1]
            for index in range(first, after):
                tile = done.tile(level - 1, index)
                if tile is not None:
                    self._waiting[level].append(core.fold(tile.bucket_array()))

    def add(self, buckets: core.Buckets) -> None:
        """Take base buckets."""
        self._waiting[0].append(buckets)
        if sum(map(len, self._waiting[0])) >= TILE:
            whole = np.concatenate(self._waiting[0])
            n = len(whole) // TILE * TILE
            for at in range(0, n, TILE):
                self._full(0, whole[at : at + TILE])
            self._waiting[0] = [whole[n:]]

    def _full(self, level: int, buckets: core.Buckets) -> None:
        tile = self._write(level, buckets)
        self._index[level] += 1
        if level + 1 < LEVELS:
            above = self._waiting[level + 1]
            above.append(core.fold(tile.bucket_array()))
            if sum(map(len, above)) >= TILE:
                self._waiting[level + 1] = []
                self._full(level + 1, np.concatenate(above))

    def _write(self, level: int, buckets: core.Buckets) -> Tile:
        tile = pack_tile(buckets, self.n_traces, self._step_uv)
        pairs, flags = np.zeros((self.n_traces, TILE, 2), "<i2"), np.zeros(TILE, "<u2")
        pairs[:, : len(buckets)], flags[: len(buckets)] = tile.pairs, tile.flags
        body = tile.zero_uv.tobytes() + tile.step_uv.tobytes() + flags.tobytes() + pairs.tobytes()
        self._file.write(TILE_HEAD.pack(level, len(buckets), self._index[level], crc32(body)) + body)
        return tile

    def tail(self, buckets: core.Buckets) -> int:
        """Write `buckets`, the last of level 0, and what is not full above; return how many tiles that are.

        Nothing of it is taken for full: the last block may still grow.
        """
        n = 0
        self._waiting[0].append(buckets)
        for level in range(LEVELS):
            parts = self._waiting[level]
            whole = np.concatenate(parts) if parts else buckets[:0]
            for at in range(0, len(whole), TILE):
                tile = self._write(level, whole[at : at + TILE])
                self._index[level] += 1
                n += 1
                if level + 1 < LEVELS:
                    self._waiting[level + 1].append(core.fold(tile.bucket_array()))
        return n


def open_pyramid(path: Path, recording: Recording, progress: Progress | None = None) -> Pyramid:
    """Open the pyramid of a recording; make it, make it anew or go on with it where that is needed.

    Args:
        path: of the file.
        recording: its recording.
        progress: called with (frames done, frames).

    Raises:
        OSError: it cannot be written.
    """
    found = _found(path)
    if found is not None and found.fits(recording):
        return found
    build(path, recording, found if found is not None and found.begins(recording) else None, progress)
    return Pyramid(path)


def _found(path: Path) -> Pyramid | None:
    try:
        return Pyramid(path)
    except (OSError, PyramidError):
        return None


def build(path: Path, recording: Recording, done: Pyramid | None = None, progress: Progress | None = None) -> None:
    """Write the pyramid of a recording under a name of its own, and rename it when it is whole.

    Args:
        path: of the file.
        recording: what is decoded.
        done: a pyramid of its beginning, whose full tiles are taken over.
        progress: called with (frames done, frames).
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    first = done.head.n_base if done else 0
    try:
        with part.open("w+b") as file:
            file.write(bytes(HEADER_BYTES))
            if done is not None:
                _copy(file, path, _n_full_tiles(first) * tile_bytes(done.head.n_traces))
            head = _write_tiles(file, recording, done, first, progress)
            file.seek(0)
            file.write(head.pack())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _copy(file: BinaryIO, path: Path, n_bytes: int) -> None:
    with path.open("rb") as old:
        old.seek(HEADER_BYTES)
        left = n_bytes
        while left > 0 and (data := old.read(min(left, 1 << 20))):
            file.write(data)
            left -= len(data)


def _write_tiles(file: BinaryIO, recording: Recording, done: Pyramid | None, first: int, progress: Progress | None) -> _Head:
    head = _head_of(recording, n_traces_of(recording))
    builder = _Builder(file, recording, first)
    if done is not None:
        builder.resume(done)
    safe = head.n_base * TILE_FRAMES
    buckets = _buckets(recording, first * TILE_FRAMES, safe, progress)
    for some in buckets:
        builder.add(some)
    n_tail = builder.tail(np.concatenate([*_buckets(recording, safe, recording.n_frames, progress)]))
    return _Head(**{**vars(head), "n_tail": n_tail})


def _buckets(recording: Recording, start: int, stop: int, progress: Progress | None) -> Iterator[core.Buckets]:
    """Yield base buckets of frames `start` (a multiple of the width) to `stop`, the last one as far as it goes."""
    leads = recording.stored_leads[:8]
    lead_i, lead_ii = (leads.index(name) if name in leads else None for name in ("I", "II"))
    maker = core.Pyramid(len(leads), WIDTH, lead_i=lead_i, lead_ii=lead_ii)
    yield from pieces_to_buckets(maker, RecordingSignal(recording), start, stop, progress)
    yield maker.end()


def pieces_to_buckets(
    maker: core.Pyramid, signal: RecordingSignal, start: int, stop: int, progress: Progress | None = None
) -> Iterator[core.Buckets]:
    """Feed `maker` with frames `start` to `stop`, gaps as gaps."""
    at = start
    for first, after in [(max(a, start), min(b, stop)) for a, b in signal.runs()]:
        if first >= after:
            continue
        yield maker.gap(first - at)
        for a, b in pairwise(signal.cuts(first, after, max(1, round(_PIECE_S * signal.fs_hz)))):
            piece = signal.piece(a, b)
            yield from _feed(maker, piece.frames, piece.missing(), piece.lead_off, piece.scale_uv)
            if progress:
                progress(b, signal.n_frames)
        at = after
    if at < stop:
        yield maker.gap(stop - at)


def _feed(
    maker: core.Pyramid,
    frames: npt.NDArray[np.float32] | npt.NDArray[np.int32],
    missing: npt.NDArray[np.bool_],
    off: npt.NDArray[np.uint8] | None,
    scale_uv: float | None,
) -> Iterator[core.Buckets]:
    edges = [0, *(np.flatnonzero(missing[1:] != missing[:-1]) + 1).tolist(), len(missing)]
    for first, after in pairwise(edges):
        if after > first:
            if missing[first]:
                yield maker.gap(after - first)
            else:
                yield maker.push(frames[first:after], None if off is None else off[first:after], scale_uv)
