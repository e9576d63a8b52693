# SPDX-License-Identifier: Apache-2.0
"""Install a release: into the folder that does not run, read back, and switched to by one rename (docs/FLASH.md).

Whatever is cut, at any write: the board starts the release it had, or the new one, whole. The order is the proof: a state
that names the folder about to be written is taken back first; the manifest comes after all files; the state comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import FlashError
from .board import Board, check_suits
from .release import MAIN, MANIFEST, Release

ROOT = "/release"
FOLDERS = ("a", "b")
TRIES = 3
_BLOCK_BYTES = 4096  # of flash; littlefs gives a file whole blocks, a folder two
_SPARE_BYTES = 4 * _BLOCK_BYTES

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Installed:
    """What was done."""

    port: str
    folder: str
    version: str
    before: str
    n_bytes: int


def install(board: Board, release: Release, progress: Progress | None = None, *, restart: bool = True) -> Installed:
    """Copy, read back, switch and restart; without `restart` the board stays at its prompt, for provisioning.

    Raises:
        FlashError: the board is as it was, or (after the switch) starts the new release.
    """
    check_suits(board.identify(), release.kind, release.board)
    good = good_folder(board)
    target = FOLDERS[1] if good == FOLDERS[0] else FOLDERS[0]
    before = _version_in(board, good)
    if _state(board) and good:
        _write_state(board, good, good, 0)
    _copy(board, release, f"{ROOT}/{target}", progress)
    _put(board, f"{ROOT}/{target}/{MANIFEST}", release.manifest())
    if board.read("/" + MAIN) != release.main:
        _put(board, "/" + MAIN, release.main)
    _write_state(board, target, good, TRIES)
    if restart:
        board.restart()
    return Installed(board.port, target, release.version, before, release.n_bytes)


def _state(board: Board) -> dict[str, object]:
    data = board.read(ROOT + "/state.json")
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def good_folder(board: Board) -> str | None:
    """The folder that the board falls back to, None where there is none; without a state, the one that it would run."""
    state = _state(board)
    for name in ("good", "run"):
        if state.get(name) in FOLDERS:
            return str(state[name])
    for folder in FOLDERS:
        if board.exists(f"{ROOT}/{folder}/{MANIFEST}"):
            return folder
    return None


def check_whole(board: Board, folder: str) -> None:
    """Let the board's own main.py look at a release, as it does before it runs it.

    Raises:
        FlashError: `damaged`: it would not run it.
    """
    good = board.run(
        f"import sys\nsys.path.append('/') if '/' not in sys.path else None\nimport main\nprint(bool(main.manifest_of({folder!r})))"
    )
    if good.strip() != "True":
        raise FlashError(
            "damaged",
            f"{board.port}: the release in {ROOT}/{folder} is not whole any more: octolead flash; if it stays so, take another board",
        )


def _version_in(board: Board, folder: str | None) -> str:
    data = board.read(f"{ROOT}/{folder}/{MANIFEST}") if folder else None
    try:
        return str(json.loads(data)["version"]) if data else ""
    except (ValueError, KeyError, TypeError):
        return ""


def needed_bytes(release: Release) -> int:
    """Bytes of a board's flash that a release takes, in whole blocks, and what writing it takes beside."""
    folders = {name.rpartition("/")[0] for name in release.files}
    blocks = sum(-(-len(data) // _BLOCK_BYTES) for data in release.files.values())
    return (blocks + 2 * (len(folders) + 1)) * _BLOCK_BYTES + _SPARE_BYTES


def _copy(board: Board, release: Release, folder: str, progress: Progress | None) -> None:
    board.remove_tree(folder)
    folders = sorted({f"{folder}/{name}".rpartition("/")[0] for name in release.files})
    needed = needed_bytes(release)
    free = board.free_bytes()
    if free < needed:
        raise FlashError("full", f"{board.port}: {free} bytes free, {needed} are needed: remove files of your own from the board")
    for above in folders:
        board.folder(above)
    done = 0

    def count(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        if progress:
            progress(done, release.n_bytes)

    for name, data in sorted(release.files.items()):
        board.write(f"{folder}/{name}", data, count)
        _check(board, f"{folder}/{name}", data)


def _check(board: Board, path: str, data: bytes) -> None:
    found = board.digest(path)
    if found != hashlib.sha256(data).digest():
        raise FlashError("damaged", f"{board.port}: {path} reads back differently: SHA-256 {found.hex()[:16]}…; call this again")


def _put(board: Board, path: str, data: bytes) -> None:
    """Write a file beside its place, read it back, and rename it into place."""
    board.write(path + ".new", data)
    _check(board, path + ".new", data)
    board.rename(path + ".new", path)


def _write_state(board: Board, run: str, good: str | None, tries: int) -> None:
    board.folder(ROOT)
    _put(board, ROOT + "/state.json", json.dumps({"run": run, "good": good, "tries": tries}).encode())
