# SPDX-License-Identifier: Apache-2.0
"""octolead live: the signal of a recorder as it comes, for the eye."""

from __future__ import annotations

import asyncio
import csv
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Any

import click
import numpy as np

from ..errors import LinkLostError
from .link_options import Target, link_options
from .output import common, note, say

_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_SPARKS = "▁▂▃▄▅▆▇█"
_WIDTH = 60
_SHOWN_S = 3.0
_DRAW_S = 0.2
_PATIENCE = 10  # losses in a row without a frame in between
_RETRY_S = 0.5


@click.command()
@click.option("--leads", default="II", show_default=True, metavar="NAMES", help='Comma-separated, or "all". The first one is drawn.')
@click.option("--divisor", type=click.Choice(["1", "2", "4"]), default="2", show_default=True, help="Of the sampling rate.")
@click.option("--seconds", "limit_s", type=click.FloatRange(0.1), help="How long. Default: until Ctrl-C.")
@click.option("--out", type=click.Path(dir_okay=False), help="Keep what came, as csv: frame, then a stored value for each lead.")
@link_options
@common
def live(target: Target, leads: str, divisor: str, limit_s: float | None, out: str | None, as_json: bool) -> None:
    """Show a recorder's signal as it comes. Frames that do not fit are left out here, never in the recording."""
    names = _LEADS if leads == "all" else tuple(name.strip() for name in leads.split(","))
    unknown = [name for name in names if name not in _LEADS]
    if unknown:
        raise click.UsageError(f"--leads {unknown[0]}: one of {', '.join(_LEADS)}")
    mask = sum(1 << _LEADS.index(name) for name in set(names))
    with Path(out).open("w", newline="", encoding="utf-8") if out else nullcontext() as file:
        view = _View([name for name in _LEADS if name in names], int(divisor), file, as_json, limit_s)
        with suppress(TimeoutError):
            asyncio.run(_watch(target, lambda recorder: _show(recorder, mask, int(divisor), view), view))
        view.close()


async def _watch(target: Target, show: Callable[[Any], Awaitable[None]], view: _View) -> None:
    """Show until it ends, and begin again when the connection is lost."""
    losses, before = 0, -1
    while True:
        try:
            return await target.session(show)
        except LinkLostError as error:
            losses = 1 if view.frames != before else losses + 1
            before = view.frames
            if not view.frames or losses > _PATIENCE:
                raise
            note(f"{error}; trying again")
            await asyncio.sleep(_RETRY_S * losses)


async def _show(recorder: Any, mask: int, divisor: int, view: _View) -> None:
    view.status(await recorder.status())
    frames = recorder.live(mask, divisor)
    try:
        async with asyncio.timeout(view.left_s()):
            async for some in frames:
                view.show(some)
    finally:
        await frames.aclose()


class _View:
    """A line that is drawn over and over: lead, sparkline, frame, what was left out."""

    def __init__(self, names: list[str], divisor: int, file: IO[str] | None, as_json: bool, limit_s: float | None) -> None:
        self._names, self._divisor, self._quiet = names, divisor, as_json
        self._writer = csv.writer(file) if file else None
        if self._writer:
            self._writer.writerow(["frame", *names])
        self._values: deque[int] = deque(maxlen=int(_SHOWN_S * 500 / divisor))
        self._drawn = 0.0
        self._limit_s, self._until = limit_s, 0.0
        self._next = -1
        self.frames = self.left_out = 0

    def left_s(self) -> float | None:
        """Seconds to show still; they count from the first session on, through all that follow."""
        if self._limit_s is None:
            return None
        self._until = self._until or time.monotonic() + self._limit_s
        return max(0.0, self._until - time.monotonic())

    def status(self, status: Any) -> None:
        """What the recorder says of itself."""
        if not self._quiet:
            say(f"{status.state}, {status.fields['rate_mhz'] / 1000:g} samples/s, one frame in {self._divisor} of {', '.join(self._names)}")

    def show(self, some: Any) -> None:
        """Frames that came."""
        if self._next >= 0:
            self.left_out += max(0, some.first_frame - self._next) // self._divisor
        self._next = some.first_frame + self._divisor * len(some.values)
        self.frames += len(some.values)
        self._values.extend(some.values[:, 0].tolist())
        if self._writer:
            for i, row in enumerate(some.values.tolist()):
                self._writer.writerow([some.first_frame + i * self._divisor, *row])
        now = time.monotonic()
        if not self._quiet and sys.stdout.isatty() and now - self._drawn > _DRAW_S:
            self._drawn = now
            click.echo(f"\r{self._names[0]:>4} {sparkline(list(self._values))} {self._next:>10}", nl=False)

    def close(self) -> None:
        """Say what came."""
        if self._quiet:
            click.echo(f'{{"frames": {self.frames}, "left_out": {self.left_out}}}')
        else:
            say(f"{self.frames} frames came, {self.left_out} were left out")


def sparkline(values: list[int], width: int = _WIDTH) -> str:
    """A curve in one line: the value farthest from the median of each stretch.

    >>> sparkline([0, 0, 9, 0, 0, 0], 3)
    '▁█▁'
    """
    if not values:
        return " " * width
    curve = np.asarray(values, np.float64)
    curve = curve - np.median(curve)
    parts = [part[np.argmax(np.abs(part))] for part in np.array_split(curve, min(width, len(curve)))]
    low, span = min(parts), max(parts) - min(parts)
    return "".join(_SPARKS[int((len(_SPARKS) - 1) * (part - low) / span) if span else 0] for part in parts)
