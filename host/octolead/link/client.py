# SPDX-License-Identifier: Apache-2.0
"""The host's side of the link without any input or output: packets in, events out, packets to send in `outgoing`."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import _constants as c
from ..calibration import Calibration
from ..errors import KeyRefusedError, LinkProtocolError, LinkRefusedError
from . import crypto
from .crypto import KeySource
from .packets import Joiner, Opener, Sealer, fragments

_CHALLENGE_BYTES = 1 + c.LINK_NONCE_BYTES + 8 + c.LINK_PROOF_BYTES
_LIMITS = {
    c.CHANNEL_ANSWER: c.LINK_ANSWER_BYTES,
    c.CHANNEL_NOTICE: c.LINK_ANSWER_BYTES,
    c.CHANNEL_LIVE: c.LINK_USB_PACKET_BYTES,
    c.CHANNEL_BLOCK: c.LINK_BLOCK_BYTES,
}
_REFUSALS = {
    c.REFUSAL_VERSION: "it speaks another version of the link: bring octolead and the recorder's firmware to the same",
    c.REFUSAL_BUSY: "another computer is connected over the cable: end that, or wait half a minute after it has gone quiet",
    c.REFUSAL_NOT_PROVISIONED: "it has no key yet: provision it first",
}


@dataclass(frozen=True)
class Ready:
    """The session is open."""

    device_id: bytes


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    request_id: int
    answer: int
    data: bytes


@dataclass(frozen=True)
class Notice:
    """Something happened in the recorder at `frame`."""

    kind: int
    frame: int
    data: bytes

    @property
    def name(self) -> str:
        """Of its kind, as in docs/SPEC.md."""
        return c.NOTICE_NAMES.get(self.kind, f"notice {self.kind}")


@dataclass(frozen=True)
class LiveFrames:
    """Frames for the eye: stored values of the chosen leads.

    Attributes:
        first_frame: the session's number of the first of them.
        leads: a bit for each lead.
        divisor: frames from one row to the next.
        values: int32 (frames, leads).
    """

    first_frame: int
    leads: int
    divisor: int
    values: npt.NDArray[np.int32]


@dataclass(frozen=True)
class BlockPiece:
    """The bytes of a block from `offset` to its end; none where there is no such block."""

    ring_seq: int
    offset: int
    data: bytes


Event = Ready | Answer | Notice | LiveFrames | BlockPiece


class Client:
    """One session. Feed it the packets that come; send those that stand in `outgoing`.

    Args:
        key: the device key, 32 bytes, or a function that returns keys that a recorder of this device id may have.
        max_packet: largest packet of the carrier.
    """

    def __init__(self, key: KeySource, max_packet: int) -> None:
        self._keys = key
        self._key = b""  # the one that fits, once that is known
        self._nonce = os.urandom(c.LINK_NONCE_BYTES)
        self._challenge = b""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._joiner = Joiner(_LIMITS)
        self._room = max_packet - c.LINK_OVERHEAD
        self._request_id = 0
        self._granted = {c.CHANNEL_LIVE: 0, c.CHANNEL_BLOCK: 0}
        self.ready = False
        self.device_id = b""
        self.outgoing = [bytes([c.PACKET_HELLO, c.LINK_VERSION]) + self._nonce]

    def receive(self, packet: bytes) -> list[Event]:
        """Take one packet.

        Raises:
            KeyRefusedError: the recorder has another key.
            LinkRefusedError: it takes no session now.
            LinkProtocolError: the session cannot go on.
        """
        kind = packet[0] if packet else 0
        if kind == c.PACKET_SEALED and self.ready:
            return self._sealed(packet)
        if kind == c.PACKET_CHALLENGE and self._opener is None:
            self._challenged(packet)
        elif kind == c.PACKET_READY and self._opener is not None and not self.ready:
            if self._opener.open(packet) != b"":
                raise LinkProtocolError("READY carries a message")
            self.ready = True
            return [Ready(self.device_id)]
        elif kind == c.PACKET_REFUSED and not self.ready:
            self._refused(packet)
        return []

    def _challenged(self, packet: bytes) -> None:
        if len(packet) < 3 or packet[1] != len(self._challenge):
            return
        self._challenge += packet[2:]
        if len(self._challenge) < _CHALLENGE_BYTES:
            return
        version, device_id = self._challenge[0], self._challenge[17:25]
        nonce, proof = self._challenge[1:17], self._challenge[25:]
        context = bytes([version]) + self._nonce + nonce + device_id
        keys = [self._keys] if isinstance(self._keys, bytes) else self._keys(device_id)
        key = next((key for key in keys if crypto.same(proof, crypto.recorder_proof(key, context))), None)
        if version != c.LINK_VERSION or key is None:
            raise KeyRefusedError(f"recorder {device_id.hex()} does not have this key: take the key file that was made with it")
        self.device_id = device_id
        self._key = key
        own, its = crypto.session_keys(key, context)
        self._sealer, self._opener = Sealer(own), Opener(its)
        self.outgoing.append(bytes([c.PACKET_PROOF]) + crypto.host_proof(key, context))

    def signed(self, calibration: Calibration) -> Calibration:
        """A calibration with its record, signed with the key of this session."""
        return calibration.signed(self._key)

    def _refused(self, packet: bytes) -> None:
        if len(packet) != 4:
            return
        _, refusal, wait_s = struct.unpack("<BBH", packet)
        words = _REFUSALS.get(refusal, f"it was shown too many wrong keys: wait {wait_s} s")
        raise LinkRefusedError(f"the recorder takes no session: {words}", refusal=refusal, wait_s=wait_s)

    def _sealed(self, packet: bytes) -> list[Event]:
        assert self._opener is not None  # noqa: S101 - `ready` says so
        plaintext = self._opener.open(packet)
        if plaintext is None:
            return []
        channel = plaintext[0] & 0x7F if plaintext else 0
        if channel in self._granted:
            self._granted[channel] = max(0, self._granted[channel] - 1)
        message = self._joiner.take(plaintext)
        return [] if message is None else [_event(*message)]

    def block_under_way(self) -> BlockPiece | None:
        """What has come of a block that has not ended."""
        data = self._joiner.begun(c.CHANNEL_BLOCK)
        if len(data) <= 6:
            return None
        seq, offset = struct.unpack_from("<IH", data)
        return BlockPiece(seq, offset, data[6:])

    # To the recorder

    def request(self, command: int, arguments: bytes = b"") -> int:
        """Queue a request; return its id."""
        self._request_id = (self._request_id + 1) & 0xFF
        self._queue(c.CHANNEL_REQUEST, bytes([self._request_id, command]) + arguments)
        return self._request_id

    def top_up(self, channel: int, window: int) -> None:
        """Grant so many packets of LIVE or BLOCK, if less than half of them are left."""
        left = self._granted[channel]
        if left * 2 <= window:
            self._granted[channel] = window
            self._queue(c.CHANNEL_CREDIT, struct.pack("<BH", channel, window - left))

    def _queue(self, channel: int, message: bytes) -> None:
        if self._sealer is None or not self.ready:
            raise LinkProtocolError("no session is open")
        for plaintext in fragments(channel, message, self._room):
            self.outgoing.append(self._sealer.seal(c.PACKET_SEALED, plaintext))


def _event(channel: int, message: bytes) -> Event:
    try:
        if channel == c.CHANNEL_ANSWER:
            return Answer(message[0], message[1], message[2:])
        if channel == c.CHANNEL_NOTICE:
            kind, frame = struct.unpack_from("<BQ", message)
            return Notice(kind, frame, message[9:])
        if channel == c.CHANNEL_LIVE:
            return parse_live(message)
        seq, offset = struct.unpack_from("<IH", message)
        return BlockPiece(seq, offset, message[6:])
    except (struct.error, IndexError, ValueError) as error:
        raise LinkProtocolError(f"a message of {len(message)} bytes on channel {channel} cannot be read: {error}") from error


def parse_live(message: bytes) -> LiveFrames:
    """Live frames of a message (docs/SPEC.md 6.6).

    Raises:
        ValueError: it is not as long as it must be.
    """
    first_frame, leads, divisor, n, shift = struct.unpack_from(c.LIVE_HEAD_FORMAT, message)
    at = c.LIVE_HEAD_SIZE
    columns = []
    for _ in range(leads.bit_count()):
        first = int.from_bytes(message[at : at + 3], "little", signed=True)
        width = message[at + 3]
        at += 4
        data = np.frombuffer(message, np.uint8, (n - 1) * width, at).reshape(n - 1, width) if n > 1 else np.zeros((0, width), np.uint8)
        at += (n - 1) * width
        differences = sum((data[:, k].astype(np.int64) << 8 * k for k in range(width)), np.zeros(n - 1, np.int64))
        differences = (differences ^ (1 << 8 * width - 1)) - (1 << 8 * width - 1)
        columns.append(np.concatenate(([first], first + np.cumsum(differences))))
    if at != len(message) or not columns or not n:
        raise ValueError(f"live frames take {at} bytes, {len(message)} came")
    return LiveFrames(first_frame, leads, divisor, np.stack(columns, axis=1).astype(np.int32) << shift)
