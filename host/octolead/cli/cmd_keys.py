# SPDX-License-Identifier: Apache-2.0
"""octolead keys: which recorders' keys are kept on this computer."""

from __future__ import annotations

import sys

import click

from .key_options import keys_option, known_store, named_store
from .output import common, note, print_json, say


@click.group()
def keys() -> None:
    """The keys of recorders that are kept on this computer; they are never shown."""


@keys.command("list")
@keys_option
@common
def list_(where: str | None, as_json: bool) -> None:
    """Name the recorders whose keys are kept. A keyring does not tell."""
    store = known_store(where)
    found = store.ids() if store else []
    if as_json:
        print_json({"where": store.where if store else None, "device_ids": found})
    elif store is None:
        say(f"{where or 'this computer'}: no key yet; `octolead provision` and `octolead keys add` keep them")
    elif found is None:
        note(f"{store.where} does not tell what it holds: look into it by the system's own program, under `octolead`")
    else:
        say("\n".join(found) or f"{store.where}: no key yet")


@keys.command()
@keys_option
@common
def add(where: str | None, as_json: bool) -> None:
    """Keep a key that stands on a pairing label: scan the code into the prompt, or pipe its text in. It is not shown."""
    from ..provision import Label

    piped = not sys.stdin.isatty()
    text = sys.stdin.readline() if piped else str(click.prompt("Scan the label", hide_input=True, err=True))
    label = Label.parse(text)
    store = named_store(where)
    store.settle(label.device_id, label.key)
    print_json({"device_id": label.device_id, "where": store.where}) if as_json else say(f"{label.device_id}: kept in {store.where}")


@keys.command()
@click.argument("device_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@keys_option
@common
def remove(device_id: str, yes: bool, where: str | None, as_json: bool) -> None:
    """Forget the keys of a recorder: what it recorded enciphered cannot be read without them."""
    store = named_store(where)
    if not store.entry(device_id).candidates():
        store.candidates(bytes.fromhex(device_id))  # says that there is none, and what to do
    if not yes:
        click.confirm(f"Forget the keys of recorder {device_id}?", abort=True, err=True)
    store.forget(device_id)
    print_json({"removed": device_id}) if as_json else say(f"{device_id}: forgotten")
