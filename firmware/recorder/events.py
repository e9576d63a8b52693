# SPDX-License-Identifier: Apache-2.0
"""The data of events (docs/SPEC.md section 3.2) as bytes. Events are rare, so these may allocate."""

import struct

from . import constants as c

MAX_TEXT_BYTES = 200


def _text(text):
    data = text.encode()[:MAX_TEXT_BYTES]
    while data and data[-1] & 0xC0 == 0x80:  # do not cut inside a character
        lead = data[-1]
        cut = 1
        while cut < 4 and cut < len(data) and lead & 0xC0 == 0x80:
            cut += 1
            lead = data[-cut]
        expected = 2 if lead & 0xE0 == 0xC0 else 3 if lead & 0xF0 == 0xE0 else 4
        if cut == expected:
            return data
        data = data[:-cut]
    if data and data[-1] & 0xC0 == 0xC0:
        data = data[:-1]
    return data


def mark(origin, text=""):
    """MARK."""
    return c.EVENT_MARK, bytes([origin]) + _text(text)


def lead_off(electrodes):
    """LEAD_OFF: electrodes off from this frame on."""
    return c.EVENT_LEAD_OFF, struct.pack("<H", electrodes)


def saturated(leads):
    """SATURATED: leads at the limit from this frame on."""
    return c.EVENT_SATURATED, bytes([leads])


def gap(cause, n_frames):
    """GAP: frames missing just before this block."""
    return c.EVENT_GAP, struct.pack("<BQ", cause, n_frames)


def anchor(utc_us, uncertainty_ms):
    """ANCHOR: time of day at this frame."""
    return c.EVENT_ANCHOR, struct.pack("<qI", utc_us, uncertainty_ms)


def source(signal_source):
    """SOURCE: where the signal comes from, from this frame on."""
    return c.EVENT_SOURCE, bytes([signal_source])


def button(pressed):
    """BUTTON."""
    return c.EVENT_BUTTON, bytes([1 if pressed else 0])


def fault(kind, count):
    """FAULT, with its count since the session's start."""
    return c.EVENT_FAULT, struct.pack("<BI", kind, count)


def note(key, value):
    """NOTE key=value."""
    return c.EVENT_NOTE, _text(key + "=" + value)


def start(reason):
    """START."""
    return c.EVENT_START, bytes([reason])


def stop(reason):
    """STOP."""
    return c.EVENT_STOP, bytes([reason])
