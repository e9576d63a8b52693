# SPDX-License-Identifier: Apache-2.0
"""octolead scan: the recorders in range."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .link_options import simulated_bench
from .output import common, heading, note, print_json, say

if TYPE_CHECKING:
    from ..link.transport_ble import Adapter, Found


@click.command()
@click.option("--seconds", type=click.FloatRange(0.1, 300), default=4.0, show_default=True, help="How long to listen.")
@click.option("--sim", is_flag=True, help="In a simulated air, with one simulated recorder in it.")
@common
def scan(seconds: float, sim: bool, as_json: bool) -> None:
    """List the recorders in Bluetooth range. One that someone is connected to is not heard."""
    found = _simulated(seconds) if sim else _real(seconds)
    if as_json:
        print_json([each.as_dict() for each in found])
        return
    if not found:
        note(f"no recorder heard within {seconds:g} s: is it on and near, and is no one else connected to it?")
        return
    say(heading(f"{'name':<20}  {'device id':<16}  {'battery':>7}  {'signal':>8}  address"))
    for each in found:
        battery = "" if each.battery_percent is None else f"{each.battery_percent} %"
        say(f"{each.name:<20}  {each.device_id:<16}  {battery:>7}  {each.rssi_dbm:>4} dBm  {each.address}")


def _real(seconds: float) -> list[Found]:
    from ..link.transport_ble import scan as listen

    return asyncio.run(listen(seconds))


def _simulated(seconds: float) -> list[Found]:
    from ..link.transport_ble import find
    from ..link.transport_ble import scan as listen

    async def work(adapter: Adapter) -> list[Found]:
        await find("", adapter)  # it has to boot first
        return await listen(seconds, adapter)

    with tempfile.TemporaryDirectory(prefix="octolead-scan-") as folder:
        card = str(Path(folder) / "card.img")
        with simulated_bench(card, on_air=True) as bench:
            return asyncio.run(work(bench.adapter))  # type: ignore[attr-defined]
