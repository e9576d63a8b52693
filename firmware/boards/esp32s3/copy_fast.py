# SPDX-License-Identifier: Apache-2.0
"""Viper twin of irq_capture.copy_bytes: no allocation. `source` is a buffer or None, for zeros."""

import micropython


@micropython.viper
def _copy(source_: object, target_: object, at: int, count: int):
    source = ptr8(source_)
    target = ptr8(target_)
    for i in range(count):
        target[at + i] = source[i]


_ZEROS = bytes(32)


def copy_bytes(source, target, at, count):
    """Copy `count` bytes of `source` to target[at:]; source None: zeros (32 at most)."""
    _copy(_ZEROS if source is None else source, target, at, count)
