# SPDX-License-Identifier: Apache-2.0
"""Packets of the link (docs/SPEC.md 6.1, 6.3, 6.4): COBS frames, sealed packets, fragments. Bytes in, packets out."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from .. import _constants as c
from ..errors import LinkProtocolError
from . import crypto

MORE = 0x80
_HEAD = c.SEALED_HEAD_SIZE


def cobs_encode(packet: bytes) -> bytes:
    """A packet between zero bytes.

    >>> cobs_encode(bytes([0x11, 0, 0x22])).hex()
    '000211022200'
    """
    out = bytearray(1)
    runs = packet.split(b"\0")
    for number, rest in enumerate(runs):
        run = rest
        while len(run) >= 254:
            out.append(255)
            out += run[:254]
            run = run[254:]
            if not run and number == len(runs) - 1:
                break
        else:
            out.append(len(run) + 1)
            out += run
    out.append(0)
    return bytes(out)


def cobs_decode(frame: bytes) -> bytes | None:
    """The packet of a frame without its zero bytes; None when it is none."""
    out = bytearray()
    at = 0
    while at < len(frame):
        run = frame[at]
        if not run or at + run > len(frame):
            return None
        out += frame[at + 1 : at + run]
        at += run
        if run < 255 and at < len(frame):
            out.append(0)
    return bytes(out)


class CobsReader:
    """Finds packets in a stream of bytes; memory is bounded whatever comes.

    Attributes:
        dropped: frames that were no packets.
    """

    def __init__(self, max_packet: int = c.LINK_USB_PACKET_BYTES) -> None:
        self._max_packet = max_packet
        self._most = max_packet + max_packet // 254 + 1
        self._frame = bytearray()
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that ended in `data`."""
        *ended, rest = data.split(b"\0")
        packets = []
        for piece in ended:
            self._take(piece)
            packet = self._end()
            if packet:
                packets.append(packet)
        self._take(rest)
        return packets

    def _take(self, piece: bytes) -> None:
        if self._skipping or len(self._frame) + len(piece) > self._most:
            self._skipping = True
            self._frame.clear()
        else:
            self._frame += piece

    def _end(self) -> bytes | None:
        frame, skipping = bytes(self._frame), self._skipping
        self._frame.clear()
        self._skipping = False
        packet = cobs_decode(frame) if frame else None
        if skipping or (frame and (packet is None or len(packet) > self._max_packet)):
            self.dropped += 1
            return None
        return packet


class Sealer:
    """Makes the sealed packets of one direction."""

    def __init__(self, keys: crypto.DirectionKeys) -> None:
        self._keys = keys
        self.counter = 0

    def seal(self, kind: int, plaintext: bytes) -> bytes:
        """The next packet.

        Raises:
            LinkProtocolError: the counter is used up; a new session must begin.
        """
        if self.counter >= c.LINK_COUNTER_LIMIT:
            raise LinkProtocolError(f"{self.counter} packets were sent in this session: begin another one")
        head = struct.pack(c.SEALED_HEAD_FORMAT, kind, self.counter)
        body = head + crypto.apply_keystream(self._keys.encrypt, self.counter, plaintext)
        self.counter += 1
        return body + crypto.mac(self._keys.tag, body)[: c.LINK_TAG_BYTES]


class Opener:
    """Opens the sealed packets of one direction."""

    def __init__(self, keys: crypto.DirectionKeys) -> None:
        self._keys = keys
        self.last = -1

    def open(self, packet: bytes) -> bytes | None:
        """The plaintext; None for a packet that came before.

        Raises:
            LinkProtocolError: its tag is wrong.
        """
        body, tag = packet[: -c.LINK_TAG_BYTES], packet[-c.LINK_TAG_BYTES :]
        if len(body) < _HEAD or not crypto.same(crypto.mac(self._keys.tag, body)[: c.LINK_TAG_BYTES], tag):
            raise LinkProtocolError("a packet's tag is wrong: it was changed on its way, or another device sent it")
        _, counter = struct.unpack_from(c.SEALED_HEAD_FORMAT, body)
        if counter <= self.last:
            return None
        if counter >= c.LINK_COUNTER_LIMIT:
            raise LinkProtocolError("the recorder used up its counter: begin another session")
        self.last = counter
        return crypto.apply_keystream(self._keys.encrypt, counter, body[_HEAD:])


def fragments(channel: int, message: bytes, room: int) -> Iterator[bytes]:
    """Plaintexts of a message, head included, `room` bytes of it in each at most."""
    pieces = range(0, max(1, len(message)), room)
    for at in pieces:
        more = MORE if at + room < len(message) else 0
        yield bytes([channel | more]) + message[at : at + room]


class Joiner:
    """Joins fragments; `limits` are the most bytes of a message of each channel."""

    def __init__(self, limits: Mapping[int, int]) -> None:
        self._limits = limits
        self._parts: dict[int, bytearray] = {}

    def take(self, plaintext: bytes) -> tuple[int, bytes] | None:
        """(channel, message) when one has ended.

        Raises:
            LinkProtocolError: another channel, or a message longer than it may be.
        """
        channel = plaintext[0] & 0x7F if plaintext else 0
        limit = self._limits.get(channel)
        part = self._parts.setdefault(channel, bytearray())
        if limit is None or len(part) + len(plaintext) - 1 > limit:
            raise LinkProtocolError(f"a message of {len(part) + len(plaintext) - 1} bytes on channel {channel}: {limit or 0} are allowed")
        part += plaintext[1:]
        if plaintext[0] & MORE:
            return None
        return channel, bytes(self._parts.pop(channel))

    def begun(self, channel: int) -> bytes:
        """What has come of a message that has not ended."""
        return bytes(self._parts.get(channel, b""))
