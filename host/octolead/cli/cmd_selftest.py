# SPDX-License-Identifier: Apache-2.0
"""octolead selftest: is this recorder sound?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..limits import Trial
from .link_options import Target, link_options_of
from .output import common, note
from .trial_output import report_option, show_trial

_CARD = "octolead-selftest.img"
SOUND = {"card_mib": 4608, "battery_mv": 3950}
"""What the simulated recorder has beside the demo's: a card for ninety hours, a battery."""


@click.command()
@click.option("--guided", is_flag=True, help="Ask for what hands must do: join and lift the electrodes, press the button.")
@click.option("--quick", is_flag=True, help="Only what the box finds by itself, without recordings.")
@report_option
@link_options_of(_CARD, **SOUND)
@common
def selftest(target: Target, guided: bool, quick: bool, reports: list[Path], as_json: bool) -> None:
    """Test an idle recorder against limits: converter, test signal, noise, lead-off, card, button, battery, clock, radio, memory.

    Half a minute; it records three short sessions of its own and erases nothing. Exit code 1 if something failed. docs/SELFTEST.md
    """
    show_trial(asyncio.run(_run(target, guided, quick)), reports, as_json=as_json)


async def _run(target: Target, guided: bool, quick: bool) -> Trial:
    from ..selftest import STEPS, FileHands, Hands, NoHands, PromptHands, self_test

    hands: Hands = PromptHands(_ask) if guided else NoHands()
    if target.bench is not None and target.bench.hand is not None and not guided:
        hands = FileHands(target.bench.hand)
    async with await target.connect() as recorder:
        return await self_test(recorder, hands=hands, steps=("box",) if quick else STEPS, key=target.key_of(recorder.device_id), say=note)


def _ask(words: str) -> str:
    return str(click.prompt(f"{words}; then Enter (s: leave it out)", default="", show_default=False, err=True))
