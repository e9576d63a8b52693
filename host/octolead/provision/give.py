# SPDX-License-Identifier: Apache-2.0
"""Give a recorder its key, through MicroPython's prompt, by the firmware's own code (docs/SECURITY.md 10).

The key is kept on the desk before it is sent, so no recorder ever has a key that nobody knows, whatever is cut and when.
"""

from __future__ import annotations

import ast
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import FlashError
from ..flash.board import Board
from ..flash.install import ROOT, check_whole, good_folder
from ..keys import KeyStore

_FOLDER = "/settings"
_PREPARE = "import sys\nif {release!r} not in sys.path:\n sys.path.insert(0,{release!r})\nfrom boards.parts import settings as S\n"
_LOOK = (
    "import machine,hashlib\nfrom binascii import hexlify as h\n"
    "u=machine.unique_id()\ni,k=S.identity(u)\n"
    "print(repr((h(u).decode(),h(i).decode(),h(hashlib.sha256({nonce!r}+k).digest()).decode() if k else '')))\ndel k"
)
_GIVE = "from binascii import unhexlify as u\nS.provision(u({device_id!r}),u({key!r}))"
_CHOOSE = (
    "import json\nfrom recorder.kept import Kept\nfrom recorder.settings import Settings\nfrom recorder.errors import SettingError\n"
    "c=Settings(Kept(S.FOLDER+'/owner'),S.recording())\n"
    "try:\n c.change(json.loads({changes!r}))\n print(repr((True,json.dumps(c.all()))))\n"
    "except SettingError as e:\n print(repr((False,e.message)))"
)


@dataclass(frozen=True)
class Provisioned:
    """What a recorder has now.

    Attributes:
        device_id: 16 hexadecimal digits.
        is_new: it was given a key; False where it had this one already.
        key: 32 bytes; never in the text of this object.
        settings: the owner's, all of them, where some were given.
    """

    device_id: str
    is_new: bool
    key: _Hidden
    settings: dict[str, Any] | None = None


class _Hidden(bytes):
    """Bytes whose text says nothing of them."""

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__


def provision(
    board: Board,
    store: KeyStore,
    *,
    device_id: str | None = None,
    replace: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Provisioned:
    """Give the recorder at the prompt a key that `store` keeps, and check that it has it. Calling it again does no harm.

    Args:
        board: open, with a release on it.
        store: where the key is kept on the desk.
        device_id: 16 hexadecimal digits; None: the one it has, which is its chip's where it has none yet.
        replace: give a new key to a recorder that has one.
        settings: the owner's, by name (docs/SPEC.md 6.5.1).

    Raises:
        FlashError: `no_release`, `provisioned`, `settings`, `damaged`, and what the board's port says.
        KeyStoreError: the key cannot be kept; the recorder is as it was then.
    """
    _prepare(board)
    chip, before, _ = _look(board)
    wanted = _wanted(device_id or before or chip)
    known = store.entry(wanted).candidates()
    key = _which(board, wanted, known)
    is_new = key is None or replace
    if key is None and not replace:
        _refuse_what_is_not_ours(board, wanted, store.entry(wanted).current is not None)
    if is_new:
        key = secrets.token_bytes(32)
        store.begin(wanted, key)
        board.run(_GIVE.format(device_id=wanted, key=key.hex()))
        if _which(board, wanted, [key]) is None:
            raise FlashError(
                "damaged", f"{board.port}: the identity reads back differently: call this again; if it stays so, take another board"
            )
    assert key is not None  # noqa: S101 - by the lines above
    store.settle(wanted, key)
    return Provisioned(wanted, is_new, _Hidden(key), _choose(board, settings) if settings else None)


def _wanted(text: str) -> str:
    text = text.lower()
    try:
        good = len(bytes.fromhex(text)) == 8 and len(text) == 16 and any(bytes.fromhex(text))
    except ValueError:
        good = False
    if not good:
        raise FlashError("settings", f"device id {text!r}: 16 hexadecimal digits, not all of them 0")
    return text


def _prepare(board: Board) -> None:
    folder = good_folder(board)
    if folder is None:
        raise FlashError("no_release", f"{board.port}: no firmware of the recorder is on this board: octolead flash --port {board.port}")
    check_whole(board, folder)
    board.run(_PREPARE.format(release=f"{ROOT}/{folder}"))


def _look(board: Board, nonce: bytes = b"") -> tuple[str, str, str]:
    """(the chip's id, the device id, SHA-256 over nonce and key, empty where there is no key)."""
    chip, device_id, digest = ast.literal_eval(board.run(_LOOK.format(nonce=nonce)))
    return chip, device_id, digest


def _which(board: Board, device_id: str, keys: list[bytes]) -> bytes | None:
    """Which of these keys the recorder has under this id; the key itself is not read."""
    nonce = secrets.token_bytes(16)
    _, found, digest = _look(board, nonce)
    if found != device_id:
        return None
    return next((key for key in keys if hashlib.sha256(nonce + key).hexdigest() == digest), None)


def _refuse_what_is_not_ours(board: Board, wanted: str, is_known: bool) -> None:
    """`is_known`: a recorder of this id has confirmed a key. One that was only sent says nothing: it was cut off on its way."""
    _, found, digest = _look(board)
    if digest:
        raise FlashError(
            "provisioned",
            f"{board.port}: recorder {found} has a key already, and not one that is kept here for {wanted}: `octolead keys add` takes it "
            "from the label; --replace gives it another, and what it recorded enciphered cannot be read with that one",
        )
    if is_known:
        raise FlashError(
            "provisioned",
            f"{board.port}: a key of recorder {wanted} is kept here, and this board has none: either its flash was erased, or two boards "
            "have one id. --replace gives it a new key (the old one stays kept); --device-id gives it another id",
        )


def _choose(board: Board, settings: Mapping[str, Any]) -> dict[str, Any]:
    good, words = ast.literal_eval(board.run(_CHOOSE.format(changes=json.dumps(dict(settings)))))
    if not good:
        raise FlashError("settings", f"{board.port}: {words}")
    return dict(json.loads(words))
