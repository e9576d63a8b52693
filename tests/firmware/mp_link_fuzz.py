# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython, in virtual time: a host that does anything, before and after the handshake, in any order, START and ERASE too.

What must hold: nothing is raised; without a session nothing is told but CHALLENGE, REFUSED and READY; with one, every request has
one answer of a known kind; what is recorded meanwhile loses no frame; and afterwards a right host gets in, records and stops.
"""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]
SEED = int(sys.argv[3])
STEPS = int(sys.argv[4])

import asyncio
import json
import random
import struct

from boards.sim.board import Simulator
from recorder import constants as c
from recorder.kept import Kept
from recorder.link import Link
from recorder.link_crypto import proofs, session_keys
from recorder.link_packet import MORE, Joiner, Opener, Sealer
from recorder.link_session import OPEN, LockOut, NoCounter
from recorder.recorder import IDLE, RECORDING
from recorder.serve import Control
from recorder.settings import Settings

KEY = bytes(range(32))
COMMANDS = tuple(range(1, 15))
ANSWERS = tuple(range(9))

random.seed(SEED)


class Carrier:
    """Takes packets, but not always."""

    def __init__(self, max_packet):
        self.max_packet = max_packet
        self.sent = []

    def send(self, packet):
        if random.random() < 0.2:
            return False
        self.sent.append(bytes(packet))
        return True


class Host:
    """The other side, which can do it right."""

    def __init__(self, link, carrier):
        self.link = link
        self.carrier = carrier
        self.sealer = None
        self.asked = 0
        self.answered = 0

    def hello(self):
        """A right handshake up to PROOF; False where the recorder does not take one now."""
        self.end()
        nonce = bytes(random.getrandbits(8) for _ in range(c.LINK_NONCE_BYTES))
        self.link.receive(bytes([c.PACKET_HELLO, c.LINK_VERSION]) + nonce)
        challenge = b""
        for packet in self.heard():
            if packet[0] == c.PACKET_REFUSED:
                return False
            assert packet[0] == c.PACKET_CHALLENGE and packet[1] == len(challenge), packet
            challenge += packet[2:]
        context = challenge[:1] + nonce + challenge[1:25]
        assert proofs(KEY, context)[0] == challenge[25:]
        self.proof = bytes([c.PACKET_PROOF]) + proofs(KEY, context)[1]
        self.keys = session_keys(KEY, context)
        return True

    def open(self):
        if not self.hello():
            return False
        self.link.receive(self.proof)
        assert self.link.session.state == OPEN
        host_encrypt, host_tag, encrypt, tag = self.keys
        self.sealer = Sealer(host_encrypt, host_tag, self.carrier.max_packet)
        self.opener = Opener(encrypt, tag, self.carrier.max_packet)
        limits = {c.CHANNEL_ANSWER: 4096, c.CHANNEL_NOTICE: 4096, c.CHANNEL_LIVE: 2048, c.CHANNEL_BLOCK: 16390}
        self.joiner = Joiner(limits)
        self.asked = self.answered = 0
        assert self.heard()[0][0] == c.PACKET_READY
        return True

    def end(self):
        self.sealer = None
        self.carrier.sent = []

    def heard(self):
        for _ in range(20):
            self.link.poll()
        packets = self.carrier.sent
        self.carrier.sent = []
        return packets

    def say(self, plaintext):
        self.sealer.buffer[5 : 5 + len(plaintext)] = plaintext
        self.link.receive(bytes(self.sealer.seal(c.PACKET_SEALED, len(plaintext))))

    def request(self, command, arguments):
        message = bytes([self.asked & 255, command]) + arguments
        room = self.sealer.room
        for at in range(0, len(message), room):
            more = MORE if at + room < len(message) else 0
            self.say(bytes([c.CHANNEL_REQUEST | more]) + message[at : at + room])
        self.asked += 1

    def listen(self):
        """Open all that came; return the answers."""
        answers = []
        for packet in self.heard():
            if packet[0] == c.PACKET_READY:
                assert self.opener.open(packet) == b""
                continue
            assert packet[0] == c.PACKET_SEALED, packet[0]
            message = self.joiner.take(self.opener.open(packet))
            if message and message[0] == c.CHANNEL_ANSWER:
                assert message[1][0] == self.answered & 255 and message[1][1] in ANSWERS
                self.answered += 1
                answers.append(bytes(message[1][1:]))
        return answers


def junk(n):
    return bytes(random.getrandbits(8) for _ in range(n))


def arguments(control, command):
    """What the command takes, or nearly, or anything."""
    if random.random() < 0.3:
        return junk(random.choice((0, 1, 2, 5, 6, 8, 10, 12, 40, 180)))
    if command == c.COMMAND_START:
        return random.choice(
            (b"", struct.pack("<HBBBB", random.choice((500, 250, 1000, 7)), 6, 6, random.getrandbits(2), random.getrandbits(1)))
        )
    if command == c.COMMAND_SETTINGS:
        name = random.choice(("gain", "shift", "pause_ms", "name", "open_heart_rate", "rate_low_bpm", "nonsense"))
        return json.dumps({name: random.choice((0, 1, 6, 3000, True, "x", None, -1, 1 << 40))}).encode()
    if command == c.COMMAND_ERASE:
        return control.recorder.newest_session() if random.random() < 0.5 else bytes(8)
    if command == c.COMMAND_FETCH:
        seq = control.recorder.store.next_seq
        return struct.pack("<IIH", max(0, seq - random.randrange(6)), seq + random.randrange(3), random.choice((0, 0, 100, 9000)))
    if command == c.COMMAND_LIVE:
        return bytes([random.getrandbits(8), random.choice((1, 2, 3, 4))])
    if command == c.COMMAND_SET_TIME:
        return struct.pack("<qI", random.getrandbits(30) << 20, random.getrandbits(16))
    return random.choice((b"", b"words"))


def stranger(link):
    """Anything, by somebody without a session."""
    kind = random.choice((0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 255))
    link.receive(bytes([kind]) + junk(random.choice((0, 1, 3, 16, 17, 18, 40, 230))))


def guest(host, control):
    """Sealed as it must be, senseless in other ways; True while the session goes on."""
    what = random.random()
    if what < 0.7:
        command = random.choice(COMMANDS) if random.random() < 0.9 else random.getrandbits(8)
        host.request(command, arguments(control, command))
    elif what < 0.9:
        host.say(struct.pack("<BBH", c.CHANNEL_CREDIT, random.choice((c.CHANNEL_LIVE, c.CHANNEL_BLOCK)), random.choice((1, 30, 65535))))
    elif what < 0.95:
        host.say(bytes([random.getrandbits(8)]) + junk(random.randrange(60)))
        return False
    else:
        packet = bytearray(bytes([c.PACKET_SEALED]) + junk(30))
        host.link.receive(bytes(packet))
        return False
    return True


async def main():
    config = {"card": FOLDER + "/fuzz.img", "card_mib": 40, "card_bus": "block", "watchdog_ms": 0, "format": True, "battery_mv": 3700}
    simulator = Simulator(config, lambda line: None)
    simulator.build()
    control = Control(simulator.recorder, simulator._make_app, simulator.ticks, Settings(Kept(FOLDER + "/fuzz")))
    carrier = Carrier(random.choice((40, 244, 2048)))
    link = Link(control, carrier, KEY, LockOut(NoCounter(), simulator.ticks), junk)
    host = Host(link, carrier)
    counts = {"requests": 0, "sessions": 0, "recordings": 0, "erased": 0}
    ring = simulator.store.ring_id
    before = None
    for _ in range(STEPS):
        if host.sealer is None:
            if random.random() < 0.5:
                stranger(link)
                for packet in host.heard():
                    assert packet[0] in (c.PACKET_CHALLENGE, c.PACKET_REFUSED), packet
                assert link.session.state != OPEN
            elif host.open():
                counts["sessions"] += 1
            else:
                await asyncio.sleep_ms(3600000 if control.recorder.state == IDLE else 60000)
        else:
            goes_on = True
            for _ in range(random.randrange(1, 5)):
                goes_on = goes_on and guest(host, control)
            if goes_on and random.random() < 0.8:
                assert link.session.state == OPEN
                for _ in range(1000):
                    host.listen()
                    if host.answered == host.asked:
                        break
                    await asyncio.sleep_ms(10)
                assert host.answered == host.asked
                counts["requests"] += host.answered
                host.asked = host.answered = 0
            elif goes_on:
                goes_on = host.asked < 4
            if not goes_on or link.session.state != OPEN or random.random() < 0.02:
                link.lost()
                host.end()
        await asyncio.sleep_ms(random.choice((0, 10, 100, 500)))
        assert control.crash is None, control.crash
        assert control.recorder.state in (IDLE, RECORDING)
        session = control.recorder.session
        if session is not before:
            before = session
            counts["recordings"] += session is not None
        assert session is None or not session.lost, session.lost
        if simulator.store.ring_id != ring:
            ring = simulator.store.ring_id
            counts["erased"] += 1
    link.lost()
    await asyncio.sleep_ms(3700000 if control.recorder.state == IDLE else 61000)
    while not host.open():
        await asyncio.sleep_ms(60000)
    for command in (c.COMMAND_STOP, c.COMMAND_START, c.COMMAND_STATUS, c.COMMAND_STOP, c.COMMAND_STATUS):
        host.request(command, b"" if command != c.COMMAND_START else struct.pack("<HBBBB", 500, 6, 6, 0, 0))
        answers = []
        while not answers:
            await asyncio.sleep_ms(200)
            answers = host.listen()
        if host.answered > 1:
            assert answers[0][0] == c.ANSWER_OK, (command, answers)
    assert control.recorder.state == IDLE and not control.recorder.session.lost
    simulator.close()
    print(json.dumps(counts))


asyncio.run(main())
