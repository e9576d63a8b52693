# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: heart_front_fast against heart_front, on random frames of every size; then a heart that beats, at the three rates."""

import sys

sys.path.insert(0, sys.argv[1])

import random
from array import array

from recorder import heart_front as plain
from recorder import heart_front_fast as fast
from recorder.heart import _EXTEND

random.seed(11)
peaks = 0
for _ in range(60):
    states = [plain.new_state(), plain.new_state()]
    bits = random.choice((4, 12, 18, 24))
    divisor = random.choice((1, 2, 4))
    down = max(0, bits - 14)
    for state in states:
        for k in range(plain.LEADS):
            state[plain.WEIGHTS + k] = random.getrandbits(1) if state is states[0] else states[0][plain.WEIGHTS + k]
    for _ in range(12):
        count = random.randrange(1, 129)
        work = array("i", [random.getrandbits(bits) - (1 << bits - 1) for _ in range(8 * count + 8)])
        at = 8
        while count:
            taken = [m.sift(s, work, at, count, divisor, _EXTEND, down, 50) for m, s in ((plain, states[0]), (fast, states[1]))]
            assert taken[0] == taken[1] and states[0] == states[1], (divisor, bits, taken)
            at += 8 * taken[0]
            count -= taken[0]
            if states[0][plain.READY]:
                peaks += 1
                for state in states:
                    plain.clear(state)
assert peaks > 100, peaks
print("%d peaks" % peaks)
