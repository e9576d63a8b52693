# SPDX-License-Identifier: Apache-2.0
"""Find blocks anywhere in a file, whatever its file system says: every magic is tried, wherever it stands."""

from __future__ import annotations

import mmap
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import native
from .errors import BlockError, SourceError

_WINDOW = 64 << 20
_ROWS = 4096
MAX_UNPLACED = 10_000

ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("block_bytes", "<u4"),
        ("body_crc32", "<u4"),
        ("device_id", "V8"),
        ("session_id", "V8"),
        ("block_number", "<u4"),
        ("first_frame", "<u8"),
        ("n_frames", "<u4"),
        ("flags", "<u2"),
        ("ring_tag", "<u2"),
        ("ring_seq", "<u4"),
        ("rate_mhz", "<u4"),
    ]
)
_OF_HEADER = [name for name in ROW.names or () if name != "offset"]


@dataclass(frozen=True)
class Unplaced:
    """Bytes that begin like a block and cannot be used; what is known of them.

    Attributes:
        offset, length: bytes in the source; 4, the magic, if the length cannot be known.
        kind: what is wrong, as in `BlockFault`.
        message: the same in words.
        session_id, block_number, n_frames: of a sound header, else "", None, None.
    """

    offset: int
    length: int
    kind: str
    message: str
    session_id: str = ""
    block_number: int | None = None
    n_frames: int | None = None


@dataclass
class Carved:
    """What a source holds.

    Attributes:
        blocks: array of `ROW`: blocks whose CRCs are both right, in order of the source.
        unplaced: the first `MAX_UNPLACED` of what could not be used; `n_unplaced` has all, by kind.
        n_bytes: length of the source.
    """

    blocks: npt.NDArray[np.void]
    unplaced: list[Unplaced]
    n_unplaced: Counter[str]
    n_bytes: int


class Dump:
    """A file, or a device, mapped for reading only.

    Raises:
        SourceError: kind ``missing``, ``unreadable``, ``folder`` or ``empty``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise SourceError(
                f"{path}: a folder; give the image or dump of a card, or copy its blocks with: octolead copy", path=str(path), kind="folder"
            )
        try:
            with self.path.open("rb") as file:
                self.n_bytes = file.seek(0, os.SEEK_END)
                if not self.n_bytes:
                    raise SourceError(f"{path}: the file is empty (0 bytes)", path=str(path), kind="empty", offset=0)
                self.map = mmap.mmap(file.fileno(), self.n_bytes, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise SourceError(f"{path}: no such file", path=str(path), kind="missing") from None
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror or error}", path=str(path), kind="unreadable") from error
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(self.map, np.uint8)

    def forget(self, start: int, stop: int) -> None:
        """Let the system take back the memory of these bytes."""
        page = mmap.PAGESIZE
        first = start // page * page
        if stop > first and hasattr(self.map, "madvise"):
            self.map.madvise(mmap.MADV_DONTNEED, first, min(stop, self.n_bytes) - first)

    def close(self) -> None:
        """Give the file back."""
        self.bytes = np.zeros(0, np.uint8)
        self.map.close()

    def __enter__(self) -> Dump:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def carve(dump: Dump, progress: Callable[[int, int], None] | None = None) -> Carved:
    """Try every magic of a dump; memory does not grow with its length but by 60 bytes a block."""
    carver = _Carver(dump)
    at, told = 0, 0
    while at < dump.n_bytes:
        at = carver.step(at)
        if at - told >= _WINDOW:
            dump.forget(told, at)
            told = at
        if progress:
            progress(at, dump.n_bytes)
    return carver.result()


class _Carver:
    def __init__(self, dump: Dump) -> None:
        self.dump = dump
        self._full: list[npt.NDArray[np.void]] = []
        self._rows: list[tuple[object, ...]] = []
        self._unplaced: list[Unplaced] = []
        self._counts: Counter[str] = Counter()

    def step(self, at: int) -> int:
        """Go on from `at` to behind the next block, or a window further; returns the byte to go on from."""
        limit = min(at + _WINDOW, self.dump.n_bytes)
        found = self.dump.map.find(c.BLOCK_MAGIC, at, min(limit + 3, self.dump.n_bytes))
        if found < 0:
            return limit
        try:
            header = native.parse_header(self.dump.bytes, found)
        except BlockError as error:
            self._leave(Unplaced(found, 4, str(error.kind), str(error)))
            return found + 4
        end = found + header.block_bytes
        if end > self.dump.n_bytes:
            return self._damaged(found, header, "cut", f"the source ends {end - self.dump.n_bytes} bytes before the block does")
        computed = native.crc32(self.dump.bytes[found + header.header_bytes : end])
        if computed != header.body_crc32:
            return self._damaged(found, header, "body_crc", f"body CRC 0x{header.body_crc32:08x}, computed 0x{computed:08x}")
        self._rows.append((found, *(getattr(header, name) for name in _OF_HEADER)))
        if len(self._rows) == _ROWS:
            self._page()
        return end

    def _damaged(self, at: int, header: native.BlockHeader, kind: str, message: str) -> int:
        length = min(header.block_bytes, self.dump.n_bytes - at)
        whose = (header.session_id.hex(), header.block_number, header.n_frames)
        self._leave(Unplaced(at, length, kind, f"block at byte {at}: {message}", *whose))
        return at + 4  # the bytes it claims may hold the next one

    def _leave(self, what: Unplaced) -> None:
        self._counts[what.kind] += 1
        if len(self._unplaced) < MAX_UNPLACED:
            self._unplaced.append(what)

    def _page(self) -> None:
        self._full.append(np.array(self._rows, ROW))
        self._rows = []

    def result(self) -> Carved:
        """All that was found."""
        self._page()
        return Carved(np.concatenate(self._full), self._unplaced, self._counts, self.dump.n_bytes)
