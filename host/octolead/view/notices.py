# SPDX-License-Identifier: Apache-2.0
"""What a recorder tells while it records, for the page: marks, electrodes, rate, pauses, battery, faults (docs/SPEC.md, notice)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from .. import _constants as c
from ..link import Notice


def told(notice: Notice) -> dict[str, Any] | None:
    """A notice as the page gets it: kind, frame, words; a mark's origin and text. None for what is of no concern there."""
    if notice.kind == c.NOTICE_MARK:
        origin = c.MARK_ORIGIN_NAMES.get(notice.data[0], f"origin {notice.data[0]}").lower() if notice.data else ""
        return {"kind": "mark", "frame": notice.frame, "origin": origin, "text": notice.data[1:].decode("utf-8", "replace")}
    try:
        words = _WORDS[notice.kind](notice.data) if notice.kind in _WORDS else ""
    except struct.error:
        words = ""
    return {"kind": "words", "frame": notice.frame, "words": words} if words else None


def _u16(data: bytes) -> int:
    return int(struct.unpack_from("<H", data)[0])


def _electrodes(data: bytes) -> str:
    off = [name for bit, name in c.ELECTRODE_NAMES.items() if _u16(data) >> bit & 1]
    return f"Electrode off: {', '.join(off)}" if off else "All electrodes are on"


_WORDS: Final[dict[int, Callable[[bytes], str]]] = {
    c.NOTICE_LEAD_OFF: _electrodes,
    c.NOTICE_BATTERY: lambda data: f"Battery low: {_u16(data) / 1000:.2f} V",
    c.NOTICE_CARD: lambda data: f"Card: {data.decode('utf-8', 'replace')}",
    c.NOTICE_STOPPED: lambda data: "The recording was stopped",
    c.NOTICE_RATE: lambda data: f"Rate {_u16(data)} a minute",
    c.NOTICE_PAUSE: lambda data: f"No beat for {_u16(data) / 1000:.1f} s",
    c.NOTICE_FAULT: lambda data: f"Fault of the recorder: {c.FAULT_NAMES.get(data[0], data[0]) if data else ''}",
}
