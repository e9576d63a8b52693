# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: play the scenario once, or boot the recorder on many damaged cards, one after another.

    micropython mp_boots.py FIRMWARE JOB.json OUT.bin

JOB is {"play": [configurations], "card": image} or {"boots": [boots], "card": image, "log": OUT.bin of a scenario} or
{"chain": [configurations], "card": image, "seed": n}. A configuration is the simulator's; a boot is
{"model": model, "sound": writes all there, "seed": n, "config": configuration} (see models.py). Every write goes to OUT as
u32 number of the session or boot, u32 frames played when it began, i32 sector (-1: sync), u32 bytes, bytes; what a torn
write left has frames = 0xFFFFFFFF. Each session or boot prints a line of JSON.
"""

import asyncio
import json
import struct
import sys

sys.path.insert(0, sys.argv[1])

from boards.sim.board import Simulator
from boards.sim.fault_card import FaultCard
from boards.sim.virtual_card import PowerCut
from recorder.errors import CardError

ENTRY = "<IIiI"
TORN = 0xFFFFFFFF


class Bench(Simulator):
    """A simulator whose card is handed in."""

    card_given = None

    def open_card(self, new):
        """Put the card in; its clock is this run's."""
        card = self.card_given
        card.ticks = self.ticks
        card.note = self.note
        card.revive()
        return card

    def note(self):
        """Return frames played so far."""
        return self.capture.produced if self.recorder else 0


def bench(config, card):
    """Return a simulator over the card; asyncio begins anew."""
    asyncio.new_event_loop()
    made = Bench(config, lambda _: None)
    made.card_given = card
    return made


def dump(out, session, log, torn=None):
    """Append log entries, and what a torn write left."""
    for sector, data, played in log:
        out.write(struct.pack(ENTRY, session, played or 0, sector, len(data)))
        out.write(data)
    for sector, data in (torn or {}).items():
        out.write(struct.pack(ENTRY, session, TORN, sector, len(data)))
        out.write(data)


def entries(path):
    """Read a log again: [(sector, data, played)]."""
    found = []
    with open(path, "rb") as file:
        while True:
            head = file.read(16)
            if not head:
                return found
            _, played, sector, n = struct.unpack(ENTRY, head)
            found.append((sector, file.read(n), played))


def run(config, card):
    """Boot and record; return what is known afterwards."""
    made = bench(config, card)
    result = {"refused": None, "error": None, "played": 0}
    try:
        made.build()
    except CardError as error:
        result["refused"] = error.kind
        return result
    except Exception as error:  # whatever it is: the firmware may not end like this
        result["error"] = "crash at start-up: %r" % error
        return result
    store = made.store
    result["clean"] = store.head.clean
    result["next_seq"] = store.next_seq
    result["reads"] = store.search_reads
    try:
        made.run()
    except CardError as error:
        result["error"] = error.kind
    except PowerCut:
        result["error"] = "cut"
    except Exception as error:
        result["error"] = "crash while recording: %r" % error
    result["played"] = made.capture.produced
    result["session"] = made.config["session_id"]
    return result


def boot(config, card, may_refuse=False):
    """Boot as the owner would: a card that is refused is formatted, unless there is something on it to save."""
    result = run(config, card)
    if result["refused"] and not may_refuse:
        formatted = dict(config)
        formatted["format"] = True
        again = run(formatted, card)
        again["asked"] = result["refused"]
        return again
    return result


def head_again(config, card):
    """Return what the next start-up would find after a clean stop."""
    made = bench(config, card)
    try:
        made.build()
    except Exception as error:
        return {"error": "crash at the start-up after: %r" % error}
    return {"clean": made.store.head.clean, "next_seq": made.store.next_seq, "reads": made.store.search_reads}


def play(job, out):
    """Play the sessions of the scenario, one after another, on one card."""
    card = FaultCard(job["card"])
    for number, config in enumerate(job["play"]):
        card.log = []
        result = run(config, card)
        dump(out, number, card.log)
        print(json.dumps(result))


def chain(job, out):
    """Start again and again, each time with a cut somewhere."""
    card = FaultCard(job["card"], seed=job["seed"])
    if "log" in job:
        card.replay(entries(job["log"]))
    for number, config in enumerate(job["chain"]):
        card.log = []
        card.last_tear = {}
        result = boot(config, card)
        dump(out, number, card.log, card.last_tear)
        print(json.dumps(result))


def boots(job, out):
    """Make each damaged card from the log, in order of how far the log is followed, and boot on it."""
    log = entries(job["log"])
    base = FaultCard(job["card"])
    done = 0
    for number, case in enumerate(job["boots"]):
        base.replay(log[done : case["sound"]])
        done = case["sound"]
        card = FaultCard(job["card"], seed=case["seed"])
        card.changed = dict(base.changed)
        card.damage(case["model"], log, done)
        config = case["config"]
        result = boot(config, card, case["model"].get("may_refuse"))
        if result["error"] is None and not result["refused"]:
            result["again"] = head_again(config, card)
        dump(out, number, card.log)
        print(json.dumps(result))
        card.close()


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        job = json.load(file)
    with open(sys.argv[3], "wb") as out:
        if "play" in job:
            play(job, out)
        elif "chain" in job:
            chain(job, out)
        else:
            boots(job, out)
