# SPDX-License-Identifier: Apache-2.0
"""octolead validate: recorder and decoder against the limits of the standards. No claim of conformity."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click

from ..limits import Trial
from .link_options import Target, link_options_of
from .output import common, note
from .trial_output import report_option, show_trial

SPEED = 16.0
SIMULATED: dict[str, Any] = {"speed": SPEED, "ring_frames": 32768, "front_end": {"noise_nv": 600}}
"""The simulated recorder: sixteen times as fast, with about the noise that the converter's data sheet gives."""


@click.command()
@click.option("--rate", "rate_hz", type=click.Choice(["500", "1000"]), default="500", show_default=True, help="Samples a second.")
@click.option("--hours", type=click.FloatRange(0.02, 100), default=24.0, show_default=True, help="Of virtual time (simulator only).")
@report_option
@link_options_of("octolead-validate.img", **SIMULATED)
@common
def validate(target: Target, rate_hz: str, hours: float, reports: list[Path], as_json: bool) -> None:
    """Measure recorder and decoder against limits of IEC 60601-2-25, IEC 60601-2-47 and ANSI/AAMI EC11 (docs/VALIDATION.md).

    A simulated recorder is played to; for a real one you are told what to set on a generator. What needs more of a bench says so.
    Exit code 1 if something failed. No claim of conformity.
    """
    show_trial(asyncio.run(_run(target, int(rate_hz), hours)), reports, as_json=as_json)


async def _run(target: Target, rate_hz: int, hours: float) -> Trial:
    from ..validate import GuidedStimulus, SimulatedStimulus, Stimulus
    from ..validate import validate as run

    stimulus: Stimulus = GuidedStimulus(_ask)
    speed, simulated = 1.0, None
    with tempfile.TemporaryDirectory(prefix="octolead-stimulus-") as folder:
        if target.bench is not None and target.bench.hand is not None:
            stimulus, speed, simulated = SimulatedStimulus(target.bench.hand, Path(folder)), SPEED, SIMULATED
        async with await target.connect() as recorder:
            key = target.key_of(recorder.device_id)
            return await run(recorder, stimulus, speed=speed, rate_hz=rate_hz, hours=hours, simulated=simulated, key=key, say=note)


def _ask(words: str) -> str:
    return str(click.prompt(f"{words}; then Enter (s: leave it out)", default="", show_default=False, err=True))
