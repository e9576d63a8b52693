# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a virtual board, and what the station must say of it. No other step may find it, and none may pass it."""

import random
import re
from dataclasses import dataclass, field
from typing import Any

from .record import Row


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        step: where it must be found.
        finding: what "kind: words" of the finding must match.
        how: by step, how the virtual board or its simulator is made (flash/virtual.py, firmware/README.md).
        front_end: errors of the amplifier (boards/sim/virtual_front_end.py).
        generator: by which part the reference's amplitude and frequency are off.
        before: what was done to the board before it came into the tray: "flashed", "foreign" (provisioned by others), "known" (the desk
            has a key for its id).
        once: it is there at the first attempt only.
    """

    name: str
    step: str
    finding: str
    how: dict[str, dict[str, Any]] = field(default_factory=dict)
    front_end: dict[str, Any] = field(default_factory=dict)
    generator: dict[str, float] = field(default_factory=dict)
    before: str = ""
    once: bool = False

    def is_found(self, row: Row) -> bool:
        """Was this board failed in the right step, with the right words?"""
        found = row.finding()
        return found is not None and found[0] == self.step and bool(re.search(self.finding, f"{found[1].kind}: {found[1].words}"))


def _sim(name: str, finding: str, **config: Any) -> Fault:
    return Fault(name, "selftest", finding, {"selftest": config})


FAULTS = (
    Fault("no board in its place", "flash", "^no_board: .*plugged in", {"flash": {"absent": True}}),
    Fault("a recorder that runs, its button not held", "flash", "^in_use: .*hold the button", {"flash": {"held": False}}, before="flashed"),
    Fault("unplugged while it is flashed", "flash", "^unplugged: .*call this again", {"flash": {"cut": 60, "torn": 100}}),
    Fault("full flash", "flash", r"^full: .*\d+ bytes free, \d+ are needed", {"flash": {"n_blocks": 40}}),
    Fault("flash that loses bits", "flash", "^damaged: ", {"flash": {"rots": 200}}),
    Fault("provisioned by somebody else", "provision", "^provisioned: .*has a key already", before="foreign"),
    Fault("the id of another board", "provision", "^provisioned: .*two boards have one id", before="known"),
    Fault("unplugged while it is provisioned", "provision", "^unplugged: .*call this again", {"provision": {"cut": 1}}),
    _sim("another converter", "^chip_id: .*0x90", chip_id=0x90),
    _sim("a register that is stuck", "^registers: .*CH3SET", registers_stuck={"CH3SET": 0}),
    _sim("a card that refuses writes", "card_torn.*: .*take another", card_faults=[{"write": 3, "count": 999, "error": 5}]),
    _sim("a card that tears writes", "^card_torn: .*read back otherwise", card_faults=[{"write": 3, "torn_sectors": 7}]),
    _sim("a card that is smaller than it says", "^card_missing: .*are not there", card_real_mib=512),
    _sim("no card", "^no_answer: .*card", card_bus="spi", card_present=False),
    _sim("an empty battery", "^battery: ", battery_mv=3350),
    _sim("a button that is stuck", "^button_idle: .*stuck", button_fault="stuck"),
    Fault("a dead lead", "selftest", "^test_amplitude.*V2: 0", front_end={"dead": [3]}),
    Fault("a gain that is off", "selftest", "^test_amplitude: ", front_end={"gain_ppm": 90000}),
    Fault("a noisy amplifier", "selftest", "^noise: ", front_end={"noise_nv": 30000}),
    Fault("leads that hear each other", "calibrate", "^limits: .*rosstalk", front_end={"crosstalk": [[3, 4, 30000]]}),
    Fault("a reference that is not connected", "calibrate", "^not_connected: .*no reference is seen", generator={"amplitude": -1.0}),
    Fault("a reference of another amplitude", "calibrate", "^amplitude: .*set the reference to", generator={"amplitude": 0.5}),
    Fault("a reference of another frequency", "calibrate", "^frequency: .*are due", generator={"frequency": 0.3}),
    Fault("no room for its label", "label", r"^file: .*\.pdf"),
)


def deal(n: int, seed: int, share: float = 0.4) -> list[Fault | None]:
    """A fault, or none, for each of `n` boards: each kind of fault at least once where there is room, the rest at random."""
    dice = random.Random(seed)
    n_faulty = min(n, max(round(n * share), min(n - 1, len(FAULTS))))
    dealt: list[Fault | None] = list(dice.sample(FAULTS, min(len(FAULTS), n_faulty)))
    dealt += [dice.choice(FAULTS) for _ in range(n_faulty - len(dealt))]
    dealt += [None] * (n - n_faulty)
    dice.shuffle(dealt)
    return dealt
