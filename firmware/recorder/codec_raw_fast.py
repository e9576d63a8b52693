# SPDX-License-Identifier: Apache-2.0
"""Viper twin of codec_raw.pack24."""

import micropython


@micropython.viper
def pack24(frames_: object, index: int, count: int, buffer_: object, position: int):
    frames = ptr32(frames_)
    buffer = ptr8(buffer_)
    end = index + count
    while index < end:
        value = frames[index]
        buffer[position] = value
        buffer[position + 1] = value >> 8
        buffer[position + 2] = value >> 16
        position += 3
        index += 1
