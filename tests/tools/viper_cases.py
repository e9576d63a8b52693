# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: F821, RUF046, SIM201, UP018 - the types and casts are viper's
"""Viper functions on which the emulator is held against the Unix port of MicroPython.

Each keeps to arithmetic whose low 32 bits are the same with 64-bit integers: a value from
memory that may be negative is sign-extended before a right shift or a comparison (see `sext`).
No unary minus or `~`: before MicroPython 1.29 they also changed their operand when it was a
local variable (micropython issue 14397).
"""

import micropython


@micropython.viper
def crc32_bitwise(data: ptr8, n: int) -> uint:
    crc = uint(0xFFFFFFFF)
    i = 0
    while i < n:
        crc ^= uint(data[i])
        bit = 8
        while bit:
            if crc & uint(1):
                crc = (crc >> 1) ^ uint(0xEDB88320)
            else:
                crc >>= 1
            bit -= 1
        i += 1
    return crc ^ uint(0xFFFFFFFF)


@micropython.viper
def sum32(data: ptr32, n: int) -> int:
    total = 0
    for i in range(n):
        total += data[i]
    return total


@micropython.viper
def store16(out: ptr16, n: int, seed: int):
    i = 0
    while i < n:
        seed = (seed * 25173 + 13849) & 0xFFFF
        out[i] = seed ^ i << 12
        i += 1


@micropython.viper
def store8(out: ptr8, n: int, seed: int):
    for i in range(n):
        out[n - 1 - i] = seed - i * 37


@micropython.viper
def store8_far(out: ptr8) -> int:
    out[0] = 1
    out[31] = 2
    out[32] = 3
    out[63] = 0x1FF
    return out[31] + out[32] * 256 + out[63] * 65536


@micropython.viper
def shift_right(value: int, by: int) -> int:
    return value >> by


@micropython.viper
def shift_right_uint(value: uint, by: int) -> uint:
    return value >> by


@micropython.viper
def divide(a: int, b: int) -> int:
    return (a // b) * 1000 + a % b


@micropython.viper
def negate(value: int) -> int:
    return (0 - value) ^ (value ^ -1) + 5


@micropython.viper
def compare(a: int, b: int) -> int:
    bits = 0
    if a < b:
        bits |= 1
    if a > b:
        bits |= 2
    if a <= b:
        bits |= 4
    if a >= b:
        bits |= 8
    if a == b:
        bits |= 16
    elif a != b and not (a == 7):
        bits |= 32
    return bits


@micropython.viper
def is_less(a: int, b: int) -> bool:
    return a < b


@micropython.viper
def big_constants(value: int) -> uint:
    return (uint(value) + uint(0x12345678)) ^ uint(0xFFFF0000) ^ uint(0x80000001) & uint(0x8000FFFF)


@micropython.viper
def nested_index(table: ptr8, index: ptr16, out: ptr32, n: int):
    i = 0
    while i < n:
        out[i] = table[index[table[i] & 7] & 31] << 20 | i
        i += 1


@micropython.viper
def sext(data: ptr32, out: ptr32, n: int):
    top = int(0x80000000)
    i = 0
    while i < n:
        v = (data[i] ^ top) - top
        if v < 0:
            v = 0 - v
        out[i] = (v >> 3) - (data[i] << 1)
        i += 1


@micropython.viper
def many_locals(a: int, b: int, c: int, d: int, e: int) -> int:
    f = a * b
    g = c - d
    h = f ^ g
    j = h + e * 3
    return a + 2 * b + 3 * c + 4 * d + 5 * e + f + g * h - j


@micropython.viper
def pointer_window(data: ptr32, start: int, n: int) -> int:
    window = ptr32(int(data) + start * 4)
    total = 0
    while n:
        n -= 1
        total = total * 31 + window[n]
    return total


@micropython.viper
def nothing():
    pass


@micropython.viper
def truth(flag: bool) -> int:
    if flag:
        return 3
    return 4
