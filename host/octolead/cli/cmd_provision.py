# SPDX-License-Identifier: Apache-2.0
"""octolead provision: device id, key, owner's settings and pairing label of a board that was flashed."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..flash import Board, build, install
from ..flash.install import good_folder
from ..provision import Label, Provisioned
from ..provision import provision as give
from ..simulator import find_firmware
from .cmd_flash import found_ports
from .cmd_service import change
from .key_options import keys_option, named_store
from .output import common, heading, note, print_json, rows, say

if TYPE_CHECKING:
    from ..keys import KeyStore


@click.command()
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE ...]")
@click.option("--port", help="Serial port of the board. Default: the one that is found.")
@click.option(
    "--sim", is_flag=True, help="A virtual board with its button held; its key is kept for this run only, unless --keys is given."
)
@click.option("--image", type=click.Path(dir_okay=False, path_type=Path), help="Keep the virtual board's flash here. Default: a new one.")
@click.option("--device-id", metavar="ID", help="16 hexadecimal digits. Default: the chip's own.")
@click.option("--replace", is_flag=True, help="Give a new key to a board that has one. The old one stays kept here.")
@click.option(
    "--label", "labels", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help="Write the pairing label: .pdf or .png."
)
@keys_option
@common
def provision(
    changes: tuple[str, ...],
    port: str | None,
    sim: bool,
    image: Path | None,
    device_id: str | None,
    replace: bool,
    labels: tuple[Path, ...],
    where: str | None,
    as_json: bool,
) -> None:
    """Give a flashed board its id and its key, and the owner's settings (NAME=VALUE, as `octolead settings` takes them).

    Hold the board's button while plugging it in: a recorder that runs gives its prompt to nobody. The key is kept in the keyring or an
    enciphered file, and stands in the label's code; it is shown nowhere. Call it again after a cut: it goes on.
    """
    wrong = [str(path) for path in labels if path.suffix.lower() not in (".pdf", ".png")]
    if wrong:
        raise click.UsageError(f"{wrong[0]}: a label is a .pdf or a .png")
    wanted = dict(change(argument) for argument in changes)
    with _board(port, sim, image) as board, _store(where, sim) as store:
        done = give(board, store, device_id=device_id, replace=replace, settings=wanted)
        board.restart()
    for path in labels:
        Label(done.device_id, done.key, str((done.settings or {}).get("name", ""))).save(path)
    _tell(done, store, labels, as_json)


@contextmanager
def _board(port: str | None, sim: bool, image: Path | None) -> Iterator[Board]:
    if not sim:
        with Board(port or found_ports(every=False)[0]) as board:
            yield board
        return
    from ..flash.virtual import VirtualBoard

    with tempfile.TemporaryDirectory() as folder:
        flash = image or Path(folder) / "flash.img"
        with VirtualBoard(flash, held=True, serves=True) as virtual:
            board = Board(virtual.port)
            with board:
                if good_folder(board) is None:
                    note("a bare virtual board: it is flashed first")
                    install(board, build(find_firmware(), "virtual"))
                    board.reopen()
                yield board


@contextmanager
def _store(where: str | None, sim: bool) -> Iterator[KeyStore]:
    if where or not sim:
        yield named_store(where)
        return
    from ..keys.vault import Vault

    with tempfile.TemporaryDirectory() as folder:
        yield Vault(Path(folder) / "keys of this run", secrets.token_hex(16))


def _tell(done: Provisioned, store: KeyStore, labels: tuple[Path, ...], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "device_id": done.device_id,
                "is_new": done.is_new,
                "keys": store.where,
                "labels": [str(path) for path in labels],
                "settings": done.settings,
            }
        )
        return
    say(heading(f"{done.device_id}: {'a new key' if done.is_new else 'it has its key already'}"))
    rows([("kept in", store.where), ("label", ", ".join(map(str, labels)))])
    if labels:
        say("  Who can read a label's code has the key: its file is yours alone to read; remove it once it is printed.")
