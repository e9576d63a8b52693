# SPDX-License-Identifier: Apache-2.0
"""octolead status, start, stop, mark, set-time, sync: a recorder on a cable or on the air."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Any

import click

from .. import _constants as c
from ..calibration import kept_folder
from .link_options import Target, link_options
from .output import EXIT_DAMAGED, EXIT_SOUND, common, heading, note, print_json, rows, say

_SOURCES = {"electrodes": c.SIGNAL_SOURCE_ELECTRODES, "test": c.SIGNAL_SOURCE_TEST_SIGNAL, "shorted": c.SIGNAL_SOURCE_SHORTED}
_CLOCK_UNCERTAINTY_MS = 100  # of a desk's clock that is set over the network


@click.command()
@link_options
@common
def status(target: Target, as_json: bool) -> None:
    """What a recorder is doing."""
    found = target.do(lambda recorder: recorder.status())
    if as_json:
        print_json(found.as_dict())
        return
    f = found.fields
    say(heading(found.state))
    utc = datetime.fromtimestamp(f["utc_us"] / 1e6, UTC).isoformat(timespec="seconds") if f["utc_us"] else ""
    off = [name for bit, name in c.ELECTRODE_NAMES.items() if f["electrodes_off"] >> bit & 1]
    rows(
        [
            ("session", f["session_id"].hex() if any(f["session_id"]) else ""),
            ("frame", f"{f['frame']} at {f['rate_mhz'] / 1000:g} samples/s" if f["rate_mhz"] else ""),
            ("time", utc),
            ("frames lost", str(f["frames_lost"]) if f["frames_lost"] else ""),
            ("electrodes off", ", ".join(off)),
            ("marks", str(f["marks"]) if f["marks"] else ""),
            ("faults", str(f["faults"]) if f["faults"] else ""),
            ("heart rate", f"{f['heart_rate_bpm']}/min" if f["heart_rate_bpm"] else ""),
            ("battery", _battery(f)),
            ("card", f"{f['card_slots']} blocks, next {f['ring_seq']}" if f["card_slots"] else "none"),
            ("failure", str(found.more.get("failure", ""))),
        ]
    )


def _battery(fields: dict[str, Any]) -> str:
    if not fields["battery_mv"]:
        return ""
    percent = f"{fields['battery_percent']} %, " if fields["battery_percent"] <= 100 else ""
    return f"{percent}{fields['battery_mv']} mV"


@click.command()
@click.option("--rate", "rate_hz", type=click.Choice(["250", "500", "1000"]), help="Samples per second. Default: as its settings say.")
@click.option("--source", type=click.Choice(list(_SOURCES)), default="electrodes", show_default=True, help="What is recorded.")
@link_options
@common
def start(target: Target, rate_hz: str | None, source: str, as_json: bool) -> None:
    """Begin to record; the recorder is told the time of this computer first."""
    as_set = rate_hz is None and source == "electrodes"

    async def work(recorder: Any) -> str:
        await recorder.set_time(time.time_ns() // 1000, _CLOCK_UNCERTAINTY_MS)
        if target.is_simulated:
            await recorder.stop()
        session: bytes
        if as_set:
            session = await recorder.start_as_set()
        else:
            session = await recorder.start(rate_hz=int(rate_hz or 500), source=_SOURCES[source])
        return session.hex()

    session_id = target.do(work)
    print_json({"session_id": session_id}) if as_json else say(f"session {session_id}")


@click.command()
@link_options
@common
def stop(target: Target, as_json: bool) -> None:
    """End the recording in order."""
    frames = target.do(lambda recorder: recorder.stop())
    print_json({"frames": frames}) if as_json else say(f"stopped after {frames} frames")


@click.command()
@click.argument("text", default="")
@link_options
@common
def mark(target: Target, text: str, as_json: bool) -> None:
    """Mark this moment, with a few words."""
    frame = target.do(lambda recorder: recorder.mark(text))
    print_json({"frame": frame}) if as_json else say(f"marked at frame {frame}")


@click.command("set-time")
@click.option(
    "--uncertainty", "uncertainty_ms", type=click.IntRange(0, 2**32 - 2), default=_CLOCK_UNCERTAINTY_MS, show_default=True, metavar="MS"
)
@link_options
@common
def set_time(target: Target, uncertainty_ms: int, as_json: bool) -> None:
    """Tell the recorder the time of this computer."""
    frame = target.do(lambda recorder: recorder.set_time(time.time_ns() // 1000, uncertainty_ms))
    print_json({"frame": frame}) if as_json else say("set" if frame is None else f"set at frame {frame}")


class _Bar:
    """Blocks that came, bytes a second, time left."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._shown = False

    def __call__(self, done: int, of: int, n_bytes: int) -> None:
        now = time.monotonic()
        if now - self._told < 0.2 and done < of:
            return
        self._told = now
        elapsed = max(now - self._began, 1e-3)
        left = elapsed * (of - done) / max(done, 1)
        bar = "█" * round(30 * done / max(of, 1))
        words = f"{bar:<30} {done}/{of} blocks  {n_bytes / elapsed / 1000:.0f} kB/s  {left:.0f} s left"
        if sys.stderr.isatty():
            click.echo(f"\r{words:<80}", err=True, nl=False)
            self._shown = True

    def say(self, words: str) -> None:
        """A line of its own."""
        self.close()
        note(words)

    def close(self) -> None:
        """End the bar's line."""
        if self._shown:
            click.echo(err=True)
            self._shown = False


@click.command()
@click.option("--out", default="recordings", show_default=True, type=click.Path(file_okay=False), help="Folder of the archive.")
@click.option("--follow", is_flag=True, help="Go on while it records, until Ctrl-C.")
@click.option("--seconds", "limit_s", type=click.FloatRange(0.1), help="With --follow: end after so long.")
@link_options
@common
def sync(target: Target, out: str, follow: bool, limit_s: float | None, as_json: bool) -> None:
    """Bring home what is missing, and only that: one .olr file a session, byte for byte as on the card.

    May be interrupted at any time; the next one goes on where this one ended, in the middle of a block too.
    """
    from ..link import Sync

    bar = _Bar()
    work = Sync(out, target.connect, progress=bar, say=bar.say, keep=None if target.is_simulated else kept_folder())
    if target.is_simulated:
        target.do(lambda recorder: recorder.ping())
    try:
        asyncio.run(_bounded(work.run(follow=follow), limit_s if follow else None))
    finally:
        bar.close()
        report = vars(work.report)
        if as_json:
            print_json(report)
        else:
            say(
                f"{report['blocks']} blocks, {report['bytes']} bytes brought home to {out}"
                + (f"; {report['damaged']} are damaged on the card" if report["damaged"] else "")
            )
    click.get_current_context().exit(EXIT_DAMAGED if work.report.damaged else EXIT_SOUND)


async def _bounded(work: Any, limit_s: float | None) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await work
    except TimeoutError:
        if limit_s is None:
            raise
