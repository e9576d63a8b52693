# SPDX-License-Identifier: Apache-2.0
"""What happens in each boot of the run, out of one seed: how it ends, and everything that goes wrong before."""

import random
from dataclasses import dataclass, field

from .played import LAP_NV, RATE_HZ

HOUR = 3600 * RATE_HZ  # frames
MARK_EVERY = 600 * RATE_HZ
BEYOND = 1 << 32
T0_UTC_US = 1_790_000_000_000_000
ENDINGS = ("cut", "cut", "cut", "stop", "battery", "hang")
CLOCKS = ("at_start", "late", "set_back", "never")
WRITES_PER_HOUR = 1700  # blocks and checkpoints of this signal; only to place a cut or a hang


@dataclass
class Boot:
    """One power-up: where in the endless signal it begins, how it is to end, and what the simulator is told."""

    number: int
    offset: int
    ending: str
    clock: str
    config: dict = field(default_factory=dict)

    @property
    def first_frame(self) -> int:
        """Number of the session's first frame."""
        return self.config.get("test_first_frame", 0)

    def utc_us(self, frame: int) -> int:
        """True time of day at a frame of the boot."""
        return T0_UTC_US + (self.offset + frame) * 1_000_000 // RATE_HZ


class Plan:
    """Draws boots."""

    def __init__(self, seed: int, hours: float) -> None:
        self.rng = random.Random(seed)
        self.mean_frames = int(max(hours / 30, 0.1) * HOUR)
        self.dense = 1 if hours >= 10 else 10  # a short run is to meet everything, too

    def boot(self, number: int, offset: int, n_frames: int, after_watchdog: bool, last: bool) -> Boot:
        """The next one, of at most `n_frames`; the last one is stopped in order and loses nothing."""
        rng = self.rng
        ending = "stop" if last else ENDINGS[number % len(ENDINGS)]
        frames = n_frames if last else min(n_frames, int(self.mean_frames * rng.uniform(0.4, 1.6)))
        boot = Boot(number, offset, ending, CLOCKS[number % len(CLOCKS)])
        boot.config = {
            "input_offset": offset,
            "input_lap_nv": LAP_NV,
            "frames": frames,
            "marks": list(range(-offset % MARK_EVERY, frames, MARK_EVERY)),
            "lead_off": self._lead_off(frames),
            "slips": [] if last else self._some(frames, HOUR, lambda: rng.randint(1, 20)),
            "card_faults": self._card(frames, last),
            "card_write_ms": 15,
            "reset_cause": "watchdog" if after_watchdog else "power_on",
            "heap_every_s": 600,
        }
        self._end(boot, frames)
        self._clock(boot, frames)
        if number == 1:  # over the edge of 32 bits, before it ends
            boot.config["test_first_frame"] = BEYOND - frames // 4
        return boot

    def _some(self, frames: int, every: int, what) -> list:
        """[frame, what()] at random, one in `every` frames."""
        out, at = [], 0
        while True:
            at += 1 + int(self.rng.expovariate(self.dense / every))
            if at >= frames:
                return out
            out.append([at, what()])

    def _lead_off(self, frames: int) -> list:
        """Episodes of one to three electrodes, of 0.1 s to 2 min."""
        out = []
        free = 0
        for at, length in self._some(frames, HOUR // 3, lambda: int(10 ** self.rng.uniform(1.7, 4.8))):
            mask = 1 << self.rng.randrange(9) | 1 << self.rng.randrange(9)
            if at >= free:
                free = at + length + 1
                out += [[at, mask], [at + length, 0]]
        return out

    def _card(self, frames: int, last: bool) -> list:
        """Short stalls, one in four minutes; long ones, beyond the ring and not; writes that are refused once."""
        rng = self.rng
        stalls = self._some(frames, self.dense * HOUR // 15, lambda: rng.choice([300, 500, 500, 800, 2000, 3000]))
        if not last:
            stalls += self._some(frames, 4 * HOUR, lambda: rng.randint(5000, 14000))
        faults = [{"at_ms": at * 1000 // RATE_HZ, "stall_ms": ms} for at, ms in stalls]
        writes = frames * WRITES_PER_HOUR // HOUR
        for _ in range(self.dense * writes // WRITES_PER_HOUR):
            faults.append({"write": rng.randint(1, writes), "error": 5})
        if not last and writes > 20:  # a block that no slot takes
            faults.append({"write": rng.randint(1, writes // 2), "error": 5, "count": 11})
        return faults

    def _end(self, boot: Boot, frames: int) -> None:
        writes = max(3, frames * WRITES_PER_HOUR // HOUR)
        if boot.ending == "cut":
            boot.config["cut_after_writes"] = self.rng.randint(writes // 2, writes)
            boot.config["torn_sectors"] = self.rng.choice([None, 1, 3, 8])
        elif boot.ending == "hang":
            boot.config["card_faults"].append({"write": self.rng.randint(writes // 2, writes), "hang": True})
        elif boot.ending == "battery":
            boot.config["battery_mv"] = 4100
            boot.config["battery_fall_mv_per_hour"] = max(1, 900 * HOUR // frames)

    def _clock(self, boot: Boot, frames: int) -> None:
        late = min(frames // 3, 300 * RATE_HZ)
        told = {
            "at_start": [],
            "late": [[late, boot.utc_us(late), 500]],
            "set_back": [[late, boot.utc_us(late) + 3_600_000_000, 2000], [2 * late, boot.utc_us(2 * late), 500]],
            "never": [],
        }
        boot.config["set_times"] = told[boot.clock]
        if boot.clock == "at_start":
            boot.config["utc_us"] = boot.utc_us(0)
