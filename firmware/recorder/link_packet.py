# SPDX-License-Identifier: Apache-2.0
"""Packets of the link (docs/SPEC.md 6.1, 6.3, 6.4): COBS frames, sealed packets, fragments. Bytes in, packets out; no hardware."""

import struct

from . import constants as c
from .link_crypto import CounterMode, Hmac, same

try:
    from .link_crypto_fast import cobs_encode
except ImportError:

    def cobs_encode(source, n, out, at):
        """Encode `n` bytes into `out` from `at` on, without the zero bytes around; return where it ends."""
        head = at
        at += 1
        run = 1
        for i in range(n):
            byte = source[i]
            if byte:
                out[at] = byte
                at += 1
                run += 1
                if run < 255 or i == n - 1:
                    continue
            out[head] = run
            head = at
            at += 1
            run = 1
        out[head] = run
        return at


_HEAD = c.SEALED_HEAD_SIZE
_TAG = c.LINK_TAG_BYTES
HEAD_AT = _HEAD  # of the fragment's head, in a packet that is being made
BODY_AT = _HEAD + 1
MORE = 0x80


def cobs_bytes(n):
    """Return the most bytes that `n` take as a frame, with the zero bytes around."""
    return n + n // 254 + 3


def cobs_decode(frame):
    """Return the packet of a frame without its zero bytes, or None when it is none."""
    out = bytearray()
    at = 0
    end = len(frame)
    while at < end:
        run = frame[at]
        if not run or at + run > end:
            return None
        out += frame[at + 1 : at + run]
        at += run
        if run < 255 and at < end:
            out.append(0)
    return out


class CobsReader:
    """Finds packets in a stream of bytes; memory is bounded by `max_bytes` of a packet whatever comes."""

    def __init__(self, max_bytes):
        self._most = cobs_bytes(max_bytes) - 2
        self._max_bytes = max_bytes
        self._frame = bytearray()
        self._skipping = False
        self.dropped = 0  # frames that were no packets

    def feed(self, data):
        """Take bytes; return the list of packets that ended in them."""
        packets = []
        start = 0
        data = bytes(data)
        while True:
            end = data.find(b"\0", start)
            self._take(data[start : len(data) if end < 0 else end])
            if end < 0:
                return packets
            packet = self._end()
            if packet:
                packets.append(packet)
            start = end + 1

    def _take(self, piece):
        if self._skipping:
            return
        if len(self._frame) + len(piece) > self._most:
            self._skipping = True
            self._frame = bytearray()
        else:
            self._frame += piece

    def _end(self):
        frame = self._frame
        self._frame = bytearray()
        packet = cobs_decode(frame) if frame else None
        if self._skipping or (frame and (packet is None or len(packet) > self._max_bytes)):
            self._skipping = False
            self.dropped += 1
            return None
        return packet


class Sealer:
    """Makes the sealed packets of one direction in one buffer: a packet is gone when the next is made."""

    def __init__(self, encrypt_key, tag_key, max_packet, aes=None):
        self._cipher = CounterMode(encrypt_key, max_packet, aes)
        self._mac = Hmac(tag_key)
        self.counter = 0
        self.buffer = bytearray(max_packet)
        self._view = memoryview(self.buffer)
        self.room = max_packet - c.LINK_OVERHEAD  # bytes of a message in a packet

    def seal(self, kind, n):
        """Seal `n` bytes of plaintext, head included, that stand at HEAD_AT of `buffer`; return a view of the packet, None at the limit."""
        if self.counter >= c.LINK_COUNTER_LIMIT:
            return None
        buffer = self.buffer
        end = _HEAD + n
        struct.pack_into("<BI", buffer, 0, kind, self.counter)
        self._cipher.apply(self.counter, buffer, _HEAD, n)
        buffer[end : end + _TAG] = self._mac.digest(self._view[:end])[:_TAG]
        self.counter += 1
        return self._view[: end + _TAG]


DROPPED = 0
BROKEN = 1


class Opener:
    """Opens the sealed packets of one direction."""

    def __init__(self, encrypt_key, tag_key, max_packet, aes=None):
        self._cipher = CounterMode(encrypt_key, max_packet, aes)
        self._mac = Hmac(tag_key)
        self._max_packet = max_packet
        self.last = -1

    def open(self, packet):
        """Return the plaintext as a bytearray, DROPPED for a packet that came before, BROKEN where the session must end."""
        n = len(packet) - _HEAD - _TAG
        if n < 0 or len(packet) > self._max_packet:
            return BROKEN
        data = bytearray(packet)
        view = memoryview(data)
        if not same(self._mac.digest(view[: _HEAD + n])[:_TAG], view[_HEAD + n :]):
            return BROKEN
        counter = struct.unpack_from("<I", data, 1)[0]
        if counter <= self.last:
            return DROPPED
        if counter >= c.LINK_COUNTER_LIMIT:
            return BROKEN
        self.last = counter
        self._cipher.apply(counter, data, _HEAD, n)
        return data[_HEAD : _HEAD + n]


class Joiner:
    """Joins fragments; `limits` is {channel: most bytes of a message}."""

    def __init__(self, limits):
        self._limits = limits
        self._parts = {}

    def take(self, plaintext):
        """Return (channel, message) when one has ended, None while it goes on, BROKEN where the session must end."""
        if not plaintext:
            return BROKEN
        channel = plaintext[0] & 0x7F
        limit = self._limits.get(channel)
        if limit is None:
            return BROKEN
        part = self._parts.get(channel)
        if len(plaintext) - 1 + (len(part) if part else 0) > limit:
            return BROKEN
        if part is None:
            part = plaintext[1:]
        else:
            part += plaintext[1:]
        if plaintext[0] & MORE:
            self._parts[channel] = part
            return None
        self._parts.pop(channel, None)
        return channel, part
