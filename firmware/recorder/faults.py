# SPDX-License-Identifier: Apache-2.0
"""The faults of a session: how often each kind came, and at which frames first and last. In band they are FAULT events.

Frames are the only truth about time; the times of day of a fault are those of its frames (SPEC, anchors).
"""

from . import constants as c

NAMES = {
    c.FAULT_OVERFLOW: "overflow",
    c.FAULT_SLIP: "slip",
    c.FAULT_REGISTER: "register",
    c.FAULT_CARD_WRITE: "card_write",
    c.FAULT_CHECKPOINT_SKIPPED: "checkpoint_skipped",
    c.FAULT_BUTTON: "button",
}


class Faults:
    """Counts since the session's start."""

    def __init__(self):
        self.last = None  # kind of the last one
        self._kinds = {}  # kind: [count, first frame, last frame]

    def note(self, kind, count, frame):
        """`kind` came `count` times by now, the last time before `frame` of the session."""
        entry = self._kinds.get(kind)
        if entry is None:
            self._kinds[kind] = [count, frame, frame]
        else:
            entry[0] = count
            entry[2] = frame
        self.last = kind

    def items(self):
        """Return kinds with [count, first frame, last frame]."""
        return self._kinds.items()

    def total(self):
        """Return the number of all faults."""
        return sum(entry[0] for entry in self._kinds.values())

    def status(self, rate_hz):
        """Return plain values for the recorder's status: seconds are counted from the session's start."""
        kinds = {}
        for kind, (count, first, last) in self._kinds.items():
            kinds[NAMES[kind]] = {
                "count": count,
                "first_frame": first,
                "last_frame": last,
                "first_s": first / rate_hz,
                "last_s": last / rate_hz,
            }
        return {"last_fault": None if self.last is None else NAMES[self.last], "faults": kinds}
