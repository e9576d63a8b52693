# SPDX-License-Identifier: Apache-2.0
"""octolead flash: give boards their firmware."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from ..errors import FlashError
from ..flash import Board, Installed, Release, build, install, load
from ..flash.drives import find_drives
from ..flash.release import KINDS
from ..simulator import find_firmware
from .interpreter import install_interpreter
from .output import EXIT_REFUSED, EXIT_SOUND, Progress, common, heading, note, print_json, rows, say

_MOST_AT_ONCE = 16


@click.command()
@click.argument("release_file", metavar="[RELEASE]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--port", "ports", multiple=True, help="Serial port of a board; several times for several. Default: the one that is found.")
@click.option("--all", "every", is_flag=True, help="All boards that are found.")
@click.option(
    "--board", type=click.Choice(list(KINDS)), default="pico2w", show_default=True, help="What to build where no RELEASE is given."
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the release to a file, for other desks.")
@click.option(
    "--micropython",
    metavar="FILE|download",
    help="Install MicroPython first, on a board in its bootloader (BOOTSEL or BOOT held while it is plugged in): a .uf2 or .bin, or the "
    "download whose SHA-256 --sources names.",
)
@click.option("--drive", type=click.Path(path_type=Path), help="The drive of the bootloader. Default: the one that is found.")
@click.option("--sources", type=click.Path(dir_okay=False, path_type=Path), help="Addresses and SHA-256 of downloads (docs/FLASH.md).")
@click.option("--yes", is_flag=True, help="Do not ask before MicroPython is fetched or installed.")
@click.option("--sim", is_flag=True, help="A virtual board: its flash is an image, its prompt MicroPython's own.")
@click.option("--image", type=click.Path(dir_okay=False, path_type=Path), help="Keep the virtual board's flash here. Default: a new one.")
@common
def flash(
    release_file: Path | None,
    ports: tuple[str, ...],
    every: bool,
    board: str,
    save: Path | None,
    micropython: str | None,
    drive: Path | None,
    sources: Path | None,
    yes: bool,
    sim: bool,
    image: Path | None,
    as_json: bool,
) -> int:
    """Install the firmware on boards: copied beside the one that runs, read back, switched to as one step.

    RELEASE is a file made with --save; without it the firmware of this checkout is compiled. A board that runs a recorder
    shows its prompt when its button is held while it is plugged in. Settings and keys on the board stay.
    A bare board gets MicroPython first: --micropython.
    """
    if len(set(ports)) != len(ports):
        raise click.UsageError("the same --port twice")
    if micropython and (sim or every):
        raise click.UsageError("--micropython is for one real board: neither --sim nor --all")
    release = load(release_file) if release_file else build(find_firmware(), "virtual" if sim else board)
    if micropython:
        ports = (install_interpreter(micropython, release.board, ports, drive, sources, yes),)
    elif every or not (ports or sim or save):
        ports = found_ports(every)
    if save:
        release.save(save)
        note(f"{save}: {release.board} {release.version}, {len(release.files)} files, {release.n_bytes} bytes")
    if sim:
        return _tell(_on_virtual(release, image), as_json)
    return _tell(_on_all(release, ports), as_json) if ports else EXIT_SOUND


def found_ports(every: bool) -> tuple[str, ...]:
    """The boards that are plugged in: exactly one, unless all are meant."""
    from ..link.transport_usb import find_ports

    found = find_ports()
    waiting = [] if found else find_drives()
    if waiting:
        raise FlashError(
            "no_board", f"{waiting[0].path}: a board in its bootloader ({waiting[0].words}): it needs --micropython FILE first"
        )
    if not found:
        raise FlashError(
            "no_board",
            "no board is found on USB: plug it in with a cable that carries data, hold its button meanwhile if it runs a recorder, "
            "or name its --port (--sim: a virtual board)",
        )
    if len(found) > 1 and not every:
        listed = "".join(f"\n  {name}  {words}" for name, words in found)
        raise FlashError("several_boards", f"{len(found)} boards are found, one was meant: name its --port, or say --all{listed}")
    for name, words in found:
        note(f"{name}: {words}")
    return tuple(name for name, _ in found)


def _on_virtual(release: Release, image: Path | None) -> list[Installed | FlashError]:
    from ..flash.virtual import VirtualBoard

    with tempfile.TemporaryDirectory() as folder, VirtualBoard(image or Path(folder) / "flash.img") as virtual:
        return _on_all(release, (virtual.port,))


def _on_all(release: Release, ports: tuple[str, ...]) -> list[Installed | FlashError]:
    """All boards side by side; one that fails stops no other."""
    done = dict.fromkeys(ports, 0)
    lock = threading.Lock()

    def work(port: str) -> Installed | FlashError:
        def count(n_bytes: int, _: int) -> None:
            with lock:
                done[port] = n_bytes
                progress.step("installing", sum(done.values()), release.n_bytes * len(ports))

        return _on_one(release, port, count)

    with Progress() as progress, ThreadPoolExecutor(min(len(ports), _MOST_AT_ONCE)) as pool:
        return list(pool.map(work, ports))


def _on_one(release: Release, port: str, count: Callable[[int, int], None]) -> Installed | FlashError:
    try:
        with Board(port) as board:
            return install(board, release, count)
    except FlashError as error:
        return error


def _tell(results: list[Installed | FlashError], as_json: bool) -> int:
    failed = [result for result in results if isinstance(result, FlashError)]
    if as_json:
        print_json({"boards": [_plain(result) for result in results]})
    for result in [] if as_json else results:
        if isinstance(result, FlashError):
            note(f"{click.style('failed', fg='red')}  {result}")
            continue
        say(heading(f"{result.port}: {result.version} installed"))
        rows([("before", result.before or "nothing"), ("folder", result.folder), ("bytes", str(result.n_bytes))])
        say("  It starts on trial, and confirms itself after half a minute of serving; otherwise the one before comes back.")
    return EXIT_REFUSED if failed else EXIT_SOUND


def _plain(result: Installed | FlashError) -> dict[str, object]:
    if isinstance(result, FlashError):
        return {"installed": False, "kind": result.kind, "message": str(result)}
    return {"installed": True, **vars(result)}
