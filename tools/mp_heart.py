# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: the box's heart rate over files of stored values (int32, eight leads); prints the beats' times.

micropython tools/mp_heart.py FIRMWARE RATE_HZ FILE ...   a line a file: name, then seconds times 4000 of each beat
"""

import sys

sys.path.insert(0, sys.argv[1])

from array import array

from recorder.heart import HeartRate
from recorder.recorder import Signal

BATCH = 128  # frames a call, as the session does
LEADS = 8


class Listened(HeartRate):
    """Keeps the time of every beat; the box counts modulo 2^28."""

    def __init__(self):
        super().__init__()
        self.times = []
        self._laps = 0
        self._before = 0

    def _beat(self, time):
        super()._beat(time)
        if time < self._before - (1 << 27):
            self._laps += 1
        self._before = time
        self.times.append(time + (self._laps << 28))


def main(rate_hz, paths):
    """Print the beats of each file."""
    work = array("i", bytes(4 * LEADS * BATCH))
    for path in paths:
        heart = Listened()
        heart.begin(Signal(rate_hz))
        with open(path, "rb") as file:
            while True:
                n = file.readinto(work)
                if not n:
                    break
                heart.take(work, n // (4 * LEADS), 0)
        print(path.split("/")[-1].split(".")[0], " ".join(str(time) for time in heart.times))


main(int(sys.argv[2]), sys.argv[3:])
