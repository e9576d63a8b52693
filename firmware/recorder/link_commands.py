# SPDX-License-Identifier: Apache-2.0
"""Requests of the link (docs/SPEC.md 6.5): arguments in, a typed answer out. `control` is what a request may do (serve.py)."""

import json
import struct

from . import constants as c
from . import link_live
from .errors import CardError, NotThereError, RecorderError, SettingError, StateError
from .link_blocks import oldest_seq
from .link_service import Service
from .recorder import IDLE, RECORDING, VERSION, Signal

NO_FRAME = b"\xff" * 8
MAX_MARK_BYTES = 200
_SOURCES = {
    c.SIGNAL_SOURCE_ELECTRODES: "electrodes",
    c.SIGNAL_SOURCE_TEST_SIGNAL: "test",
    c.SIGNAL_SOURCE_SHORTED: "shorted",
    c.SIGNAL_SOURCE_REFERENCE: "reference",
}
_MOST = 0xFFFFFFFF


class Refused(Exception):
    """A request that is answered with `answer` and words."""

    def __init__(self, answer, words):
        super().__init__(words)
        self.answer = answer
        self.words = words


def _hex(data):
    return "".join("%02x" % b for b in data)


def _unpack(layout, data, name):
    if struct.calcsize(layout) != len(data):
        raise Refused(c.ANSWER_BAD_ARGUMENT, "%s takes %d bytes, got %d" % (name, struct.calcsize(layout), len(data)))
    return struct.unpack(layout, data)


class Commands:
    """The requests of one link. `blocks` is its BlockSender, `live` its LiveBuffer; `room` the bytes of a message in a packet.

    `hooks` are the board's own: {command: function(bytes) -> bytes}, instead of those of link_service.py.
    """

    def __init__(self, control, blocks, live, room, hooks=None):
        self.control = control
        self.recorder = control.recorder
        self.blocks = blocks
        self.live = live
        self.room = room
        self._table = Service(control).table()
        self._table.update(hooks or {})
        self._table.update(
            {
                c.COMMAND_STATUS: self._status,
                c.COMMAND_START: self._start,
                c.COMMAND_STOP: self._stop,
                c.COMMAND_MARK: self._mark,
                c.COMMAND_SET_TIME: self._set_time,
                c.COMMAND_RANGE: self._range,
                c.COMMAND_FETCH: self._fetch,
                c.COMMAND_CANCEL: self._cancel,
                c.COMMAND_LIVE: self._live,
                c.COMMAND_IDENTITY: self._identity,
                c.COMMAND_PING: bytes,
            }
        )

    def answer(self, request):
        """Return the message of channel ANSWER for one of channel REQUEST, or None where it is none."""
        if len(request) < 2:
            return None
        answer = c.ANSWER_OK
        try:
            function = self._table.get(request[1])
            if function is None:
                raise Refused(c.ANSWER_UNKNOWN_COMMAND, "this recorder has no command %d" % request[1])
            if request[1] == c.COMMAND_ERASE and self.blocks.active:
                raise Refused(c.ANSWER_BUSY, "a FETCH is under way")
            data = function(bytes(request[2:]))
        except Refused as refused:
            answer, data = refused.answer, refused.words.encode()
        except StateError as error:
            answer, data = c.ANSWER_WRONG_STATE, error.message.encode()
        except NotThereError as error:
            answer, data = c.ANSWER_NOT_THERE, error.message.encode()
        except SettingError as error:
            answer, data = c.ANSWER_BAD_ARGUMENT, error.message.encode()
        except CardError as error:
            answer, data = c.ANSWER_CARD, error.message.encode()
        except RecorderError as error:
            answer, data = c.ANSWER_FAILED, error.message.encode()
        except OSError as error:
            answer, data = c.ANSWER_CARD, ("the card failed (%r)" % error).encode()
        return bytes([request[0], answer]) + data[: c.LINK_ANSWER_BYTES - 2]

    # What is asked for

    def _status(self, _):
        recorder = self.recorder
        values = recorder.status()
        values.pop("marks", None)  # their number is enough; each was a notice
        if self.control.failure:
            values["failure"] = self.control.failure
        words = json.dumps(values).encode()
        if len(words) > c.LINK_ANSWER_BYTES - c.LINK_STATUS_SIZE - 2:
            words = b"{}"
        return self._fixed_status(recorder) + words

    def _fixed_status(self, recorder):
        state = c.RECORDER_STATE_RECORDING if recorder.state == RECORDING else c.RECORDER_STATE_STOPPING
        if recorder.state == IDLE:
            state = c.RECORDER_STATE_FAULT if self.control.failure else c.RECORDER_STATE_IDLE
        session = recorder.session
        store = recorder.store
        frame, utc_us, uncertainty_ms = self.control.time_now()
        return struct.pack(
            c.LINK_STATUS_FORMAT,
            state,
            recorder.battery_percent,
            recorder.battery_mv,
            session.state & 0xFFFF if session else 0,
            session.state >> 16 if session else 0,
            session.load.level if session else 0,
            session.session_id if session else bytes(8),
            frame,
            session.rate_hz * 1000 if session else 0,
            min(session.lost, _MOST) if session else 0,
            store.next_seq,
            session.n_marks if session else 0,
            session.faults.total() if session else 0,
            recorder.heart.bpm,
            recorder.temperature_cdeg,
            utc_us,
            uncertainty_ms,
            store.n_slots,
        )

    def _start(self, data):
        if not data:
            return self.control.start_as_set()
        rate_hz, gain, shift, source, codec = _unpack("<HBBBB", data, "START")
        if source not in _SOURCES:
            raise Refused(c.ANSWER_BAD_ARGUMENT, "signal source %d cannot be recorded" % source)
        return self.control.start(Signal(rate_hz, gain, shift, _SOURCES[source]), codec)

    def _stop(self, data):
        _unpack("<", data, "STOP")
        return struct.pack("<Q", self.control.stop())

    def _mark(self, data):
        if len(data) > MAX_MARK_BYTES:
            raise Refused(c.ANSWER_BAD_ARGUMENT, "a mark has %d bytes of text at most, got %d" % (MAX_MARK_BYTES, len(data)))
        try:
            text = data.decode()
        except ValueError:
            raise Refused(c.ANSWER_BAD_ARGUMENT, "the text of a mark is UTF-8")
        return struct.pack("<Q", self.recorder.mark(text))

    def _set_time(self, data):
        utc_us, uncertainty_ms = _unpack("<qI", data, "SET_TIME")
        frame = self.control.set_time(utc_us, uncertainty_ms)
        return NO_FRAME if frame is None else struct.pack("<Q", frame)

    def _range(self, data):
        _unpack("<", data, "RANGE")
        store = self.recorder.store
        return struct.pack(c.LINK_RANGE_FORMAT, store.ring_id, oldest_seq(store), store.next_seq, store.n_slots, store.slot_bytes)

    def _fetch(self, data):
        first, last, offset = _unpack("<IIH", data, "FETCH")
        store = self.recorder.store
        oldest = oldest_seq(store)
        if self.blocks.active:
            raise Refused(c.ANSWER_BUSY, "a FETCH is under way")
        if not oldest <= first <= store.next_seq:
            raise Refused(c.ANSWER_NOT_THERE, "block %d: %d to %d are there" % (first, oldest, store.next_seq))
        if offset >= store.slot_bytes:
            raise Refused(c.ANSWER_BAD_ARGUMENT, "offset %d: blocks have %d bytes at most" % (offset, store.slot_bytes))
        self.blocks.begin(first, min(last, store.next_seq), offset)
        return b""

    def _cancel(self, _):
        self.blocks.cancel()
        return b""

    def _live(self, data):
        leads, divisor = _unpack("<BB", data, "LIVE")
        if divisor not in (1, 2, 4):
            raise Refused(c.ANSWER_BAD_ARGUMENT, "divisor %d: 1, 2 or 4" % divisor)
        if link_live.smallest(leads) > self.room:
            raise Refused(
                c.ANSWER_BAD_ARGUMENT, "a packet has room for %d bytes, these leads take %d" % (self.room, link_live.smallest(leads))
            )
        self.live.set(leads, divisor)
        return b"\0"

    def _identity(self, _):
        recorder = self.recorder
        calibration_id = recorder.calibration.id if recorder.calibration else 0
        identity = {"device_id": _hex(recorder.device_id), "board": recorder.board, "firmware": VERSION, "calibration_id": calibration_id}
        return json.dumps(identity).encode()
