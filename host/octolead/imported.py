# SPDX-License-Identifier: Apache-2.0
"""A record of another maker, as integers with their steps: what every importer gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from . import _constants as c
from .errors import ImportRefused
from .leads import RECORDER_LEAD_IDS, lead_id
from .reader import MISSING_RAW

UNITS_NV = {"v": 10**9, "mv": 10**6, "uv": 10**3, "µv": 10**3, "μv": 10**3, "nv": 1}


@dataclass(frozen=True)
class ImportedSignal:
    """Integers of another maker's record.

    Attributes:
        raw: int32 of shape (frames, leads), the file's own; `MISSING_RAW` where it has no value.
        lead_ids: one per lead, docs/SPEC.md `lead`.
        names: the file's own names of the leads.
        zero: stored value of 0 V, one per lead.
        step_nv: nanovolt per unit, exact, one per lead.
        rate_hz: samples per second, exact.
        limits: (lowest, highest) value of the converter, per lead; None if not known.
        notes: ``key=value`` about the record.
        messages: what was chosen or left out, in sentences, for people.
        start_utc_us: UTC of the first sample in µs since 1970, if the record says its offset from UTC.
    """

    raw: npt.NDArray[np.int32]
    lead_ids: tuple[int, ...]
    names: tuple[str, ...]
    zero: tuple[int, ...]
    step_nv: tuple[Fraction, ...]
    rate_hz: Fraction
    limits: tuple[tuple[int, int] | None, ...]
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = field(default=())
    start_utc_us: int | None = None

    @property
    def n_frames(self) -> int:
        """Length in frames."""
        return int(self.raw.shape[0])

    def missing(self) -> npt.NDArray[np.bool_]:
        """Bool (frames, leads): where the file has no value."""
        return np.asarray(self.raw == MISSING_RAW)


def unit_nv(unit: str, lead: str, record: str) -> int:
    """Nanovolt per unit.

    Raises:
        ImportRefused: the unit is not V, mV, uV or nV.
    """
    value = UNITS_NV.get(unit.strip().lower())
    if value is None:
        raise ImportRefused(f"{record}: lead {lead} is in {unit!r}, not in V, mV, uV or nV; choose others with --leads")
    return value


def choose_leads(names: Sequence[str], wanted: Sequence[str] | None, record: str) -> tuple[list[int], list[int], str]:
    """Which of a record's leads to keep.

    Returns:
        (places in `names`, lead ids, a sentence saying what was left out or "").

    Raises:
        ImportRefused: a wanted lead is not there, or more than eight are.
    """
    ids = [lead_id(name) for name in names]
    if wanted:
        places = [_place_of(name, names, ids, record) for name in wanted]
        if len(places) > c.MAX_LEADS:
            raise ImportRefused(f"{record}: {len(places)} leads asked for, a recording holds {c.MAX_LEADS}")
    elif all(lead in ids for lead in RECORDER_LEAD_IDS):
        places = [ids.index(lead) for lead in RECORDER_LEAD_IDS]
    else:
        places = list(range(min(len(names), c.MAX_LEADS)))
    left = [names[i] for i in range(len(names)) if i not in places]
    said = f"leads kept: {', '.join(names[i] for i in places)}; left out: {', '.join(left)}" if left else ""
    return places, _unique_ids([ids[i] for i in places]), said


def _place_of(name: str, names: Sequence[str], ids: Sequence[int | None], record: str) -> int:
    if name in names:
        return names.index(name)
    wanted = lead_id(name)
    if wanted is None or wanted not in ids:
        raise ImportRefused(f"{record}: no lead {name!r}; it has {', '.join(names)}")
    return ids.index(wanted)


def _unique_ids(ids: Sequence[int | None]) -> list[int]:
    """Ids as stored: an unknown or repeated name becomes the ECGn of its place."""
    result: list[int] = []
    for place, lead in enumerate(ids):
        taken = lead is None or lead in result
        result.append(c.LEAD_ECG1 + place if taken or lead is None else lead)
    return result
