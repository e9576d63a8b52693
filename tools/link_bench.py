# SPDX-License-Identifier: Apache-2.0
"""What the link does over the simulated cable and over the simulated air: set-up, sync while recording, live latency; cost of sealing.

python -m tools.link_bench [SECONDS]    of recording that is brought home over the cable (default 600; over the air a tenth)
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from octolead import _constants as c
from octolead import simulator
from octolead.link import Recorder, Sync, connect_ble, connect_usb, open_session
from octolead.link.air.bench import RadioBench
from octolead.link.bench import SimulatorBench
from octolead.link.transport import Transport
from octolead.link.transport_ble import BleTransport, find
from octolead.link.transport_usb import UsbTransport

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


Connect = Callable[[], Awaitable[Recorder]]


async def set_up(open_carrier: Callable[[], Awaitable[Transport]]) -> str:
    """How long a session takes to open: over a carrier that is there, and with the carrier."""
    sessions, whole = [], []
    for _ in range(10):
        began = time.monotonic()
        carrier = await open_carrier()
        there = time.monotonic()
        recorder = await open_session(carrier, KEY)
        now = time.monotonic()
        sessions.append(1000 * (now - there))
        whole.append(1000 * (now - began))
        await recorder.close()
    return (
        f"session set-up: median {np.median(sessions):.0f} ms, longest {max(sessions):.0f} ms of {len(sessions)}; "
        f"with finding and connecting {np.median(whole):.0f} and {max(whole):.0f} ms"
    )


async def live(connect: Connect) -> str:
    """How late live frames of eight leads at 500 samples/s come."""
    async with await connect() as recorder:
        if (await recorder.status()).state != "recording":
            await recorder.start()
        delays: list[float] = []
        frames_at = await frame_clock(recorder)
        stream = recorder.live(0xFF, 1)
        async for frames in stream:
            due = frames_at + np.arange(frames.first_frame, frames.first_frame + len(frames.values)) / 500
            delays.extend(1000 * (time.monotonic() - due))
            if len(delays) > 5000:
                break
        await stream.aclose()
    return f"live latency: 95th percentile {np.percentile(delays, 95):.0f} ms, longest {max(delays):.0f} ms of {len(delays)} frames"


async def frame_clock(recorder: Recorder) -> float:
    """When frame 0 was, on this computer's clock: the earliest of many estimates, for the frame told may be a turn old."""
    starts = []
    for _ in range(40):
        began = time.monotonic()
        frame = (await recorder.status()).fields["frame"]
        starts.append((began + time.monotonic()) / 2 - frame / 500)
        await asyncio.sleep(0.017)
    return min(starts)


async def home(connect: Connect, folder: Path) -> str:
    """How fast blocks come home while the recorder records."""
    began = time.monotonic()
    report = await Sync(folder, connect).run()
    elapsed = time.monotonic() - began
    return f"sync while recording: {report.bytes / elapsed / 1000:.1f} kB/s, {report.bytes / 1e6:.2f} MB, {report.blocks} blocks"


async def measure(name: str, folder: Path, connect: Connect, open_carrier: Callable[[], Awaitable[Transport]]) -> None:
    """All figures of a carrier."""
    for line in (await set_up(open_carrier), await live(connect), await home(connect, folder)):
        print(f"{name}: {line}")


def cable(folder: Path, seconds: int) -> None:
    """Over the cable."""
    with SimulatorBench(made(folder, seconds)) as bench:

        async def connect() -> Recorder:
            return await connect_usb(bench.plug(), KEY)

        async def plug() -> Transport:
            return await UsbTransport.open(bench.plug())

        asyncio.run(measure("USB", folder / "archive", connect, plug))
        print(f"USB: frames lost by the recording: {bench.end()['frames_lost']}")


def air(folder: Path, seconds: int) -> None:
    """Over the air."""
    with RadioBench(made(folder, seconds)) as bench:

        async def connect() -> Recorder:
            return await connect_ble("", KEY, adapter=bench.adapter)

        async def reach() -> Transport:
            return await BleTransport.open(await find("", bench.adapter), bench.adapter)

        asyncio.run(measure("BLE", folder / "archive", connect, reach))
        status = bench.end()
        print(
            f"BLE: frames lost by the recording: {status['frames_lost']}; at most {status['notify_bytes_queued_max']} bytes "
            f"waited in the radio's stack; attributes take {status['att_bytes']} bytes"
        )


def main() -> None:
    """Measure and print."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    for carrier, part in ((cable, seconds), (air, seconds // 10)):
        with tempfile.TemporaryDirectory() as name:
            carrier(Path(name), part)
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "cost.py"
        script.write_text(COST)
        subprocess.run([str(simulator.find_micropython()), str(script), str(simulator.find_firmware())], check=True)


if __name__ == "__main__":
    main()
