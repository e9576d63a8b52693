# SPDX-License-Identifier: Apache-2.0
"""The recorder's side of a session of the link (docs/SPEC.md 6.2): who may speak. Packets in, plaintexts out; no hardware.

What a packet is answered with goes to `send(packet)`. Nothing says why a packet was not taken, but for REFUSED.
"""

import struct

from . import constants as c
from .link_crypto import proofs, same, session_keys
from .link_packet import BROKEN, DROPPED, Joiner, Opener, Sealer

CLOSED = 0
CHALLENGED = 1
OPEN = 2

_HELLO_BYTES = 2 + c.LINK_NONCE_BYTES
_PROOF_BYTES = 1 + c.LINK_PROOF_BYTES
_LIMITS = {c.CHANNEL_REQUEST: c.LINK_REQUEST_BYTES, c.CHANNEL_CREDIT: 3}


class LockOut:
    """Slows down who guesses. `counter` has load() -> int and save(int), in flash; `ticks` has ms() and diff()."""

    def __init__(self, counter, ticks):
        self._counter = counter
        self._ticks = ticks
        self.wrong = counter.load()
        self._waiting = False
        self._begin()

    def _begin(self):
        over = self.wrong - c.LINK_FREE_PROOFS
        if over > 0:
            self._wait_ms = 1000 * min(c.LINK_MAX_WAIT_S, 1 << min(over, 12))
            self._began = self._ticks.ms()
            self._waiting = True

    def wait_s(self):
        """Return the seconds to wait, 0 for none; to be asked at least once a day, for ticks wrap."""
        if not self._waiting:
            return 0
        left_ms = self._wait_ms - self._ticks.diff(self._ticks.ms(), self._began)
        if left_ms <= 0:
            self._waiting = False
            return 0
        return (left_ms + 999) // 1000

    def suspect(self):
        """Count a proof as wrong, before it is looked at: power that goes meanwhile does not take it back."""
        self.wrong = min(self.wrong + 1, 0xFFFF)
        self._counter.save(self.wrong)

    def settle(self, right):
        """Say what the proof was."""
        if right:
            self.wrong = 0
            self._counter.save(0)
        self._begin()


class NoCounter:
    """A counter that forgets at power-off, for where there is no flash."""

    def __init__(self):
        self._value = 0

    def load(self):
        """Return the count."""
        return self._value

    def save(self, value):
        """Keep it."""
        self._value = value


class LinkSession:
    """`key` of 32 bytes, or None before provisioning; `send(packet)` queues a packet of the handshake."""

    def __init__(self, key, device_id, lock_out, urandom, send, max_packet, aes=None):
        self.key = key
        self.device_id = device_id
        self.lock_out = lock_out
        self.max_packet = max_packet
        self._urandom = urandom
        self._send = send
        self._aes = aes
        self.opened = 0  # sessions so far
        self.is_busy = None  # function: another host is at work, and goes before
        self.close()

    def close(self):
        """End the session; everything of it is forgotten."""
        self.state = CLOSED
        self.sealer = None
        self._opener = None
        self._joiner = None
        self._context = None

    def receive(self, packet):
        """Take a packet; return (channel, message) when one is whole, else None."""
        kind = packet[0] if packet else 0
        if kind == c.PACKET_SEALED:
            return self._sealed(packet) if self.state == OPEN else None
        if kind == c.PACKET_HELLO and len(packet) == _HELLO_BYTES:
            self._hello(packet)
        elif kind == c.PACKET_PROOF and len(packet) == _PROOF_BYTES and self.state == CHALLENGED:
            self._proof(packet)
        return None

    def _hello(self, packet):
        self.close()
        wait_s = self.lock_out.wait_s()
        if packet[1] != c.LINK_VERSION:
            self._refuse(c.REFUSAL_VERSION)
        elif self.key is None:
            self._refuse(c.REFUSAL_NOT_PROVISIONED)
        elif wait_s:
            self._refuse(c.REFUSAL_LOCKED, wait_s)
        elif self.is_busy is not None and self.is_busy():
            self._refuse(c.REFUSAL_BUSY)
        else:
            self._challenge(packet)

    def _challenge(self, packet):
        version = bytes([c.LINK_VERSION])
        nonce = self._urandom(c.LINK_NONCE_BYTES)
        self._context = version + bytes(packet[2:]) + nonce + self.device_id
        body = version + nonce + self.device_id + proofs(self.key, self._context)[0]
        step = self.max_packet - 2
        for at in range(0, len(body), step):
            self._send(bytes([c.PACKET_CHALLENGE, at]) + body[at : at + step])
        self.state = CHALLENGED

    def _refuse(self, refusal, wait_s=0):
        self._send(struct.pack("<BBH", c.PACKET_REFUSED, refusal, wait_s))

    def _proof(self, packet):
        context = self._context
        self.close()
        self.lock_out.suspect()
        right = same(packet[1:], proofs(self.key, context)[1])
        self.lock_out.settle(right)
        if not right:
            return
        host_encrypt, host_tag, encrypt, tag = session_keys(self.key, context)
        self.sealer = Sealer(encrypt, tag, self.max_packet, self._aes)
        self._opener = Opener(host_encrypt, host_tag, self.max_packet, self._aes)
        self._joiner = Joiner(_LIMITS)
        self.state = OPEN
        self.opened += 1
        self._send(bytes(self.sealer.seal(c.PACKET_READY, 0)))

    def _sealed(self, packet):
        plaintext = self._opener.open(packet)
        if plaintext is DROPPED:
            return None
        message = BROKEN if plaintext is BROKEN else self._joiner.take(plaintext)
        if message is BROKEN:
            self.close()
            return None
        return message
