# SPDX-License-Identifier: Apache-2.0
"""Boot entry of the ESP32-S3."""

import micropython

from boards.parts.box import Box

from .board import Parts


def run():
    """Record and serve; comes back only through a reset."""
    micropython.alloc_emergency_exception_buf(100)
    parts = Parts()
    micropython.kbd_intr(-1)  # on the link, Ctrl-C is a byte like others
    Box(parts, radio=parts.radio).run()
