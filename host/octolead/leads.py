# SPDX-License-Identifier: Apache-2.0
"""Names of leads: the record's ids, other makers' spellings, and the four that are derived on reading."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import _constants as c

RECORDER_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
RECORDER_LEAD_IDS = (c.LEAD_I, c.LEAD_II, c.LEAD_V1, c.LEAD_V2, c.LEAD_V3, c.LEAD_V4, c.LEAD_V5, c.LEAD_V6)
TWELVE_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

_ID_BY_NAME = {name.lower(): lead for lead, name in c.LEAD_NAMES.items() if lead != c.LEAD_NONE}
_ALIASES = {
    "vx": "x",
    "vy": "y",
    "vz": "z",
    "mlo": "",
    "ml1": "mli",
    "ml2": "mlii",
    "ml3": "mliii",
    "l1": "i",
    "l2": "ii",
    "l3": "iii",
    "di": "i",
    "dii": "ii",
    "diii": "iii",
    "einthovenii": "ii",
}


@dataclass(frozen=True)
class Derived:
    """A lead computed as `of_i` · I + `of_ii` · II (Einthoven and Goldberger)."""

    name: str
    of_i: float
    of_ii: float


DERIVED = {
    d.name: d
    for d in (
        Derived("III", -1.0, 1.0),
        Derived("aVR", -0.5, -0.5),
        Derived("aVL", 1.0, -0.5),
        Derived("aVF", -0.5, 1.0),
    )
}


def lead_name(lead_id: int) -> str:
    """The name of a lead id; an unknown one is "lead N".

    >>> lead_name(7), lead_name(99)
    ('V1', 'lead 99')
    """
    return c.LEAD_NAMES.get(lead_id, f"lead {lead_id}")


def lead_id(name: str) -> int | None:
    """The id for another maker's lead name, or None.

    >>> [lead_id(n) for n in ("avr", "Lead I (Einthoven)", "MLII", "vx", "ECG Lead V5", "Resp")]
    [4, 1, 14, 16, 11, None]
    """
    text = re.sub(r"\(.*?\)", "", name.lower())
    text = re.sub(r"\b(lead|ecg lead|ekg)\b", "", text)
    text = re.sub(r"^ecg(?=[\s_-]*[^\d\s_-])", "", text.strip())
    text = re.sub(r"[\s_.-]", "", text)
    return _ID_BY_NAME.get(_ALIASES.get(text, text))
