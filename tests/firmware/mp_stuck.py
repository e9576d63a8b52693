# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: tasks of the app that never come back, while the event loop and its timers go on as ever."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]

import asyncio

from boards.sim.board import Simulator
from boards.sim.virtual_clock import WatchdogReset

RATE_HZ = 500
LIMIT_MS = 6000
ticking = 0
tasks = []


async def stuck():
    """Waits for what never comes."""
    await asyncio.Event().wait()


async def timer():
    """A timer that goes on: it must not keep the board from being reset."""
    global ticking
    while True:
        await asyncio.sleep_ms(100)
        ticking += 1


def run(spoil):
    config = {"card": FOLDER + "/card.img", "card_mib": 40, "format": True, "source": "test", "codec": 0, "watchdog_ms": LIMIT_MS}
    simulator = Simulator(config, lambda line: None)
    simulator.build()
    spoil(simulator)
    try:
        simulator.run()
    except WatchdogReset:
        return simulator
    raise AssertionError("no reset")


def writer_stops_after_three_blocks(simulator):
    app = simulator.app

    async def write():
        tasks.append(asyncio.create_task(timer()))
        while app.recorder.session.blocks < 3:
            await app._sealed.wait()
            app._sealed.clear()
            app.recorder.session.flush()
        await stuck()

    app._write = write


simulator = run(writer_stops_after_three_blocks)
session = simulator.recorder.session
assert session.blocks == 3 and session.waiting, (session.blocks, session.waiting)
# Block 4 waits and block 5 fills, 335 frames each; from then on nothing goes into blocks, and the limit is over later.
played_ms = simulator.capture.produced * 1000 // RATE_HZ
last_ms = session.frame() * 1000 // RATE_HZ
assert last_ms + LIMIT_MS - 1500 <= played_ms <= last_ms + LIMIT_MS + 200, (last_ms, played_ms)
assert ticking > LIMIT_MS // 100
print("a writer that never comes back: reset %d ms after the last frame stored, %d ticks of a timer" % (played_ms - last_ms, ticking))
simulator.close()
