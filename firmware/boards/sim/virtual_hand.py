# SPDX-License-Identifier: Apache-2.0
"""What a hand on the bench does to the simulated recorder while it runs: lines of JSON that somebody adds to a file.

{"electrodes_off": mask}    these electrodes hang free from now on (bits as `electrode` in docs/SPEC.md)
{"button": true}            the patient's button is pressed; false: released
{"input": path or null}     another .olnv file at the electrodes from the next START on; null: 0 V
{"generator": {...}}        a generator there instead (virtual_generator.py), at once
"""

import json

from .virtual_generator import Generator
from .virtual_input import Input, Silence


class VirtualButton:
    """The patient's button, as boards/parts/button.py is seen by others. `fault`: None, "dead" or "stuck" (held for ever)."""

    def __init__(self, capture, fault=None):
        self._capture = capture
        self._fault = fault
        self.pressed = fault == "stuck"

    def look(self):
        """What is bounced away on a board does not bounce here."""

    def push(self, pressed):
        """The hand presses it or lets it go."""
        if self._fault is None:
            self.pressed = pressed
            self._capture.latch(pressed)


class Hand:
    """Looks into the file at `path` when asked to; what stands in it at the beginning is done, too."""

    def __init__(self, path, capture, button):
        self._path = path
        self._capture = capture
        self._button = button
        self._at = 0

    def look(self):
        """Do what was added since the last look. Half a line waits for its end."""
        try:
            with open(self._path) as file:
                file.seek(self._at)
                text = file.read()
        except OSError:
            return
        whole = text[: text.rfind("\n") + 1]
        self._at += len(whole)
        for line in whole.split("\n"):
            if line:
                self._do(json.loads(line))

    def _do(self, what):
        chip = self._capture.chip
        if "electrodes_off" in what:
            self._capture.now()  # frames up to this moment are those of before
            chip.electrodes_off = what["electrodes_off"]
        if "button" in what:
            self._button.push(what["button"])
        if "input" in what:
            chip.source = Input(what["input"]) if what["input"] else Silence()
        if "generator" in what:
            self._capture.now()
            chip.source = Generator(what["generator"], chip)
