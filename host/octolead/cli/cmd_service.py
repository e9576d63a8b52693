# SPDX-License-Identifier: Apache-2.0
"""octolead settings, erase: what an owner does with a recorder."""

from __future__ import annotations

from typing import Any

import click

from .link_options import Target, link_options
from .output import common, note, print_json, rows, say

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def change(argument: str) -> tuple[str, Any]:
    """NAME=VALUE as name and value; what the value may be is the recorder's to say."""
    name, found, text = argument.partition("=")
    if not found:
        raise click.UsageError(f"{argument!r}: NAME=VALUE")
    if name == "name":
        return name, text
    try:
        return name, int(text)
    except ValueError:
        return name, _WORDS.get(text.lower(), text)


@click.command()
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE ...]")
@link_options
@common
def settings(target: Target, changes: tuple[str, ...], as_json: bool) -> None:
    """Show a recorder's settings, and change some.

    A change is taken whole or not at all; the recorder keeps it without power. What there is and what it may be: docs/SPEC.md 6.5.
    """
    wanted = dict(change(argument) for argument in changes)
    found = target.do(lambda recorder: recorder.settings(wanted))
    if as_json:
        print_json(found)
        return
    rows([(name, _shown(value)) for name, value in sorted(found.items())])


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@link_options
@common
def erase(target: Target, yes: bool, as_json: bool) -> None:
    """Forget all recordings on a recorder's card; it must not be recording.

    The card gets a new ring: nobody is told the old blocks any more, but their bytes stay on it until they are overwritten, and `octolead
    recover` may still find them. Format the card on a computer, or encrypt it, where that matters.
    """

    async def look(recorder: Any) -> str:
        if target.is_simulated:
            await recorder.stop()
        newest: str = (await recorder.status()).more["newest_session"]
        return newest

    newest = target.do(look)
    if not any(bytes.fromhex(newest)):
        note("there is no recording on the card")
    if not yes:
        click.confirm(f"Forget all recordings on the card, the newest of them {newest}?", abort=True, err=True)

    async def work(recorder: Any) -> None:
        if target.is_simulated:
            await recorder.stop()
            session = bytes.fromhex((await recorder.status()).more["newest_session"])
            await recorder.erase(session)
        else:
            await recorder.erase(bytes.fromhex(newest))

    target.do(work)
    print_json({"erased": True}) if as_json else say("erased: the card is empty")
