# SPDX-License-Identifier: Apache-2.0
"""Save what a damaged image or dump still holds: carve its blocks, sort them into sessions, write `.olr` files.

The source is only read. What is written opens like any recording; what could not be used is told with place and reason.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .carve import Carved, Dump, Unplaced, carve
from .errors import SourceError

Rows = npt.NDArray[np.void]


@dataclass
class RecoveredSession:
    """A session that was put together; ids in hex.

    Attributes:
        n_blocks, n_frames: written.
        first_block, last_block: their numbers; what came before the first is overwritten or lost.
        missing: (first, last) numbers of blocks that should stand between and were not found.
        n_duplicates, n_checkpoints: images left out, for there is a better one of the same block.
        checkpoints_used: numbers of blocks of which only a checkpoint was found.
        conflicts: numbers of blocks of which two sealed images differ; the first in the source is used.
        stopped: whether its last block is there.
    """

    session_id: str
    device_id: str
    n_blocks: int = 0
    n_frames: int = 0
    n_bytes: int = 0
    first_block: int = 0
    last_block: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    n_duplicates: int = 0
    n_checkpoints: int = 0
    checkpoints_used: list[int] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    stopped: bool = False
    file: str = ""


@dataclass
class Recovered:
    """The outcome.

    Attributes:
        source: what was read, `n_bytes` of it.
        sessions: oldest first, as far as ring and time tell.
        unplaced, n_unplaced: what begins like a block and is none, and how many there are by kind.
        n_found: sound blocks in the source, all images.
    """

    source: str
    n_bytes: int
    n_found: int
    sessions: list[RecoveredSession]
    unplaced: list[Unplaced]
    n_unplaced: Counter[str]
    files: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: everything found was placed and nothing is missing between; 1: something is damaged or missing."""
        return 1 if self.n_unplaced or any(s.missing or s.conflicts for s in self.sessions) else 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": self.source,
            "bytes": self.n_bytes,
            "blocks_found": self.n_found,
            "blocks_written": sum(s.n_blocks for s in self.sessions),
            "files": self.files,
            "sessions": [vars(s) for s in self.sessions],
            "unplaced": [vars(u) for u in self.unplaced],
            "unplaced_by_kind": dict(self.n_unplaced),
        }


def recover(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    each: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Recovered:
    """Carve the blocks of `source` and write them.

    Args:
        source: an image, a dump, a device or a damaged `.olr`; only read.
        out: the `.olr` file to write; with `each` one file a session, named after it: `out` with the session's id before the suffix.
        each: see `out`.
        progress: called with (what is being done, bytes or blocks done, of how many).

    Raises:
        SourceError: the source cannot be read (kind ``missing``, ``unreadable``, ``folder``, ``empty``) or holds no sound
            block (``no-blocks``).
        FileExistsError: a file to be written is there already. Nothing is written then.
    """
    with Dump(source) as dump:
        _free([Path(out)] if not each else [])
        carved = carve(dump, (lambda done, of: progress("searching", done, of)) if progress else None)
        if not len(carved.blocks):
            raise SourceError(_nothing(source, carved), path=str(source), kind="no-blocks")
        sessions = [_session(rows) for rows in _in_order(carved.blocks)]
        found = Recovered(str(source), carved.n_bytes, len(carved.blocks), [s for s, _ in sessions], carved.unplaced, carved.n_unplaced)
        paths = [_named(Path(out), s.session_id) if each else Path(out) for s, _ in sessions]
        _free(paths if each else [])
        _write(dump, sessions, paths, found, progress)
        return found


def _nothing(source: str | os.PathLike[str], carved: Carved) -> str:
    if not carved.n_unplaced:
        return f"{source}: no block in its {carved.n_bytes} bytes; is it the image of a recorder's card, or of another?"
    first = carved.unplaced[0]
    n = sum(carved.n_unplaced.values())
    return f"{source}: {n} place(s) begin like a block and none is sound; the first: {first.message}"


def _free(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "is there already and is not overwritten; give another name", str(path))


def _named(out: Path, session_id: str) -> Path:
    return out.with_name(f"{out.stem}-{session_id}{out.suffix or '.olr'}")


def _in_order(blocks: Rows) -> list[Rows]:
    """The blocks of each session; sessions of one ring by ring_seq, rings by where they are met first."""
    keys = [(row["device_id"].tobytes(), row["session_id"].tobytes()) for row in blocks]
    places: dict[tuple[bytes, bytes], list[int]] = {}
    for i, key in enumerate(keys):
        places.setdefault(key, []).append(i)
    rings: dict[int, int] = {}
    for tag in blocks["ring_tag"]:
        rings.setdefault(int(tag), len(rings))
    groups = [blocks[found] for found in places.values()]
    return sorted(groups, key=lambda rows: (rings[int(rows["ring_tag"][0])], int(rows["ring_seq"].max()) if rows["ring_tag"][0] else 0))


def _session(rows: Rows) -> tuple[RecoveredSession, Rows]:
    """One image of each block, in order of number: a sealed one before a checkpoint, a longer checkpoint before a shorter."""
    session = RecoveredSession(rows["session_id"][0].tobytes().hex(), rows["device_id"][0].tobytes().hex())
    checkpoint = (rows["flags"] & c.FLAG_CHECKPOINT) != 0
    order = np.lexsort((rows["offset"], -rows["n_frames"].astype(np.int64), checkpoint, rows["block_number"]))
    rows, checkpoint = rows[order], checkpoint[order]
    first = np.ones(len(rows), bool)
    first[1:] = rows["block_number"][1:] != rows["block_number"][:-1]
    session.n_checkpoints = int((checkpoint & ~first).sum())
    session.n_duplicates = int((~checkpoint & ~first).sum())
    for i in np.flatnonzero(~first & ~checkpoint):
        if rows["body_crc32"][i] != rows["body_crc32"][i - 1]:
            session.conflicts.append(int(rows["block_number"][i]))
    kept = rows[first]
    session.checkpoints_used = [int(n) for n in kept["block_number"][checkpoint[first]]]
    numbers = kept["block_number"].astype(np.int64)
    session.first_block, session.last_block = int(numbers[0]), int(numbers[-1])
    for i in np.flatnonzero(np.diff(numbers) > 1):
        session.missing.append((int(numbers[i]) + 1, int(numbers[i + 1]) - 1))
    session.n_blocks, session.n_frames = len(kept), int(kept["n_frames"].sum())
    session.n_bytes = int(kept["block_bytes"].sum())
    session.stopped = bool(kept["flags"][-1] & c.FLAG_LAST)
    return session, kept


def _write(
    dump: Dump,
    sessions: list[tuple[RecoveredSession, Rows]],
    paths: list[Path],
    found: Recovered,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    done, of = 0, sum(s.n_blocks for s, _ in sessions)
    begun: list[Path] = []
    try:
        for (session, rows), path in zip(sessions, paths, strict=True):
            session.file = str(path)
            with path.open("ab" if path in begun else "xb") as file:
                if path not in begun:
                    begun.append(path)
                for row in rows:
                    at = int(row["offset"])
                    file.write(dump.map[at : at + int(row["block_bytes"])])
                    done += 1
                    if progress:
                        progress("writing", done, of)
    except BaseException:
        for path in begun:
            path.unlink(missing_ok=True)
        raise
    found.files = [str(path) for path in begun]
