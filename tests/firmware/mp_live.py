# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: link_live_fast against link_live_pack, on random walks of every size."""

import sys

sys.path.insert(0, sys.argv[1])

import random
from array import array

from recorder import link_live_fast as fast
from recorder import link_live_pack as plain
from recorder.link_live import _EXTEND

random.seed(5)
widths = [0, 0, 0, 0]
for _ in range(2000):
    n = random.randrange(1, 60)
    step = 1 << random.choice((3, 7, 8, 14, 15, 16, 22))
    value = random.getrandbits(23) - (1 << 22)
    values = array("i", bytes(4 * 8 * n))
    for i in range(8 * n):
        value = max(-(1 << 23), min((1 << 23) - 1, value + random.randrange(-step, step + 1)))
        values[i] = value
    k = random.randrange(8)
    width = plain.width(values, k, n, 0)
    assert width == fast.width(values, k, n, _EXTEND)
    widths[width] += 1
    answers = []
    for module in (plain, fast):
        out = bytearray(4 + 3 * n + 10)
        end = module.pack_lead(values, k, n, out, 5, width)
        sums = array("i", [3, -5, 0, 7, 1, -1, 100, 4])
        first = random.Random(n).randrange(n) if hasattr(random, "Random") else n // 2
        module.add(values, first, min(4, n - first), sums)
        after = array("i", sums)
        means = array("i", bytes(80))
        module.settle(sums, k & 3, means, 8, _EXTEND)
        answers.append((end, bytes(out), list(after), list(sums), list(means)))
    assert answers[0] == answers[1], answers
assert min(widths[1:]) > 50, widths
print("%d walks" % sum(widths))
