# SPDX-License-Identifier: Apache-2.0
"""Boards in their UF2 bootloader: the drives that they show themselves as, and copying onto one."""

from __future__ import annotations

import errno
import os
import re
import string
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import FlashError

INFO = "INFO_UF2.TXT"
CHIPS = {"RPI-RP2": "RP2040", "RP2350": "RP2350"}
"""By the Board-ID of INFO_UF2.TXT."""
_CHUNK = 64 * 1024
_GONE = {errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOENT, errno.ENOTCONN, errno.ENOTDIR}
_LOOK_S = 0.2


@dataclass(frozen=True)
class Drive:
    """A mounted drive of a bootloader.

    Attributes:
        chip: the board's, or its Board-ID where that is not known.
        words: what the drive says of itself.
    """

    path: Path
    chip: str
    words: str


def read_drive(path: Path) -> Drive | None:
    """The drive that is mounted there, None where it is none of a bootloader."""
    try:
        with (path / INFO).open(encoding="utf-8", errors="replace") as file:
            text = file.read(4096)
    except OSError:
        return None
    said: dict[str, str] = dict(re.findall(r"^(Model|Board-ID):\s*(.*?)\s*$", text, re.M))
    board_id = said.get("Board-ID", "unknown")
    return Drive(path, CHIPS.get(board_id, board_id), f"{said.get('Model', 'unknown')}, {board_id}")


def find_drives(roots: Iterable[Path] | None = None) -> list[Drive]:
    """Bootloaders' drives that are mounted; `roots` are the places to look at instead of the system's."""
    found = (read_drive(root) for root in (mounted() if roots is None else roots))
    return sorted((drive for drive in found if drive), key=lambda drive: str(drive.path))


def mounted() -> list[Path]:
    """Where drives with a FAT, which a bootloader's is, are mounted."""
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:]]
    if sys.platform == "darwin":
        return list(Path("/Volumes").glob("*"))
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    fields = [line.split(" ") for line in lines]
    return [Path(_plain(field[1])) for field in fields if len(field) > 2 and field[2] in ("vfat", "msdos")]


def _plain(field: str) -> str:
    r"""A path as /proc/self/mounts writes it: a space is \040."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)


def copy(content: bytes, name: str, drive: Drive, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a file onto the drive, in order; the bootloader takes it up as it comes.

    Raises:
        FlashError: `full`, `unplugged`, `drive`.
    """
    target = drive.path / name
    done = 0
    try:
        with target.open("wb") as file:
            for at in range(0, len(content), _CHUNK):
                file.write(content[at : at + _CHUNK])
                file.flush()
                os.fsync(file.fileno())
                done = min(at + _CHUNK, len(content))
                if progress:
                    progress(done, len(content))
    except OSError as error:
        if done == len(content) and error.errno in _GONE:
            return  # the chip starts as soon as it has the last block, before the file is closed
        raise _told(error, drive, done, len(content)) from error


def _told(error: OSError, drive: Drive, done: int, total: int) -> FlashError:
    so_far = f"{drive.path}: {done} of {total} bytes were written"
    if error.errno == errno.ENOSPC:
        return FlashError(
            "full", f"{so_far}, then the drive was full: unplug the board, hold BOOTSEL while plugging it in again, and call this again"
        )
    if error.errno in _GONE:
        return FlashError(
            "unplugged", f"{so_far}, then the drive was gone: hold BOOTSEL while plugging the board in again, and call this again"
        )
    return FlashError("drive", f"{so_far}: {error.strerror or error}: may you write to it? Mount it for your user, and call this again")


def wait_until_gone(drive: Drive, timeout_s: float) -> None:
    """Wait until the board has left its bootloader.

    Raises:
        FlashError: `drive`: it stays.
    """
    until = time.monotonic() + timeout_s
    while read_drive(drive.path):
        if time.monotonic() > until:
            raise FlashError(
                "drive",
                f"{drive.path}: the board is still in its bootloader after {timeout_s:g} s: it did not take the file; call this again",
            )
        time.sleep(_LOOK_S)
