# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.1 to 6.4, the firmware's files under CPython against the host's: who gets in, what is dropped, what ends a session."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import link_packet
from recorder.link_session import CHALLENGED, CLOSED, OPEN, LinkSession, LockOut, NoCounter

from octolead import _constants as c
from octolead.errors import KeyRefusedError, LinkProtocolError, LinkRefusedError
from octolead.link import packets as host
from octolead.link.client import Client, Ready

KEY = bytes(range(32))
DEVICE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"


class Aes:
    """AES as MicroPython's cryptolib has it."""

    def __init__(self, key):
        self._ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def encrypt(self, source, target):
        target[:] = self._ecb.update(bytes(source))


class Ticks:
    def __init__(self):
        self.now = 0

    def ms(self):
        return self.now

    def diff(self, a, b):
        return a - b


class Pair:
    """A recorder's session and the means to talk to it."""

    def __init__(self, max_packet=244, key=KEY, counter=None):
        self.ticks = Ticks()
        self.counter = counter or NoCounter()
        self.max_packet = max_packet
        self.sent = []
        self.nonces = 0
        self.session = LinkSession(key, DEVICE, LockOut(self.counter, self.ticks), self.random, self.sent.append, max_packet, Aes)

    def random(self, n):
        self.nonces += 1
        return bytes([self.nonces]) * n

    def open(self, key=KEY):
        client = Client(key, self.max_packet)
        events = self.shake(client)
        return client, events

    def shake(self, client):
        events = []
        for _ in range(4):
            for packet in client.outgoing:
                self.session.receive(packet)
            client.outgoing.clear()
            came, self.sent[:] = list(self.sent), []
            for packet in came:
                assert len(packet) <= self.max_packet
                events += client.receive(packet)
        return events

    def guess(self):
        """Show a wrong proof; what HELLO was answered with."""
        self.session.receive(bytes([c.PACKET_HELLO, 1]) + bytes(16))
        kind, self.sent[:] = self.sent[0][0], []
        self.session.receive(bytes([c.PACKET_PROOF]) + bytes(16))
        assert not self.sent and self.session.state == CLOSED
        return kind


@pytest.mark.parametrize("max_packet", [20, 23, 100, 244, 2048])
def test_a_session_opens_over_packets_of_any_size(max_packet):
    pair = Pair(max_packet)
    client, events = pair.open()
    assert events == [Ready(DEVICE)] and pair.session.state == OPEN
    client.request(c.COMMAND_PING, b"x" * 200)
    received = [pair.session.receive(packet) for packet in client.outgoing]
    assert all(len(packet) <= max_packet for packet in client.outgoing)
    assert received[:-1] == [None] * (len(received) - 1)
    assert received[-1] == (c.CHANNEL_REQUEST, bytes([1, c.COMMAND_PING]) + b"x" * 200)


def test_a_host_with_another_key_is_told_before_it_shows_a_proof():
    pair = Pair()
    client = Client(bytes(32), 244)
    with pytest.raises(KeyRefusedError, match=DEVICE.hex()):
        pair.shake(client)
    assert pair.session.lock_out.wrong == 0 and pair.session.state == CHALLENGED


def test_nobody_gets_in_without_the_key_and_nothing_is_said():
    pair = Pair()
    pair.guess()
    for kind in range(256):
        pair.session.receive(bytes([kind]) + bytes(30))
    assert not pair.sent and pair.session.state == CLOSED


def test_a_second_proof_and_one_without_a_challenge_are_dropped():
    pair = Pair()
    client, _ = pair.open()
    proof = bytes([c.PACKET_PROOF]) + bytes(16)
    pair.session.receive(proof)
    assert pair.session.state == OPEN and pair.session.lock_out.wrong == 0 and client.ready
    pair = Pair()
    pair.session.receive(proof)
    assert pair.session.state == CLOSED and pair.session.lock_out.wrong == 0


def test_hello_in_the_middle_ends_the_session_and_begins_another_with_other_keys():
    pair = Pair()
    old, _ = pair.open()
    new, events = pair.open()
    assert events == [Ready(DEVICE)]
    old.request(c.COMMAND_PING)
    assert pair.session.receive(old.outgoing[0]) is None
    assert pair.session.state == CLOSED  # a tag of the old keys is a wrong one
    assert new.ready


def test_a_packet_that_comes_twice_is_dropped_and_one_that_is_left_out_is_not_missed():
    pair = Pair()
    client, _ = pair.open()
    for _ in range(3):
        client.request(c.COMMAND_PING)
    first, _, third = client.outgoing
    assert pair.session.receive(first) == (1, bytes([1, c.COMMAND_PING]))
    assert pair.session.receive(third) == (1, bytes([3, c.COMMAND_PING]))
    for packet in client.outgoing:
        assert pair.session.receive(packet) is None
    assert pair.session.state == OPEN


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_bit_ends_the_session(data):
    pair = Pair()
    client, _ = pair.open()
    client.request(c.COMMAND_PING, data.draw(st.binary(max_size=40)))
    packet = bytearray(client.outgoing[0])
    bit = data.draw(st.integers(8, 8 * len(packet) - 1))  # the first byte is the kind: another one is another packet
    packet[bit // 8] ^= 1 << bit % 8
    assert pair.session.receive(bytes(packet)) is None
    assert pair.session.state == CLOSED


def test_the_session_ends_before_the_counter_is_used_up():
    pair = Pair()
    client, _ = pair.open()
    client._sealer.counter = c.LINK_COUNTER_LIMIT - 1
    client.request(c.COMMAND_PING)
    assert pair.session.receive(client.outgoing.pop()) is not None
    with pytest.raises(LinkProtocolError, match="begin another"):
        client.request(c.COMMAND_PING)
    client._sealer.counter -= 1
    pair.session.sealer.counter = c.LINK_COUNTER_LIMIT
    assert pair.session.sealer.seal(c.PACKET_SEALED, 1) is None


def test_wrong_proofs_are_counted_in_flash_before_they_are_looked_at_and_slow_down_who_guesses():
    pair = Pair()
    for _ in range(3):
        assert pair.guess() == c.PACKET_CHALLENGE
    assert pair.guess() == c.PACKET_CHALLENGE  # the fourth one costs
    waits = []
    for _ in range(14):
        pair.session.receive(bytes([c.PACKET_HELLO, 1]) + bytes(16))
        kind, refusal, wait_s = struct.unpack("<BBH", pair.sent.pop())
        assert (kind, refusal) == (c.PACKET_REFUSED, c.REFUSAL_LOCKED)
        waits.append(wait_s)
        pair.ticks.now += 1000 * wait_s - 1
        assert pair.guess() == c.PACKET_REFUSED
        pair.ticks.now += 1
        assert pair.guess() == c.PACKET_CHALLENGE
    assert waits == [2 ** (n - 3) for n in range(4, 15)] + [3600] * 3
    assert pair.counter.load() == 18


def test_the_lock_out_survives_a_reboot_and_a_right_proof_ends_it():
    counter = NoCounter()
    pair = Pair(counter=counter)
    for _ in range(4):
        pair.guess()
    again = Pair(counter=counter)
    with pytest.raises(LinkRefusedError, match="wait 2 s") as caught:
        again.open()
    assert caught.value.wait_s == 2
    again.ticks.now += 2000
    assert again.open()[1] == [Ready(DEVICE)]
    assert counter.load() == 0


def test_power_that_goes_while_a_proof_is_looked_at_takes_no_guess_back(monkeypatch):
    pair = Pair()
    pair.session.receive(bytes([c.PACKET_HELLO, 1]) + bytes(16))
    monkeypatch.setattr("recorder.link_session.same", lambda a, b: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        pair.session.receive(bytes([c.PACKET_PROOF]) + bytes(16))
    assert pair.counter.load() == 1


def test_a_recorder_without_a_key_and_one_of_another_version_say_so():
    with pytest.raises(LinkRefusedError, match="provision"):
        Pair(key=None).open()
    pair = Pair()
    pair.session.receive(bytes([c.PACKET_HELLO, 2]) + bytes(16))
    assert pair.sent == [bytes([c.PACKET_REFUSED, c.REFUSAL_VERSION, 0, 0])]


# Bytes, frames and fragments: the firmware's reader and the host's agree, and what comes is what was sent.


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=1200) | st.builds(lambda a, n: a * n, st.sampled_from([b"\0", b"\1", b"\xff"]), st.integers(1, 800)))
def test_a_packet_survives_its_frame(packet):
    out = bytearray(link_packet.cobs_bytes(len(packet)))
    end = link_packet.cobs_encode(packet, len(packet), out, 1)
    frame = bytes(out[: end + 1])
    assert frame == host.cobs_encode(packet) and 0 not in frame[1:-1]
    assert link_packet.CobsReader(1200).feed(frame) == host.CobsReader(1200).feed(frame) == [packet]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=90)), st.lists(st.integers(1, 50)), st.integers(1, 60))
def test_any_bytes_cut_anywhere_give_the_same_packets_and_bounded_memory(pieces, cuts, max_bytes):
    data = b"\0".join(pieces)
    firmware, desk, at = link_packet.CobsReader(max_bytes), host.CobsReader(max_bytes), 0
    found, expected = [], desk.feed(data)
    for cut in [*cuts, len(data)]:
        found += firmware.feed(data[at : at + cut])
        at += cut
        assert len(firmware._frame) <= max_bytes + max_bytes // 254 + 1
    found += firmware.feed(data[at:])
    assert found == expected and firmware.dropped == desk.dropped
    good = b"\x01\x02\x00"[: max_bytes or 1]
    assert firmware.feed(host.cobs_encode(good))[-1:] == [good]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=255), st.binary(max_size=3), st.integers(1, 300), st.randoms())
def test_messages_in_fragments_come_whole_whatever_lies_between(request, credit, room, random):
    joiner = link_packet.Joiner({1: 256, 6: 3})
    parts = [list(host.fragments(1, request, room)), list(host.fragments(6, credit, room))]
    got = []
    while parts[0] or parts[1]:
        queue = random.choice([p for p in parts if p])
        got.append(joiner.take(bytearray(queue.pop(0))))
    assert sorted(m for m in got if m) == sorted([(1, request), (6, credit)])


def test_a_message_too_long_and_a_channel_that_is_not_the_hosts_end_the_session():
    for plaintext in (b"\x01" + bytes(257), b"\x02abc", b"", b"\x06" + bytes(4)):
        pair = Pair(2048)
        client, _ = pair.open()
        packet = client._sealer.seal(c.PACKET_SEALED, plaintext)
        assert pair.session.receive(packet) is None and pair.session.state == CLOSED


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60)), st.booleans())
def test_any_packets_in_any_order_crash_nothing(junk, opened):
    """Before and after the handshake: no exception, and a right host gets in afterwards."""
    pair = Pair()
    if opened:
        pair.open()
    for packet in junk:
        pair.session.receive(packet)
    pair.sent.clear()
    pair.ticks.now += 1000 * 3600
    assert pair.open()[1] == [Ready(DEVICE)]
