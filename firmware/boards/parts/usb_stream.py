# SPDX-License-Identifier: Apache-2.0
"""MicroPython's own serial port over USB as the stream of recorder/wire.py: never waits, never prints.

The board's REPL is the same port. While a recorder is served Ctrl-C is a byte like others, so the only way back to the
REPL is the button held at power-up (main.py).
"""

import select
import sys

WRITE_BYTES = 64  # one USB packet: what is asked for goes into the stack's buffer without waiting


class UsbStream:
    """`source` and `sink` are the binary sides of stdin and stdout."""

    def __init__(self, source=None, sink=None):
        self.source = source or sys.stdin.buffer
        self.sink = sink or sys.stdout.buffer
        self._in = select.poll()
        self._in.register(self.source, select.POLLIN)
        self._out = select.poll()
        self._out.register(self.sink, select.POLLOUT)
        self._byte = bytearray(1)

    def readinto(self, buffer):
        """Return the number of bytes that came, None when none did. A port that is USB's own never tells of its end."""
        n = 0
        while n < len(buffer) and self._ready(self._in, select.POLLIN):
            if not self.source.readinto(self._byte):  # one at a time: a longer read would wait for all of it
                break
            buffer[n] = self._byte[0]
            n += 1
        return n or None

    def write(self, view):
        """Return the number of bytes taken, None when none goes now."""
        if not self._ready(self._out, select.POLLOUT):
            return None
        return self.sink.write(view[:WRITE_BYTES]) or None

    def _ready(self, poll, wanted):
        for event in poll.ipoll(0):
            if event[1] & wanted:
                return True
        return False
