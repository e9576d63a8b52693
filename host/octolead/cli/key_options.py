# SPDX-License-Identifier: Apache-2.0
"""Where keys are kept, for commands that need one, and how a passphrase is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import CardKeyError

if TYPE_CHECKING:
    from ..keys import KeyStore

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def keys_option(function: F) -> F:
    """--keys WHERE."""
    return click.option(
        "--keys",
        "where",
        metavar="WHERE",
        help="Where keys are kept: `keyring`, or a file, enciphered with a passphrase. Default: the variable OCTOLEAD_KEYS, the system's "
        "keyring, a file of yours. The passphrase is asked for, or comes from OCTOLEAD_PASSPHRASE_FD or OCTOLEAD_PASSPHRASE.",
    )(function)


def known_store(where: str | None = None) -> KeyStore | None:
    """The place where keys are kept already, the default one or the one named; None where none has ever been."""
    from ..keys import find_store

    return find_store(where, ask_passphrase)


def with_kept_keys(work: Callable[[bytes | None], T]) -> T:
    """Do `work` without a key; where a recording turns out to be enciphered, again with each key that is kept of its recorder."""
    try:
        return work(None)
    except CardKeyError as error:
        store = known_store() if error.kind == "encrypted" else None
        keys = store.entry(error.device_id).candidates() if store else []
        if not keys:
            raise
    for key in keys[:-1]:
        try:
            return work(key)
        except CardKeyError:
            continue
    return work(keys[-1])


def named_store(where: str | None) -> KeyStore:
    """The place that is named, or the default one; a file that is not there is made."""
    from ..keys import open_store

    return open_store(where, ask_passphrase)


def ask_passphrase(words: str, is_new: bool) -> str:
    """Ask for it, unseen; twice where it is new."""
    if is_new:
        words = words.replace("Passphrase", "New passphrase")
    return str(click.prompt(words, hide_input=True, confirmation_prompt=is_new, err=True))
