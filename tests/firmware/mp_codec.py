# SPDX-License-Identifier: Apache-2.0
"""Run by MicroPython: prints how many bytes the viper encoder of codec 1 allocates, with the heap locked meanwhile."""

import gc
import sys
from array import array

import micropython

sys.path.insert(0, sys.argv[1])

from recorder.codec_fast import Encoder  # noqa: E402 - the path comes first

EIGHT = (1, 2, 7, 8, 9, 10, 11, 12)

with open(sys.argv[2], "rb") as file:
    frames = array("i", file.read())
encoder = Encoder(8, EIGHT, 500000)
buffer = bytearray(4144)
encoder.begin(buffer, 144, 4144)
taken = 0
batch = 0
gc.collect()
before = gc.mem_alloc()
micropython.heap_lock()
while taken < 2600:
    batch = encoder.encode(frames, taken, 128 if taken < 2400 else 2600 - taken)
    taken += batch
    if batch < 100:
        encoder.payload_bytes()
        encoder.begin(buffer, 144, 4144)
micropython.heap_unlock()
print(gc.mem_alloc() - before, "bytes")
