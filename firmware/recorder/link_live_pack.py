# SPDX-License-Identifier: Apache-2.0
"""The loops over samples of live frames (docs/SPEC.md 6.6). Plain twin of link_live_fast.

Frames are eight int32 each, lead k of frame i at 8 i + k. `extend` is for the viper twin.
"""


def width(values, k, n, extend):
    """Return the bytes a difference of lead k takes among the first n frames: 1, 2 or 3."""
    before = values[k]
    largest = 0
    for at in range(8 + k, 8 * n, 8):
        value = values[at]
        difference = value - before
        before = value
        largest |= difference if difference >= 0 else ~difference
    return 1 if largest < 1 << 7 else 2 if largest < 1 << 15 else 3


def pack_lead(values, k, n, out, at, n_bytes):
    """Put lead k of n frames into `out` from `at` on, `n_bytes` a difference; return where it ends."""
    before = values[k]
    out[at] = before & 255
    out[at + 1] = before >> 8 & 255
    out[at + 2] = before >> 16 & 255
    out[at + 3] = n_bytes
    at += 4
    for i in range(8 + k, 8 * n, 8):
        difference = values[i] - before
        before = values[i]
        for _ in range(n_bytes):
            out[at] = difference & 255
            difference >>= 8
            at += 1
    return at


def add(work, first, n, sums):
    """Add n frames of `work`, from frame `first` on, to the eight sums."""
    for i in range(8 * first, 8 * (first + n), 8):
        for k in range(8):
            sums[k] += work[i + k]


def settle(sums, bits, values, at, extend):
    """Put the eight sums, shifted down by `bits`, into `values` from `at` on, and clear them."""
    for k in range(8):
        values[at + k] = sums[k] >> bits
        sums[k] = 0
