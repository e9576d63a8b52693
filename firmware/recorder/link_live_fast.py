# SPDX-License-Identifier: Apache-2.0
"""Viper twin of link_live_pack.py: same results. `extend` is 0 where a machine word has 32 bits and 32 where it has 64."""

import micropython


@micropython.viper
def width(values_: object, k: int, n: int, extend: int) -> int:
    v = ptr32(int(ptr32(values_)) + (k << 2))
    largest = 0
    n -= 1
    while n > 0:
        d = v[8] - v[0]
        d = d << extend >> extend
        largest = largest | (d ^ (d >> 31))
        v = ptr32(int(v) + 32)
        n -= 1
    if largest < 128:
        return 1
    if largest < 32768:
        return 2
    return 3


@micropython.viper
def pack_lead(values_: object, k: int, n: int, out_: object, at: int, n_bytes: int) -> int:
    v = ptr32(int(ptr32(values_)) + (k << 2))
    out = ptr8(int(ptr8(out_)) + at)
    d = v[0]
    out[0] = d
    out[1] = d >> 8
    out[2] = d >> 16
    out[3] = n_bytes
    out = ptr8(int(out) + 4)
    at += 4 + (n - 1) * n_bytes
    n -= 1
    while n > 0:
        d = v[8] - v[0]
        out[0] = d
        if n_bytes > 1:
            out[1] = d >> 8
            if n_bytes > 2:
                out[2] = d >> 16
        out = ptr8(int(out) + n_bytes)
        v = ptr32(int(v) + 32)
        n -= 1
    return at


@micropython.viper
def add(work_: object, first: int, n: int, sums_: object):
    w = ptr32(int(ptr32(work_)) + (first << 5))
    s = ptr32(sums_)
    n = n << 3
    k = 0
    while n:
        s[k] = w[0] + s[k]
        w = ptr32(int(w) + 4)
        k = (k + 1) & 7
        n -= 1


@micropython.viper
def settle(sums_: object, bits: int, values_: object, at: int, extend: int):
    s = ptr32(sums_)
    v = ptr32(int(ptr32(values_)) + (at << 2))
    k = 8
    while k:
        d = s[0]
        s[0] = 0
        v[0] = d << extend >> extend >> bits
        s = ptr32(int(s) + 4)
        v = ptr32(int(v) + 4)
        k -= 1
