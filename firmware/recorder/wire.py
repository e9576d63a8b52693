# SPDX-License-Identifier: Apache-2.0
"""The USB serial carrier: packets as COBS frames over a stream (docs/SPEC.md 6.1). Hardware handed in, nothing waits.

`stream.readinto(buffer)` and `stream.write(view)` return the number of bytes, or None when nothing goes now; 0 from
`readinto` says that the other end is gone.
"""

from . import constants as c
from .link_packet import CobsReader, cobs_bytes, cobs_encode

CHUNK = 256
READS_A_POLL = 16


class Wire:
    """One serial port. Memory is bounded: one frame out, one frame in."""

    rank = 1  # see link.py

    def __init__(self, stream, max_packet=c.LINK_USB_PACKET_BYTES):
        self.stream = stream
        self.max_packet = max_packet
        self._chunk = bytearray(CHUNK)
        self._in = memoryview(self._chunk)
        self._buffer = bytearray(cobs_bytes(max_packet))
        self._out = memoryview(self._buffer)
        self._at = 0
        self._end = 0
        self.reader = CobsReader(max_packet)

    def send(self, packet):
        """Take a packet; False while the one before is not all out."""
        if not self.flush():
            return False
        buffer = self._buffer
        buffer[0] = 0
        end = cobs_encode(packet, len(packet), buffer, 1)
        buffer[end] = 0
        self._at = 0
        self._end = end + 1
        self.flush()
        return True

    def flush(self):
        """Write what is left of a frame; True when nothing is."""
        while self._at < self._end:
            n = self.stream.write(self._out[self._at : self._end])
            if not n:
                return False
            self._at += n
        return True

    def pump(self, link):
        """Hand what came to the link; True when something did."""
        self.flush()
        came = False
        for _ in range(READS_A_POLL):
            n = self.stream.readinto(self._chunk)
            if n is None:
                return came
            if not n:
                self._at = self._end = 0
                self.reader = CobsReader(self.max_packet)
                link.lost()
                return came
            came = True
            for packet in self.reader.feed(self._in[:n]):
                link.receive(packet)
        return came
