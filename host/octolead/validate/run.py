# SPDX-License-Identifier: Apache-2.0
"""The steps of a validation, one after another."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import OctoleadError
from ..limits import Trial, load
from ..limits.trial import failed
from ..link import Recorder
from ..selftest.hands import Declined
from ..selftest.run import must_be_idle
from .bench import Bench
from .day import KEYS as DAY_KEYS
from .day import day
from .response import response
from .signals import crosstalk, dynamic, pulse, quiet
from .stimulus import Stimulus

Step = Callable[[Bench], Awaitable[None]]

STEPS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "response": (
        response,
        (
            *("sample_rate", "resolution", "gain", "gain_ambulatory", "band", "band_low_pass", "band_ambulatory"),
            *("band_ambulatory_low_pass", "zero_phase", "skew", "skew_simultaneous", "time"),
        ),
    ),
    "pulse": (pulse, ("impulse_slope", "impulse_undershoot", "baseline_step")),
    "quiet": (quiet, ("noise", "noise_ambulatory", "baseline_drift", "baseline_drift_long", "event_remote")),
    "dynamic": (dynamic, ("dynamic", "smallest")),
    "crosstalk": (crosstalk, ("crosstalk", "crosstalk_ambulatory")),
}
"""What is done, in this order, and the limits each step judges; "day" follows where there is a simulator."""
REMARK = (
    "Recorder and decoder together: what was put on the electrodes beside what octolead reads and the viewer's filters show. "
    "It is a set of measurements, no claim of conformity."
)


async def validate(
    recorder: Recorder,
    stimulus: Stimulus,
    *,
    speed: float = 1.0,
    rate_hz: int = 500,
    hours: float = 24.0,
    simulated: Mapping[str, Any] | None = None,
    steps: Iterable[str] = (*STEPS, "day"),
    key: bytes | None = None,
    say: Callable[[str], None] | None = None,
) -> Trial:
    """Test an idle recorder and this decoder against the limits.

    Args:
        recorder: an open session.
        stimulus: who puts signals on the electrodes.
        speed: seconds of the recorder in one of ours; other than 1 for the simulator only.
        rate_hz: of the recordings.
        hours: of virtual time for what takes long.
        simulated: the simulator's configuration; None for a real recorder, which cannot run in virtual time.
        steps: which of `STEPS` and "day".
        key: the recorder's, where it enciphers what it records.
        say: told what goes on.

    Raises:
        LinkError: it records already, or is gone.
    """
    chosen = set(steps)
    if chosen - {*STEPS, "day"}:
        raise ValueError(f"no step {', '.join(sorted(chosen - {*STEPS, 'day'}))}; there are: {', '.join(STEPS)}, day")
    identity = await recorder.identity()
    subject = {name.replace("_", " "): str(identity[name]) for name in ("device_id", "board", "firmware") if name in identity}
    trial = Trial("Validation", {**subject, "rate": f"{rate_hz} samples/s"}, remarks=[REMARK])
    began = time.monotonic()
    await must_be_idle(recorder)
    with tempfile.TemporaryDirectory(prefix="octolead-validate-") as folder:
        bench = Bench(recorder, stimulus, load("validate"), trial, Path(folder), speed, rate_hz, say or (lambda words: None), key)
        for name in STEPS:
            if name in chosen:
                await _step(bench, name)
        if "day" in chosen:
            await _day(bench, hours, simulated)
    if bench.lost:
        bench.judge("frames_lost", bench.lost)
    _rest(bench, whole=chosen == {*STEPS, "day"})
    trial.took_s = time.monotonic() - began
    return trial


async def _day(bench: Bench, hours: float, simulated: Mapping[str, Any] | None) -> None:
    if simulated is None:
        bench.leave("takes a day and a source that stays; run in virtual time on the simulator only", *DAY_KEYS)
        return
    try:
        await asyncio.to_thread(day, bench, hours, simulated)
    except OctoleadError as error:
        _fail(bench, str(error), DAY_KEYS)


async def _step(bench: Bench, name: str) -> None:
    """Do a step. What the stimulus cannot do is not run; what breaks has failed, unless the link itself is gone."""
    step, keys = STEPS[name]
    try:
        await step(bench)
    except Declined as declined:
        there = _judged(bench)
        bench.leave(str(declined), *(key for key in keys if key not in there))
    except OctoleadError as error:
        if bench.recorder.lost is not None:
            raise
        _fail(bench, str(error), keys)


def _judged(bench: Bench) -> set[str]:
    return {line.limit.key for line in bench.trial.lines}


def _fail(bench: Bench, words: str, keys: Iterable[str]) -> None:
    there = _judged(bench)
    for key in keys:
        if key not in there:
            bench.trial.add(failed(bench.limits[key], words))


def _rest(bench: Bench, *, whole: bool) -> None:
    """What nothing here can test, said so; all lines in the order of the limits."""
    if whole:
        for limit in bench.limits:
            if limit.needs:
                bench.leave(f"needs a bench: {limit.needs}", limit.key)
    order = [limit.key for limit in bench.limits]
    bench.trial.lines.sort(key=lambda line: order.index(line.limit.key))
