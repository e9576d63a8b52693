# SPDX-License-Identifier: Apache-2.0
"""Viper twins of the loops over bytes in link_crypto.py and link_packet.py: same results, no allocation."""

import micropython


@micropython.viper
def stamp(blocks_: object, counter: int, n: int):
    blocks = ptr8(blocks_)
    at = 0
    end = n * 16
    while at < end:
        blocks[at] = counter & 255
        blocks[at + 1] = (counter >> 8) & 255
        blocks[at + 2] = (counter >> 16) & 255
        blocks[at + 3] = (counter >> 24) & 255
        at += 16


@micropython.viper
def xor(target_: object, offset: int, stream_: object, n: int):
    t = ptr8(int(ptr8(target_)) + offset)
    s = ptr8(stream_)
    while n > 7:
        t[0] = s[0] ^ t[0]
        t[1] = s[1] ^ t[1]
        t[2] = s[2] ^ t[2]
        t[3] = s[3] ^ t[3]
        t[4] = s[4] ^ t[4]
        t[5] = s[5] ^ t[5]
        t[6] = s[6] ^ t[6]
        t[7] = s[7] ^ t[7]
        t = ptr8(int(t) + 8)
        s = ptr8(int(s) + 8)
        n -= 8
    while n > 0:
        t[0] = s[0] ^ t[0]
        t = ptr8(int(t) + 1)
        s = ptr8(int(s) + 1)
        n -= 1


@micropython.viper
def cobs_encode(source_: object, n: int, out_: object, at: int) -> int:
    source = ptr8(source_)
    out = ptr8(out_)
    head = at
    at += 1
    run = 1
    i = 0
    while i < n:
        byte = source[i]
        i += 1
        if byte:
            out[at] = byte
            at += 1
            run += 1
            if run < 255 or i == n:
                continue
        out[head] = run
        head = at
        at += 1
        run = 1
    out[head] = run
    return at
