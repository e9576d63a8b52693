# SPDX-License-Identifier: Apache-2.0
"""The signal that is played, as a function of the frame number: a minute of made-up ECG, each lap at its own level.

The simulator plays it from a file of one lap and raises laps itself (firmware/boards/sim/virtual_input.py); here the
same is computed in numpy, on its own, with the converter and the rounding of docs/SPEC.md 3.1. Within 8191 laps no two
frames of eight leads are alike but by chance, so a frame in the wrong place is seen to be wrong.
"""

from pathlib import Path

import numpy as np

from octolead import simulator

RATE_HZ = 500
LAP_FRAMES = 30_011  # a prime: a lap falls on no round number
LAP_NV = 3_100  # a little more than a stored step
GAIN, SHIFT = 6, 6
_FULL = 2**23 - 1


def lap_nanovolt(seed: int = 1) -> np.ndarray:
    """One lap: beats of 1 to 2 mV, wander, noise of 4 µV, electrode offsets up to 200 mV; int32 (LAP_FRAMES, 8)."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(LAP_FRAMES) / RATE_HZ
    phase = np.cumsum(1.1 + 0.1 * np.sin(t_s / 7)) / RATE_HZ % 1
    leads = []
    for lead in range(8):
        beat = (0.8 + 0.15 * lead) * 1e6 * np.exp(-(((phase - 0.3) / 0.012) ** 2)) + 2e5 * np.exp(-(((phase - 0.6) / 0.05) ** 2))
        wander = 2e5 * np.sin(2 * np.pi * 0.2 * t_s + lead)
        leads.append(beat + wander + rng.normal(0, 4e3, LAP_FRAMES) + (lead - 4) * 5e7)
    return np.round(np.stack(leads, axis=1)).astype(np.int32)


class Played:
    """The endless signal."""

    def __init__(self, seed: int = 1) -> None:
        self._lap = lap_nanovolt(seed)
        self._wide = self._lap.astype(np.int64)

    def write(self, path: Path) -> None:
        """Write the lap for the simulator."""
        simulator.write_input(path, self._lap, RATE_HZ)

    def stored(self, start: int, n: int) -> np.ndarray:
        """What a recorder must store of frames `start` to `start + n` of the endless signal: int32 (n, 8)."""
        out = np.empty((n, 8), np.int32)
        done = 0
        while done < n:
            lap, at = divmod(start + done, LAP_FRAMES)
            size = min(n - done, LAP_FRAMES - at)
            nanovolt = self._wide[at : at + size] + (lap * 5077 % 8191 - 4095) * LAP_NV
            codes = np.clip((nanovolt * (GAIN * _FULL) + 1_200_000_000) // 2_400_000_000, -_FULL - 1, _FULL)
            out[done : done + size] = (codes + (1 << SHIFT >> 1)) >> SHIFT
            done += size
        return out
