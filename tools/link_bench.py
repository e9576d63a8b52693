# SPDX-License-Identifier: Apache-2.0
"""What the link does over the simulated cable: session set-up, sync while recording, live latency, cost of sealing.

python -m tools.link_bench [SECONDS]    of recording that is brought home first (default 600)
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from octolead import _constants as c
from octolead import simulator
from octolead.link import Sync, connect_usb
from octolead.link.bench import SimulatorBench

KEY = bytes(range(32))
COST = """
import sys, time
sys.path.insert(0, sys.argv[1])
from recorder import link_packet
for size in (244, 2048):
    sealer = link_packet.Sealer(bytes(16), bytes(32), size)
    began = time.ticks_us()
    for _ in range(500):
        sealer.seal(5, size - 13)
    print("sealing %d bytes: %.0f us under the Unix port" % (size, time.ticks_diff(time.ticks_us(), began) / 500))
"""


def made(folder: Path, seconds: int) -> dict[str, object]:
    """A card with a recording on it; the configuration to go on with."""
    rng = np.random.default_rng(1)
    nanovolt = rng.normal(0, 2e5, (10000, 8)).astype(np.int32)
    simulator.write_input(folder / "in.olnv", nanovolt, 500)
    config = {"input": str(folder / "in.olnv"), "card": str(folder / "card.img"), "card_mib": 512, "codec": c.CODEC_RAW24}
    simulator.run({**config, "frames": 500 * seconds})
    return {**config, "link_key": KEY.hex()}


async def measure(bench: SimulatorBench, folder: Path) -> None:
    """All figures of the cable."""
    setups = []
    for _ in range(10):
        port = bench.plug()
        began = time.monotonic()
        recorder = await connect_usb(port, KEY)
        setups.append(time.monotonic() - began)
        await recorder.close()
    print(f"session set-up: median {1000 * np.median(setups):.0f} ms, longest {1000 * max(setups):.0f} ms of {len(setups)}")

    async with await connect_usb(bench.plug(), KEY) as recorder:
        await recorder.start()
        began_at = time.monotonic() - (await recorder.status()).fields["frame"] / 500
        delays = []
        live = recorder.live(0xFF, 1)
        async for frames in live:
            due = began_at + np.arange(frames.first_frame, frames.first_frame + len(frames.values)) / 500
            delays.extend(time.monotonic() - due)
            if len(delays) > 5000:
                break
        await live.aclose()
    percentile_ms, longest_ms = 1000 * np.percentile(delays, 95), 1000 * max(delays)
    print(f"live latency: 95th percentile {percentile_ms:.0f} ms, longest {longest_ms:.0f} ms of {len(delays)} frames")

    async def connect():
        return await connect_usb(bench.plug(), KEY)

    began = time.monotonic()
    report = await Sync(folder / "archive", connect).run()
    elapsed = time.monotonic() - began
    print(f"sync while recording: {report.bytes / elapsed / 1000:.0f} kB/s, {report.bytes / 1e6:.1f} MB, {report.blocks} blocks")


def main() -> None:
    """Measure and print."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SimulatorBench(made(folder, seconds)) as bench:
            asyncio.run(measure(bench, folder))
            print(f"frames lost by the recording: {bench.end()['frames_lost']}")
        script = folder / "cost.py"
        script.write_text(COST)
        subprocess.run([str(simulator.find_micropython()), str(script), str(simulator.find_firmware())], check=True)


if __name__ == "__main__":
    main()
