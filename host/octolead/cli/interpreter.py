# SPDX-License-Identifier: Apache-2.0
"""--micropython of `octolead flash`: MicroPython onto a board in its bootloader, and where the board shows itself afterwards."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ..errors import FlashError
from ..flash import drives, esp, interpreter
from ..flash.board import Board
from ..flash.interpreter import Interpreter
from .output import Progress, note

DOWNLOAD = "download"
_GONE_S, _PORT_S, _LOOK_S = 20.0, 30.0, 0.5


def install_interpreter(given: str, board: str, ports: tuple[str, ...], drive: Path | None, sources: Path | None, yes: bool) -> str:
    """Put MicroPython onto one board, after asking; return the port at which it stands then.

    Raises:
        FlashError: the file is not for it, the board is not there, or it did not take it.
    """
    if len(ports) > 1:
        raise click.UsageError("--micropython is for one board at a time: name one --port")
    if board == "esp32s3":
        return _by_esptool(_interpreter(given, board, sources, yes), ports, yes)
    target = _drive(drive)
    if target.chip != "RP2350":
        raise FlashError(
            "wrong_board", f"{target.path}: this board has an {target.chip} ({target.words}); the recorder needs a Pico 2 W with an RP2350"
        )
    return _by_drive(_interpreter(given, board, sources, yes), target, yes)


def _interpreter(given: str, board: str, sources: Path | None, yes: bool) -> Interpreter:
    if given != DOWNLOAD:
        return interpreter.read(Path(given), board)
    source = interpreter.source_of(board, sources or interpreter.SOURCES)
    if not yes:
        click.confirm(f"Fetch {source.url}?", abort=True, err=True)
    with Progress("fetching") as progress:
        return interpreter.fetch(source, board, progress)


def _drive(given: Path | None) -> drives.Drive:
    if given:
        found = drives.read_drive(given)
        if not found:
            raise FlashError(
                "no_board", f"{given}: no drive of a bootloader ({drives.INFO} is not there): hold BOOTSEL while plugging the board in"
            )
        return found
    every = drives.find_drives()
    if not every:
        raise FlashError(
            "no_board",
            "no board in its bootloader is found: hold BOOTSEL while plugging it in, mount the drive that appears if the system does not, "
            "or name it: --drive FOLDER",
        )
    if len(every) > 1:
        listed = "".join(f"\n  {each.path}  {each.words}" for each in every)
        raise FlashError("several_boards", f"{len(every)} boards are in their bootloaders, one was meant: name its --drive{listed}")
    return every[0]


def _by_drive(found: Interpreter, target: drives.Drive, yes: bool) -> str:
    from ..link.transport_usb import find_ports

    _agreed(found, f"{target.path} ({target.words})", yes)
    before = {name for name, _ in find_ports()}
    with Progress("MicroPython") as progress:
        drives.copy(found.content, found.name, target, progress)
    drives.wait_until_gone(target, _GONE_S)
    until = time.monotonic() + _PORT_S
    while time.monotonic() < until:
        new = [name for name, _ in find_ports() if name not in before]
        if len(new) == 1:
            return new[0]
        time.sleep(_LOOK_S)
    raise FlashError(
        "no_board",
        f"the board left its bootloader, and no port of it came within {_PORT_S:g} s: unplug it, plug it in, and call this again",
    )


def _by_esptool(found: Interpreter, ports: tuple[str, ...], yes: bool) -> str:
    from .cmd_flash import found_ports

    (port,) = ports or found_ports(every=False)
    _agreed(found, port, yes)
    with Progress("MicroPython") as progress:
        esp.write(found.content, port, progress)
    board = Board(port)
    board.reopen()
    board.close()
    return port


def _agreed(found: Interpreter, where: str, yes: bool) -> None:
    words = f"MicroPython {found.version} ({found.name}, {len(found.content)} bytes) for {found.board} onto {where}"
    note(words)
    if not yes:
        click.confirm("Go on?", abort=True, err=True)
