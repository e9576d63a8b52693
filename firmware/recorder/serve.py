# SPDX-License-Identifier: Apache-2.0
"""A recorder that is served: idle, START over a link, recording, STOP, many times; and what requests may do (`control`).

The record comes first: links are polled between the app's own turns, and each poll sends a bounded number of packets.
"""

import asyncio

from . import constants as c
from .errors import RecorderError, StateError
from .recorder import IDLE, RECORDING
from .settings import Settings

POLL_MS = 10


class TimeOfDay:
    """The latest time of day that was told, carried on by `ticks`; to be looked at once a day at least, for ticks wrap."""

    def __init__(self, ticks):
        self._ticks = ticks
        self._utc_us = None
        self.uncertainty_ms = c.UNCERTAINTY_UNKNOWN

    def set(self, utc_us, uncertainty_ms):
        """Time of day is `utc_us` now."""
        self._utc_us = utc_us
        self.uncertainty_ms = uncertainty_ms
        self._at_ms = self._ticks.ms()

    def now_us(self):
        """Return UTC in microseconds, None when it was never told."""
        if self._utc_us is None:
            return None
        now_ms = self._ticks.ms()
        self._utc_us += self._ticks.diff(now_ms, self._at_ms) * 1000
        self._at_ms = now_ms
        return self._utc_us


class Control:
    """What a link may ask of the recorder. `make_app()` returns a new App over it for each session; `settings` as in settings.py."""

    def __init__(self, recorder, make_app, ticks, settings=None):
        self.recorder = recorder
        self.settings = settings or Settings()
        self.settings.apply(recorder)
        self.ticks = ticks
        self.links = []  # one a carrier (link.py)
        self.radio = None  # its carrier, or words: why it did not come up
        self.time = TimeOfDay(ticks)
        self.failure = None  # words, when the last session ended by an error
        self.crash = None  # what ended an app and is no error of the recorder: for whoever runs the server
        self._make_app = make_app
        self.app = None
        self._task = None

    def start(self, signal, codec_id, reason=c.START_REASON_COMMAND):
        """Begin a session and its app; return the session's id."""
        utc_us = self.time.now_us()
        anchor = None if utc_us is None else (utc_us, self.time.uncertainty_ms)
        self.recorder.start(signal, codec_id, reason, anchor)
        self.failure = None
        self.app = self._make_app()
        self._task = asyncio.create_task(self._run(self.app, self.recorder.session))
        return self.recorder.session.session_id

    def start_as_set(self, reason=c.START_REASON_COMMAND):
        """Begin a session as the settings say; return its id."""
        return self.start(self.settings.signal(), self.settings["codec"], reason)

    async def _run(self, app, session):
        try:
            await app.run()
        except (RecorderError, OSError) as error:
            self.failure = str(error)
            if self.recorder.state == RECORDING and self.recorder.session is session:
                self.recorder.stop(c.STOP_REASON_FAULT)
        except Exception as error:
            self.crash = error

    def stop(self, reason=c.STOP_REASON_COMMAND):
        """End the session in order; return its number of frames."""
        if self.recorder.state != RECORDING:
            raise StateError("nothing is recorded")
        try:
            self.recorder.stop(reason)
        finally:
            self.app.request_stop(reason)
        return self.recorder.session.frame()

    def set_time(self, utc_us, uncertainty_ms):
        """Tell the time of day; return the frame it is told at, None when nothing is recorded."""
        self.time.set(utc_us, uncertainty_ms)
        if self.recorder.state == IDLE:
            return None
        return self.recorder.set_time(utc_us, uncertainty_ms)

    def time_now(self):
        """Return (frame, UTC in microseconds or 0, uncertainty in ms) of this moment."""
        session = self.recorder.session
        utc_us = self.time.now_us()
        frame = session.frame_due() if session and self.recorder.state == RECORDING else session.frame() if session else 0
        return frame, utc_us or 0, self.time.uncertainty_ms


class Server:
    """Polls links: [(carrier, link)]. A carrier's `pump(link)` hands in what came."""

    def __init__(self, control, links):
        self.control = control
        self.links = links
        self.over = False

    async def run(self):
        """Serve until `over` is set; raises what no app may end by."""
        while not self.over:
            if self.control.crash is not None:
                raise self.control.crash
            busy = False
            for carrier, link in self.links:
                if carrier.pump(link):
                    busy = True
                if link.poll():
                    busy = True
            self.control.time.now_us()
            await asyncio.sleep_ms(0 if busy else POLL_MS)
