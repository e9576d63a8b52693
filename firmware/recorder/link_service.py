# SPDX-License-Identifier: Apache-2.0
"""SETTINGS, SELF_TEST, ERASE and CALIBRATION (docs/SPEC.md 6.5): what an owner or a workshop asks of a recorder."""

import json

from . import constants as c
from . import self_test
from .erase import new_ring
from .errors import NotThereError, SettingError, StateError
from .recorder import IDLE


class Service:
    """`control` as in serve.py."""

    def __init__(self, control):
        self.control = control
        self.recorder = control.recorder

    def table(self):
        """Return {command: function(bytes) -> bytes}."""
        return {
            c.COMMAND_SETTINGS: self._settings,
            c.COMMAND_SELF_TEST: self._self_test,
            c.COMMAND_ERASE: self._erase,
            c.COMMAND_CALIBRATION: self._calibration,
        }

    def _settings(self, data):
        settings = self.control.settings
        if data:
            try:
                changes = json.loads(data.decode())
            except ValueError:
                raise SettingError("settings are a JSON object of names and values")
            settings.change(changes)
            settings.apply(self.recorder)
        return json.dumps(settings.all()).encode()

    def _self_test(self, data):
        if data:
            raise SettingError("SELF_TEST takes no arguments, got %d bytes" % len(data))
        return json.dumps(self_test.run(self.recorder, self.control.settings.signal(), self.control.radio)).encode()

    def _erase(self, data):
        if len(data) != 8:
            raise SettingError("ERASE takes the newest session's id, 8 bytes, got %d" % len(data))
        recorder = self.recorder
        if recorder.state != IDLE:
            raise StateError("a recorder that records erases nothing: stop it first")
        if data != recorder.newest_session():
            raise SettingError("the newest session is another one: look at the recorder's status, and ask again if it may go")
        new_ring(recorder.store, recorder.urandom)
        recorder.forget_session()
        return b""

    def _calibration(self, data):
        recorder = self.recorder
        calibration = recorder.calibration
        if data:
            if calibration is None:
                raise SettingError("this recorder has no place to keep a calibration")
            if recorder.state != IDLE:
                raise StateError("a recorder that records takes no calibration: stop it first")
            calibration.take(data)
            return b""
        if calibration is None or calibration.record is None:
            raise NotThereError(calibration.words if calibration else "this recorder has no place to keep a calibration")
        return calibration.record
