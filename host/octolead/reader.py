# SPDX-License-Identifier: Apache-2.0
"""Blocks of a session to samples, lazily, with a small cache. A block that cannot be read is noted, never raised."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import events, native
from .errors import BlockError
from .index import Index, SessionBlocks

MISSING_RAW = -(2**31)
_CACHED_BLOCKS = 128
_MANY_BLOCKS = 16


@dataclass(frozen=True)
class Decoded:
    """A decoded block: frames int32 (n, leads), zero per lead, step per lead as (numerators, denominators) in nV."""

    frames: npt.NDArray[np.int32]
    zero: npt.NDArray[np.int32]
    step_nv: tuple[list[int], list[int]]

    @property
    def step_uv(self) -> npt.NDArray[np.float64]:
        """µV per step, one per lead."""
        return np.array([n / (1000 * d) for n, d in zip(*self.step_nv, strict=True)])


class BlockReader:
    """Reads the blocks of one session.

    Attributes:
        starts, stops: int64, first kept frame of each block and the frame after its last.
        bad: place in the session of each block found unreadable -> what is wrong with it.
    """

    def __init__(self, index: Index, session: SessionBlocks, n_leads: int) -> None:
        self._index, self._blocks, self._n_leads = index, session.blocks, n_leads
        self._cache: OrderedDict[int, Decoded | None] = OrderedDict()
        self.starts, self.stops = session.starts, session.stops
        self.bad: dict[int, str] = {}
        self._one_by_one = bool((self._blocks["flags"] & (c.FLAG_ENCRYPTED | c.FLAG_CHAINED)).any()) and index.keys is not None

    def _data(self, i: int) -> tuple[npt.NDArray[np.uint8], int]:
        return self._index.data_of(self._blocks[i])

    def _fault(self, i: int) -> str:
        block = self._blocks[i]
        return self._index.body_error(block) or (native.check_body(*self._data(i)) if self._index.is_locked(block) else "")

    def check(self, known_only: bool = False) -> None:
        """Compute the CRC of every body; with `known_only` take the result of an index made with `check_bodies`."""
        known = known_only and not self._one_by_one
        for i in np.flatnonzero(self._blocks["body_error"]) if known else range(len(self._blocks)):
            reason = self._fault(int(i))
            if reason:
                self.bad[int(i)] = reason

    def parts(self, start: int, stop: int) -> Iterator[tuple[int, Decoded, npt.NDArray[np.int32]]]:
        """Yield (frames after `start`, block, its frames that lie in the range) for each sound block there."""
        i = int(np.searchsorted(self.stops, start, side="right"))
        while i < len(self.starts) and self.starts[i] < stop:
            block = self._decoded(i)
            if block is not None:
                first, last = max(start, int(self.starts[i])), min(stop, int(self.stops[i]))
                base = int(self._blocks["first_frame"][i])
                yield first - start, block, block.frames[first - base : last - base]
            i += 1

    def fill(self, out: npt.NDArray[np.int32], start: int) -> None:
        """Put the stored integers of all leads from frame `start` on into `out`, and `MISSING_RAW` where a frame is missing.

        Many whole blocks at once go through the C core without a copy between.
        """
        stop = start + len(out)
        near = slice(*np.searchsorted(self.starts, (start, stop)))
        whole = near.start + np.flatnonzero((self.stops[near] <= stop) & (self._blocks["skip"][near] == 0))
        whole = whole[[int(i) not in self.bad for i in whole]] if self.bad else whole
        if self._one_by_one or len(whole) < _MANY_BLOCKS or whole[-1] - whole[0] + 1 != len(whole):
            edges = [(start, stop)]
        else:
            if np.any(self.starts[whole[1:]] != self.stops[whole[:-1]]):
                out[:] = MISSING_RAW
            self._fill_whole(out, start, whole)
            edges = [(start, int(self.starts[whole[0]])), (int(self.stops[whole[-1]]), stop)]
        for first, last in edges:
            out[first - start : last - start] = MISSING_RAW
            for at, _, frames in self.parts(first, last):
                out[first - start + at : first - start + at + len(frames)] = frames

    def _fill_whole(self, out: npt.NDArray[np.int32], start: int, whole: npt.NDArray[np.intp]) -> None:
        for number in np.unique(self._blocks["extent"][whole]):
            mine = whole[self._blocks["extent"][whole] == number]
            data = self._index.source.extents[int(number)].buffer
            status = native.decode_blocks(data, self._blocks["offset"][mine], self.starts[mine] - start, out)
            for i in mine[status < 0]:
                self.bad[int(i)] = native.check_body(*self._data(int(i))) or "the payload cannot be decoded"
                out[self.starts[i] - start : self.stops[i] - start] = MISSING_RAW

    def _decoded(self, i: int) -> Decoded | None:
        if i in self._cache:
            self._cache.move_to_end(i)
            return self._cache[i]
        decoded = None if i in self.bad else self._decode(i)
        self._cache[i] = decoded
        if len(self._cache) > _CACHED_BLOCKS:
            self._cache.popitem(last=False)
        return decoded

    def _decode(self, i: int) -> Decoded | None:
        block: Any = self._blocks[i]
        frames = np.empty((int(block["n_frames"]), self._n_leads), np.int32)
        untrue = self._index.book.error(block) if self._index.book else ""
        if untrue:
            self.bad[i] = untrue
            return None
        try:
            native.decode_block(*self._data(i), frames)
        except BlockError as error:
            self.bad[i] = str(error)
            return None
        zero = np.zeros(self._n_leads, np.int32)
        num, den = [int(block["step_nv_num"])] * self._n_leads, [int(block["step_nv_den"])] * self._n_leads
        for scale in events.lead_scales(events.of_block(self._index, block)):
            if scale.lead < self._n_leads:
                zero[scale.lead] = scale.zero
                num[scale.lead], den[scale.lead] = scale.step_nv.numerator, scale.step_nv.denominator
        return Decoded(frames, zero, (num, den))

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield (block number, its bytes as they stand in the source), in order."""
        for block in self._blocks:
            yield int(block["block_number"]), self._index.stored(block)

    def clear(self) -> None:
        """Forget what is decoded."""
        self._cache.clear()
