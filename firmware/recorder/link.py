# SPDX-License-Identifier: Apache-2.0
"""The link's service: joins session, commands, notices, live frames and blocks over a carrier. Driven by polls; it never waits.

The carrier hands packets in with `receive` and is handed in itself: `carrier.send(packet) -> bool` takes a packet whole (True)
or not at all (False: later), `carrier.max_packet` is its largest. When the connection is lost it says so with `lost`.
"""

import struct

from . import constants as c
from .link_blocks import BlockSender
from .link_commands import Commands
from .link_live import LiveBuffer
from .link_notices import Notices, message
from .link_packet import BODY_AT, HEAD_AT, MORE
from .link_session import OPEN, LinkSession
from .load import LIVE

PACKETS_A_POLL = 16
NOTICES_WAITING = 16
HEARD_MS = 30000  # a session that was heard from so lately is in use
_MOST_CREDITS = 65535


class Link:
    """One carrier's end of the link. `control` as in serve.py, `key` 32 bytes or None, `lock_out` a link_session.LockOut."""

    def __init__(self, control, carrier, key, lock_out, urandom, hooks=None, battery_low_mv=0, aes=None):
        self.control = control
        self.recorder = control.recorder
        self.carrier = carrier
        self.session = LinkSession(key, self.recorder.device_id, lock_out, urandom, self._send_plain, carrier.max_packet, aes)
        self.blocks = BlockSender(self.recorder.store, self.recorder.device_id)
        self.live = LiveBuffer()
        self.commands = Commands(control, self.blocks, self.live, carrier.max_packet - c.LINK_OVERHEAD, hooks)
        self.notices = Notices(self.recorder, control.settings, battery_low_mv)
        self.session.is_busy = self._is_busy
        self.rank = getattr(carrier, "rank", 0)  # who holds the cable goes before who is on the air
        control.links = [link for link in control.links if link.carrier is not carrier] + [self]
        self._heard_ms = 0
        self._plain = []
        self._opened = 0
        self._reset()

    def _reset(self):
        """Forget what was of a session."""
        self._held = None  # a sealed packet that the carrier did not take yet
        self._answers = []  # messages that wait
        self._notices = []
        self._sending = None  # [channel, message, position] that is under way
        self._block_credits = 0
        self._live_credits = 0
        self.blocks.end()
        self.live.set(0, 1)
        session = self.recorder.session
        if session is not None and session.live is self.live:
            session.live = None

    def lost(self):
        """The connection is gone."""
        self.session.close()
        self._plain = []
        self._reset()

    def resize(self, max_packet):
        """The carrier's packets have another size from now on: the session that was is over."""
        self.lost()
        self.session.max_packet = max_packet
        self.commands.room = max_packet - c.LINK_OVERHEAD

    def receive(self, packet):
        """Take a packet from the carrier."""
        session = self.session
        received = session.receive(packet)
        if session.state != OPEN:
            self._reset()
        elif session.opened != self._opened:
            self._opened = session.opened
            self._reset()
            self.notices.begin()
            self._heard_ms = self.control.ticks.ms()
            self._be_the_only_one()
        if received is None:
            return
        self._heard_ms = self.control.ticks.ms()
        if received[0] == c.CHANNEL_REQUEST:
            self._request(received[1])
        else:
            self._credit(received[1])

    def is_in_use(self):
        """True while a session is open that was heard from lately."""
        ticks = self.control.ticks
        return self.session.state == OPEN and ticks.diff(ticks.ms(), self._heard_ms) < HEARD_MS

    def _is_busy(self):
        return any(link is not self and link.rank >= self.rank and link.is_in_use() for link in self.control.links)

    def _be_the_only_one(self):
        """One host at a time: the sessions of other carriers end."""
        for link in self.control.links:
            if link is not self and link.session.state == OPEN:
                link.lost()

    def _request(self, request):
        waiting = len(self._answers) + (1 if self._sending and self._sending[0] == c.CHANNEL_ANSWER else 0)
        if waiting >= c.LINK_REQUESTS_WAITING:
            self.lost()
            return
        answer = self.commands.answer(request)
        if answer is None:
            self.lost()
        else:
            self._answers.append(answer)

    def _credit(self, data):
        if len(data) != 3 or data[0] not in (c.CHANNEL_LIVE, c.CHANNEL_BLOCK):
            self.lost()
            return
        more = struct.unpack_from("<H", data, 1)[0]
        if data[0] == c.CHANNEL_LIVE:
            self._live_credits = min(self._live_credits + more, _MOST_CREDITS)
        else:
            self._block_credits = min(self._block_credits + more, _MOST_CREDITS)

    def _send_plain(self, packet):
        """Queue a packet of the handshake: a few at most, for a HELLO drops those of the one before."""
        if packet[0] == c.PACKET_REFUSED or (packet[0] == c.PACKET_CHALLENGE and not packet[1]):
            self._plain = []
        self._plain.append(packet)

    # Towards the host

    def poll(self):
        """Look at the recorder and send what may go; True when there is more that could go at once."""
        self.session.lock_out.wait_s()
        while self._plain:
            if not self.carrier.send(self._plain[0]):
                return False
            self._plain.pop(0)
        if self.session.state != OPEN:
            return False
        self._look()
        for _ in range(PACKETS_A_POLL):
            if self._held is None and not self._make():
                return self.blocks.active and self._block_credits > 0
            if not self.carrier.send(self._held):
                return False
            self._held = None
        return True

    def _look(self):
        self.notices.look(self._tell)
        session = self.recorder.session
        if self.live.leads and session is not None and session.live is None:
            session.live = self.live

    def _tell(self, notice):
        if len(self._notices) == NOTICES_WAITING:
            self._notices.pop(0)
        self._notices.append(notice)

    def _make(self):
        """Make the next packet, by rank; False when there is none."""
        if self._sending is None:
            if self._answers:
                self._sending = [c.CHANNEL_ANSWER, self._answers.pop(0), 0]
            elif self._notices:
                self._sending = [c.CHANNEL_NOTICE, self._notices.pop(0), 0]
        if self._sending is not None:
            return self._make_fragment()
        return self._make_live() or self._make_block()

    def _seal(self, head, n):
        """Seal a fragment of `n` bytes that stands in the sealer's buffer."""
        sealer = self.session.sealer
        sealer.buffer[HEAD_AT] = head
        self._held = sealer.seal(c.PACKET_SEALED, n + 1)
        if self._held is None:
            self.lost()
            return False
        return True

    def _make_fragment(self):
        sealer = self.session.sealer
        channel, data, at = self._sending
        n = min(sealer.room, len(data) - at)
        sealer.buffer[BODY_AT : BODY_AT + n] = data[at : at + n]
        if at + n == len(data):
            self._sending = None
            return self._seal(channel, n)
        self._sending[2] = at + n
        return self._seal(channel | MORE, n)

    def _make_live(self):
        live = self.live
        if not live.n:
            return False
        session = self.recorder.session
        if session is None or not self._live_credits or session.load.gives_way(LIVE):
            live.clear()
            return False
        sealer = self.session.sealer
        self._live_credits -= 1
        return self._seal(c.CHANNEL_LIVE, live.pack(sealer.buffer, BODY_AT, sealer.room))

    def _make_block(self):
        blocks = self.blocks
        if not blocks.active or not (self._block_credits or blocks.is_free()):
            return False
        sealer = self.session.sealer
        filled = blocks.fill(sealer.buffer, BODY_AT, sealer.room)
        if filled is None:
            if blocks.active:
                return False
            self._sending = [c.CHANNEL_NOTICE, message(c.NOTICE_BLOCKS_DONE, 0, struct.pack("<I", blocks.seq)), 0]
            return self._make_fragment()
        self._block_credits = max(0, self._block_credits - 1)
        n, more = filled
        return self._seal(c.CHANNEL_BLOCK | (MORE if more else 0), n)
