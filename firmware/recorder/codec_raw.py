# SPDX-License-Identifier: Apache-2.0
"""Codec 0, RAW24: each value as 3 bytes, little-endian (docs/SPEC.md section 4.1). It also says what an encoder is.

begin(buffer, start, limit)         new block: the payload goes to buffer[start:limit]
encode(frames, index, count)        take up to `count` frames from frame `index` of the int32 array; fewer when the
                                    next one might not fit; returns how many
limit                               may be lowered between calls, down to what payload_bytes() takes: events take
                                    room from the end
payload_bytes()                     length now if the block ended here; writes whatever is pending, and encoding can
                                    go on
"""

from . import constants as c

try:
    from .codec_raw_fast import pack24
except ImportError:

    def pack24(frames, index, count, buffer, position):
        """Write `count` values of `frames` from `index` on as 3 bytes each to `buffer[position:]`."""
        for i in range(index, index + count):
            value = frames[i]
            buffer[position] = value & 0xFF
            buffer[position + 1] = value >> 8 & 0xFF
            buffer[position + 2] = value >> 16 & 0xFF
            position += 3


class Encoder:
    """RAW24 encoder; stateless but for its place in the block."""

    codec_id = c.CODEC_RAW24

    def __init__(self, n_leads, lead_ids, rate_mhz):
        self.n_leads = n_leads
        self.frame_bytes = 3 * n_leads
        self.buffer = None
        self.start = 0
        self.position = 0
        self.limit = 0

    def begin(self, buffer, start, limit):
        """Start a block."""
        self.buffer = buffer
        self.start = start
        self.position = start
        self.limit = limit

    def encode(self, frames, index, count):
        """Append frames; return how many fitted."""
        room = (self.limit - self.position) // self.frame_bytes
        if room < count:
            count = room if room > 0 else 0
        if count:
            pack24(frames, index * self.n_leads, count * self.n_leads, self.buffer, self.position)
            self.position += count * self.frame_bytes
        return count

    def payload_bytes(self):
        """Pad to a multiple of 4 with zeros and return the length."""
        n = self.position - self.start
        padding = -n & 3
        for i in range(self.position, self.position + padding):
            self.buffer[i] = 0
        return n + padding
