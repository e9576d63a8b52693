# SPDX-License-Identifier: Apache-2.0
"""Notices (docs/SPEC.md 6.5): what changed in the recorder since the last look, as messages of channel NOTICE."""

import struct

from . import constants as c
from .recorder import RECORDING


def message(kind, frame, data=b""):
    """Return the bytes of a notice."""
    return struct.pack("<BQ", kind, frame) + data


RATE_BACK_BPM = 5  # within the limits by so much, before the next alarm
_KNOWN_LATE_MS = 250  # a beat is known so long after it came


class Notices:
    """Looks at the recorder at each poll; limits are those of `settings`, `battery_low_mv` stands in for its own when it is not 0."""

    def __init__(self, recorder, settings, battery_low_mv=0):
        self.recorder = recorder
        self.settings = settings
        self.battery_low_mv = battery_low_mv
        self.begin()

    def begin(self):
        """Take everything as told that is so by now."""
        session = self.recorder.session
        self._session = session
        self._recording = self.recorder.state == RECORDING
        self._marks = session.n_marks if session else 0
        self._electrodes = session.state & 0xFFFF if session else 0
        self._blocks = session.blocks if session else 0
        self._refused = session.card_failures if session else 0
        self._faults = {}
        self._low = self._paused = False
        self._side = 0  # of the limits of the rate: -1 below, 1 above
        if session:
            self._new_faults(session)

    def look(self, tell):
        """Call `tell(message)` for everything that is new."""
        session = self.recorder.session
        recording = self.recorder.state == RECORDING
        if session is not self._session:
            self.begin()
            self._recording = False
            self._marks = self._electrodes = self._blocks = self._refused = 0
        if recording and not self._recording:
            tell(message(c.NOTICE_STARTED, 0, session.session_id))
        if session is not None:
            self._look_into(session, tell)
            self._card(session, tell)
        if recording:
            self._heart(session, tell)
        if self._recording and not recording and session is not None:
            tell(message(c.NOTICE_STOPPED, session.frame(), bytes([self.recorder.stop_reason])))
        self._recording = recording
        self._battery(session, tell)

    def _look_into(self, session, tell):
        new = min(session.n_marks - self._marks, len(session.marks))
        self._marks = session.n_marks
        for frame, origin, text in session.marks[len(session.marks) - new :]:
            tell(message(c.NOTICE_MARK, frame, bytes([origin]) + text.encode()))
        electrodes = session.state & 0xFFFF
        if electrodes != self._electrodes:
            self._electrodes = electrodes
            tell(message(c.NOTICE_LEAD_OFF, session.frame(), struct.pack("<H", electrodes)))
        for kind, count, frame in self._new_faults(session):
            tell(message(c.NOTICE_FAULT, frame, struct.pack("<BI", kind, count)))
            if kind == c.FAULT_CARD_WRITE:
                tell(message(c.NOTICE_CARD, frame, b"the card refused writes; the record goes on"))
        if session.blocks != self._blocks:
            self._blocks = session.blocks
            tell(message(c.NOTICE_SEALED, session.frame(), struct.pack("<I", session.store.next_seq - 1)))

    def _card(self, session, tell):
        refused = session.card_failures
        if refused > self._refused:
            tell(message(c.NOTICE_CARD, session.frame(), b"the card did not take a block: its frames are missing"))
        self._refused = refused

    def _heart(self, session, tell):
        """RATE and PAUSE are told once each time: again when the rate was within the limits, or a beat has come."""
        heart = self.recorder.heart
        low = self.settings["rate_low_bpm"]
        high = self.settings["rate_high_bpm"]
        bpm = heart.bpm
        if bpm:
            side = 0
            if low and bpm < low + (RATE_BACK_BPM if self._side < 0 else 0):
                side = -1
            elif high and bpm > high - (RATE_BACK_BPM if self._side > 0 else 0):
                side = 1
            if side not in (0, self._side):
                tell(message(c.NOTICE_RATE, session.frame(), struct.pack("<H", bpm)))
            self._side = side
        quiet_ms = heart.quiet_ms()
        limit_ms = self.settings["pause_ms"]
        paused = limit_ms and quiet_ms >= limit_ms + _KNOWN_LATE_MS
        if paused and not self._paused:
            tell(message(c.NOTICE_PAUSE, session.frame(), struct.pack("<H", min(quiet_ms, 0xFFFF))))
        self._paused = bool(paused)

    def _new_faults(self, session):
        new = []
        for kind, (count, _, frame) in session.faults.items():
            if self._faults.get(kind) != count:
                self._faults[kind] = count
                new.append((kind, count, frame))
        return new

    def _battery(self, session, tell):
        battery_mv = self.recorder.battery_mv
        low = 0 < battery_mv < (self.battery_low_mv or self.settings["battery_low_mv"])
        if low and not self._low:
            tell(message(c.NOTICE_BATTERY, session.frame() if session else 0, struct.pack("<H", battery_mv)))
        self._low = low
