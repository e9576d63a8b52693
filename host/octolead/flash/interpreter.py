# SPDX-License-Identifier: Apache-2.0
"""MicroPython itself: a file that the user gives or a download with a known SHA-256, looked at before any board gets it.

`micropython.json` beside this file names each board's download. An entry without an address and a hash that somebody has
checked is refused: what cannot be told from something else is not fetched.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FlashError
from . import esp, uf2

LEAST = (1, 29)
SOURCES = Path(__file__).with_name("micropython.json")
_BANNER = re.compile(rb"MicroPython v(\d+)\.(\d+)(?:\.(\d+))?[^\0]{0,60}? on 20\d\d-")
_MOST_BYTES = 16 << 20
_FETCH_S = 30
_CHUNK = 64 * 1024
_CHIPS = {"pico2w": "RP2350", "esp32s3": "ESP32-S3"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Interpreter:
    """A build of MicroPython that is whole, new enough, and for this board."""

    board: str
    name: str
    version: str
    content: bytes


def read(path: Path, board: str) -> Interpreter:
    """Take a file.

    Raises:
        FlashError: `download`, `wrong_board`, `wrong_micropython`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise FlashError("download", f"{path}: cannot be read: {error.strerror or error}") from error
    return examine(content, path.name, board)


def examine(content: bytes, name: str, board: str) -> Interpreter:
    """Look at a file's content: is it whole, for this board's chip, and MicroPython that is new enough?"""
    if board not in _CHIPS:
        raise FlashError("wrong_board", f"MicroPython is installed on {' and '.join(_CHIPS)}, not on {board}")
    if len(content) > _MOST_BYTES:
        raise FlashError("download", f"{name}: more than {_MOST_BYTES} bytes, no build of MicroPython")
    if board == "pico2w":
        chip, code = _of_uf2(content, name)
    else:
        chip, code = (uf2.parse(content, name).chip if content[:4] == b"UF2\n" else esp.chip_of(content, name)), content
    if chip != _CHIPS[board]:
        raise FlashError("wrong_board", f"{name} is for the {chip}, the board has an {_CHIPS[board]}: take the file for {board}")
    if board == "esp32s3":
        esp.check(content, name)
    return Interpreter(board, name, _version(code, name), content)


def _of_uf2(content: bytes, name: str) -> tuple[str, bytes]:
    if content[:1] == bytes([esp.MAGIC]):
        return esp.chip_of(content, name), content
    found = uf2.parse(content, name)
    return found.chip, found.data


def _version(code: bytes, name: str) -> str:
    banner = _BANNER.search(code)
    if not banner:
        raise FlashError("wrong_micropython", f"{name}: no released MicroPython in it: take the file from its download page")
    version = tuple(int(part or 0) for part in banner.groups())
    words = ".".join(map(str, version))
    if version[:2] < LEAST:
        raise FlashError("wrong_micropython", f"{name} is MicroPython {words}, {'.'.join(map(str, LEAST))} or newer is needed")
    return words


@dataclass(frozen=True)
class Source:
    """A download whose hash is known."""

    url: str
    sha256: str


def source_of(board: str, sources: Path = SOURCES) -> Source:
    """What the data file says of a board's download.

    Raises:
        FlashError: `download`: no address, or no hash that was checked.
    """
    try:
        found: Any = json.loads(sources.read_text(encoding="utf-8"))[board]
        url, sha256, page = found["url"], found["sha256"], found.get("page", "its maker's page")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlashError("download", f"{sources}: names no download for {board} ({type(error).__name__})") from error
    if not url or not re.fullmatch("[0-9a-f]{64}", str(sha256 or "").lower()):
        raise FlashError(
            "download",
            f"no download of MicroPython for {board} whose SHA-256 somebody has checked is named in {sources}: fetch the file from "
            f"{page} and give it with --micropython FILE, or name a data file of your own with --sources",
        )
    if not str(url).startswith(("https://", "http://")):
        raise FlashError("download", f"{sources}: {url!r} is no address of the web")
    return Source(str(url), str(sha256).lower())


def fetch(source: Source, board: str, progress: Progress | None = None) -> Interpreter:
    """Download, and check the hash before anything else is looked at.

    Raises:
        FlashError: `download`: it cannot be had, is cut off, or is another file than the one that was checked.
    """
    try:
        with urllib.request.urlopen(source.url, timeout=_FETCH_S) as answer:  # noqa: S310 - the scheme is checked, the hash decides
            content = _take(answer, progress)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error if hasattr(error, "code") else getattr(error, "reason", error)
        raise FlashError("download", f"{source.url}: not to be had ({reason}): try again, or give a file: --micropython FILE") from error
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise FlashError(
            "download",
            f"{source.url}: {len(content)} bytes with SHA-256 {found[:16]}…, {source.sha256[:16]}… was checked: cut off, damaged or "
            "exchanged; nothing was written. Try again; if it stays so, do not use it",
        )
    return examine(content, source.url.rsplit("/", 1)[-1], board)


def _take(answer: Any, progress: Progress | None) -> bytes:
    total = int(answer.headers.get("Content-Length") or 0)
    content = b""
    while piece := answer.read(_CHUNK):
        content += piece
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        if progress:
            progress(len(content), total)
    return content
