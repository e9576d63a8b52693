# SPDX-License-Identifier: Apache-2.0
"""The recorder's states: idle, recording, stopping. Joins the front end, the capture and the store into a session.

It owns what outlives a session (front end, capture, store, identity) and makes a Session for each recording. The app
drives it; it never waits itself, but for the front end's power-up.
"""

import os

from . import battery
from . import constants as c
from .ads1298 import FrontEndSettings
from .errors import SettingError, StateError
from .front_watch import RateWatch
from .heart import HeartRate
from .seal import BlockSeal
from .session import Session

VERSION = "0.1.0"

IDLE = "idle"
RECORDING = "recording"
STOPPING = "stopping"

_SOURCE_IDS = {
    "electrodes": c.SIGNAL_SOURCE_ELECTRODES,
    "test": c.SIGNAL_SOURCE_TEST_SIGNAL,
    "shorted": c.SIGNAL_SOURCE_SHORTED,
    "reference": c.SIGNAL_SOURCE_REFERENCE,
}


def _hex(data):
    return "".join("%02x" % b for b in data)


class Signal:
    """What is recorded: rate, gain, rounding, source. Step at gain 6 and shift 6: 3.05 microvolt."""

    def __init__(self, rate_hz=500, gain=6, shift=6, source="electrodes", **front_end):
        if not 0 <= shift <= 15:
            raise SettingError("shift %r: 0 to 15 bits" % (shift,))
        self.settings = FrontEndSettings(rate_hz, gain, source, **front_end)
        self.rate_hz = rate_hz
        self.gain = gain
        self.shift = shift
        self.source_id = _SOURCE_IDS[source]


def encoder_of(codec_id):
    """Return the encoder class of a codec id."""
    if codec_id == c.CODEC_RAW24:
        from .codec_raw import Encoder

        return Encoder
    if codec_id == c.CODEC_ADAPTIVE:
        try:
            from .codec_fast import Encoder
        except ImportError:  # no viper
            from .codec import Encoder
        return Encoder
    raise SettingError("codec %r: 0 (RAW24) or 1 (ADAPTIVE)" % (codec_id,))


def start_reason(head, by_watchdog=False):
    """Return why a recorder that has just come up records, from how the ring's `head` ended and who reset the board."""
    if head.clean:
        return c.START_REASON_COMMAND
    return c.START_REASON_WATCHDOG if by_watchdog else c.START_REASON_RESUMED


class Recorder:
    """`front_end` has power_up, configure, start, stop, power_down; `capture` and `store` as in their files.

    With the device's `key` (32 bytes) blocks are chained, and enciphered where `encrypt_card` is set; both may change between sessions.
    """

    def __init__(self, front_end, capture, store, device_id, board="", urandom=None, key=None, encrypt_card=False):
        self.front_end = front_end
        self.capture = capture
        self.store = store
        self.device_id = device_id
        self.board = board
        self.urandom = urandom or os.urandom  # a port without one must be handed another
        self.key = key
        self.encrypt_card = encrypt_card
        self.state = IDLE
        self.session = None
        self.signal = None
        self.stop_reason = c.STOP_REASON_COMMAND  # of the last session
        self.changed_register = None  # words, when one differed at the end of the last session
        self.heart = HeartRate()
        self.name = ""  # the owner's name for it; these are set by settings.py
        self.open_heart_rate = False
        self.calibration = None  # a Calibration, where there is a place to keep one
        self.battery_percent = battery.UNKNOWN
        self.battery_mv = 0
        self.temperature_cdeg = c.TEMPERATURE_UNKNOWN
        self.supply = None  # the board's: () -> (battery_mv, temperature_cdeg)
        self.button = None  # the board's: has look() and `pressed`

    def start(self, signal, codec_id=c.CODEC_ADAPTIVE, reason=c.START_REASON_COMMAND, anchor=None, notes=(), first_frame=0):
        """Begin a session; `anchor` is (utc_us, uncertainty_ms) of this moment if time of day is known.

        `first_frame` is for tests, see Session.begin.
        """
        if self.state != IDLE:
            raise StateError("cannot start while %s" % self.state)
        if self.encrypt_card and self.key is None:
            raise SettingError("encrypt_card needs the device's key: provision the recorder, or switch it off")
        encoder = encoder_of(codec_id)
        self.front_end.power_up()
        self.front_end.configure(signal.settings)
        self.capture.reset()
        self.signal = signal
        session_id = self.urandom(8)
        seal = None if self.key is None else BlockSeal(self.key, session_id, self.encrypt_card)
        self.session = Session(self.capture, self.store, encoder, signal, self.device_id, session_id, seal)
        self.observe_supply(self.battery_mv, self.temperature_cdeg)
        if self.calibration:
            self.session.conditions[6] = self.calibration.id_at(signal.gain)
        standing = [("firmware", VERSION)]
        if self.board:
            standing.append(("board", self.board))
        if reason in (c.START_REASON_RESUMED, c.START_REASON_WATCHDOG) and self.store.head and self.store.head.header:
            standing.append(("follows", _hex(self.store.head.session_id())))
        self.heart.begin(signal)
        self.session.heart = self.heart
        self.session.begin(reason, standing + list(notes), anchor, first_frame)
        self.front_end.start()
        self.capture.start()
        self.changed_register = None
        self.session.watch = RateWatch(signal.rate_hz, self.store.ticks)
        self.state = RECORDING

    def stop(self, reason=c.STOP_REASON_COMMAND):
        """End the session in order: everything in the ring is stored, then LAST."""
        if self.state != RECORDING:
            raise StateError("cannot stop while %s" % self.state)
        self.state = STOPPING
        self.stop_reason = reason
        try:
            self.capture.stop()
            self.front_end.stop()
            changed = self.front_end.verify(self.signal.settings)
            if changed:
                self.session.fault(c.FAULT_REGISTER, 1 + self.session.rate_faults())
                self.changed_register = changed.message
            self.session.finish(reason)
        finally:
            self.front_end.power_down()
            self.heart.end()
            self.state = IDLE

    def mark(self, text=""):
        """Mark the next frame to come, from a distance; return its number."""
        return self._running().mark(text)

    def set_time(self, utc_us, uncertainty_ms):
        """Tell the time of day at the next frame to come; return its number."""
        return self._running().set_time(utc_us, uncertainty_ms)

    def _running(self):
        if self.state != RECORDING:
            raise StateError("no session is running")
        return self.session

    def observe_supply(self, battery_mv, temperature_cdeg=c.TEMPERATURE_UNKNOWN):
        """Keep battery and temperature for the blocks to come."""
        self.battery_mv = battery_mv
        self.battery_percent = battery.shown(self.battery_percent, battery_mv)
        self.temperature_cdeg = temperature_cdeg
        if self.session is not None:
            self.session.conditions[0] = battery_mv
            self.session.conditions[1] = temperature_cdeg

    def newest_session(self):
        """Return the id of the newest session on the card, zeros when there is none."""
        if self.session is not None:
            return self.session.session_id
        head = self.store.head
        return head.session_id() if head and head.header else bytes(8)

    def forget_session(self):
        """The card was erased: what was recorded before is no more."""
        self.session = None

    def status(self):
        """Return the present state as a dict of plain values."""
        statistics = self.store.statistics
        status = {
            "state": self.state,
            "ring_slots": self.store.n_slots,
            "ring_seq": self.store.next_seq,
            "write_last_ms": statistics.last_ms,
            "write_max_ms": statistics.max_ms,
            "write_mean_ms": statistics.total_ms / statistics.writes if statistics.writes else 0,
            "write_p50_ms": statistics.percentile_ms(50),
            "write_p99_ms": statistics.percentile_ms(99),
            "write_bins": statistics.bins(),
            "writes": statistics.writes,
            "writes_repeated": statistics.repeated,
            "checkpoints": self.store.checkpoints,
            "battery_mv": self.battery_mv,
            "newest_session": _hex(self.newest_session()),
        }
        card_status = getattr(self.store.device, "status", None)
        if card_status is not None:
            status["card"] = card_status()
        session = self.session
        if session is not None:
            status["session_id"] = _hex(session.session_id)
            status["rate_hz"] = session.rate_hz
            status["frame"] = session.frame()
            status["frames_lost"] = session.lost
            status["blocks"] = session.blocks
            status["marks"] = [list(mark) for mark in session.marks]
            status["marks_total"] = session.n_marks
            status["electrodes_off"] = session.state & 0xFFFF
            status["leads_saturated"] = session.state >> 16
            status["checkpoints_skipped"] = session.skipped_checkpoints
            status["button_changes_lost"] = session.capture.latch_drops
            status["ring_ms"] = session.capture.capacity * 1000 // session.rate_hz
            status["load"] = session.load.status()
            status["heart_rate"] = self.heart.status()
            status.update(session.faults.status(session.rate_hz))
            if self.changed_register:
                status["changed_register"] = self.changed_register
        return status
