# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.2, rule 6: the cable and the air at once; who is refused, whose session ends. The firmware's Link under CPython."""

import pytest
from recorder.link import HEARD_MS, Link
from recorder.link_session import CLOSED, OPEN, LockOut, NoCounter
from recorder.recorder import Recorder
from recorder.serve import Control
from test_link_session import DEVICE, KEY, Aes, Ticks

from octolead import _constants as c
from octolead.errors import LinkRefusedError
from octolead.link.client import Answer, Client, Ready


class Store:
    ring_id, ring_tag, next_seq, n_slots, slot_bytes, head = bytes(8), 0, 0, 100, 8192, None


class Carrier:
    max_packet = 244

    def __init__(self, rank):
        self.rank = rank
        self.sent = []

    def send(self, packet):
        self.sent.append(bytes(packet))
        return True


class Box:
    """A recorder with a cable and a radio."""

    def __init__(self):
        self.ticks = Ticks()
        self.control = Control(Recorder(None, None, Store(), DEVICE), None, self.ticks)
        self.carriers = {"air": Carrier(0), "cable": Carrier(1)}
        self.nonce = 0
        lock_out = LockOut(NoCounter(), self.ticks)
        self.links = {name: Link(self.control, carrier, KEY, lock_out, self.random, aes=Aes) for name, carrier in self.carriers.items()}

    def random(self, n):
        self.nonce += 1
        return bytes([self.nonce]) * n

    def talk(self, name, client):
        """Let the client and the recorder exchange what they have; what came."""
        events = []
        for _ in range(4):
            for packet in client.outgoing:
                self.links[name].receive(packet)
            client.outgoing.clear()
            self.links[name].poll()
            came, self.carriers[name].sent = self.carriers[name].sent, []
            for packet in came:
                events += client.receive(packet)
        return events

    def open(self, name):
        client = Client(KEY, 244)
        assert self.talk(name, client) == [Ready(DEVICE)]
        return client

    def ping(self, name, client):
        client.request(c.COMMAND_PING, b"?")
        return [event.data for event in self.talk(name, client) if isinstance(event, Answer)]


def test_the_air_is_refused_while_the_cable_is_in_use_and_told_why():
    box = Box()
    cable = box.open("cable")
    box.ticks.now += HEARD_MS - 1
    with pytest.raises(LinkRefusedError, match="over the cable") as caught:
        box.open("air")
    assert caught.value.refusal == c.REFUSAL_BUSY
    assert box.ping("cable", cable) == [b"?"]


def test_a_cable_that_has_gone_quiet_keeps_nobody_out_and_its_session_ends():
    box = Box()
    cable = box.open("cable")
    box.ticks.now += HEARD_MS
    air = box.open("air")
    assert box.links["cable"].session.state == CLOSED
    assert box.ping("air", air) == [b"?"] and box.ping("cable", cable) == []


def test_the_cable_takes_over_from_the_air_with_its_ready_and_not_before():
    box = Box()
    air = box.open("air")
    client = Client(KEY, 244)
    box.links["cable"].receive(client.outgoing.pop())
    box.links["cable"].receive(bytes([c.PACKET_PROOF]) + bytes(16))  # a HELLO and a wrong proof
    assert box.ping("air", air) == [b"?"]
    cable = box.open("cable")
    assert box.links["air"].session.state == CLOSED
    assert box.ping("air", air) == [] and box.ping("cable", cable) == [b"?"]


def test_a_second_host_on_the_same_carrier_begins_anew():
    for name in ("air", "cable"):
        box = Box()
        box.open(name)
        assert box.ping(name, box.open(name)) == [b"?"]


def test_a_cable_that_was_pulled_keeps_nobody_out():
    box = Box()
    box.open("cable")
    box.links["cable"].lost()
    assert box.ping("air", box.open("air")) == [b"?"]


def test_a_carrier_has_one_link():
    box = Box()
    Link(box.control, box.carriers["air"], KEY, LockOut(NoCounter(), box.ticks), box.random, aes=Aes)
    assert len(box.control.links) == 2
    assert [link.session.state == OPEN for link in box.control.links] == [False, False]
