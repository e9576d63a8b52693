# SPDX-License-Identifier: Apache-2.0
"""Viper twins of `counters` and `xor_words` in seal.py: same results, no allocation."""

import micropython
from micropython import const

from . import constants as c

_NUMBER = const(12)  # of the block header: block_number
_FRAMES = const(24)  # n_frames
if (_NUMBER, _FRAMES) != (c.BLOCK_HEADER_BLOCK_NUMBER, c.BLOCK_HEADER_N_FRAMES):
    raise ImportError("seal_fast.py: the header's fields have moved")


@micropython.viper
def counters(blocks_: object, header_: object, checkpoint: int, first: int, n: int):
    blocks = ptr8(blocks_)
    header = ptr8(header_)
    at = 0
    end = n * 16
    while at < end:
        k = 0
        while k < 4:
            blocks[at + k] = header[_NUMBER + k]
            k += 1
        blocks[at + 4] = header[_FRAMES]
        blocks[at + 5] = header[_FRAMES + 1]
        blocks[at + 6] = checkpoint
        blocks[at + 14] = first >> 8
        blocks[at + 15] = first & 255
        first += 1
        at += 16


@micropython.viper
def xor_words(target_: object, start: int, stream_: object, n: int):
    target = ptr32(target_)
    stream = ptr32(stream_)
    at = start >> 2
    i = 0
    while i < n:
        target[at] = target[at] ^ stream[i]
        at += 1
        i += 1
