# SPDX-License-Identifier: Apache-2.0
"""Where the C core puts what it finds: arrays that are filled in place and joined when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .beats import RECORD_DTYPE
from .core import ffi, lib
from .qrs import BEAT_DTYPE, SECOND_DTYPE, SPAN_DTYPE
from .waves import WAVE_DTYPE

_NEEDED: Final = int(lib.OL_ANALYSIS_ROOM)
_ROOM: Final = 8 * _NEEDED
_KINDS: Final = (
    ("beats", BEAT_DTYPE, "ol_beat *"),
    ("spans", SPAN_DTYPE, "ol_span *"),
    ("seconds", SECOND_DTYPE, "ol_quality_second *"),
    ("records", RECORD_DTYPE, "ol_beat_record *"),
    ("waves", WAVE_DTYPE, "ol_wave_beat *"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the core found, each in order of time.

    Attributes:
        beats: `BEAT_DTYPE`; empty where the beats were told.
        spans: `SPAN_DTYPE`: fibrillation, asystole, not usable, gaps.
        seconds: `SECOND_DTYPE`: quality.
        records: `RECORD_DTYPE`, one a beat; empty without CLASSIFY.
        waves: `WAVE_DTYPE`, one a beat; empty without DELINEATE.
    """

    beats: npt.NDArray[Any]
    spans: npt.NDArray[Any]
    seconds: npt.NDArray[Any]
    records: npt.NDArray[Any]
    waves: npt.NDArray[Any]


class Places:
    """The core's `ol_analysis_found`: `batch` has room for what the next call may find, once `make_room` was called."""

    def __init__(self) -> None:
        self.batch = ffi.new("ol_analysis_found *")
        self.batch.room = _ROOM
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._full: dict[str, list[npt.NDArray[Any]]] = {name: [] for name, _, _ in _KINDS}
        for kind in _KINDS:
            self._renew(*kind)

    def make_room(self) -> None:
        """Put arrays that are nearly full aside."""
        for name, dtype, ctype in _KINDS:
            if getattr(self.batch, f"n_{name}") > _ROOM - _NEEDED:
                self._put_aside(name)
                self._renew(name, dtype, ctype)

    def take(self) -> Found:
        """Return what was found since the start or the last call."""
        for name, _, _ in _KINDS:
            self._put_aside(name)
        found = Found(*(joined(self._full[name]) if self._full[name] else np.empty(0, dtype) for name, dtype, _ in _KINDS))
        for kind in _KINDS:
            self._renew(*kind)
        return found

    def _put_aside(self, name: str) -> None:
        filled = self._arrays[name][: int(getattr(self.batch, f"n_{name}"))]
        if len(filled):
            self._full[name].append(filled)

    def _renew(self, name: str, dtype: np.dtype[Any], ctype: str) -> None:
        array = np.empty(_ROOM, dtype)  # what is not filled takes no memory
        self._arrays[name] = array
        setattr(self.batch, name, ffi.cast(ctype, array.ctypes.data))
        setattr(self.batch, f"n_{name}", 0)


def joined(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """One array of all parts, at least one, which are given back one by one: a day's waves are not held twice."""
    out, at = np.empty(sum(map(len, parts)), parts[0].dtype), 0
    parts.reverse()
    while parts:
        part = parts.pop()
        out[at : at + len(part)] = part
        at += len(part)
    return out
