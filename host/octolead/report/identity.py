# SPDX-License-Identifier: Apache-2.0
"""Who was recorded and who reads it, as given by the caller. Nothing of it is looked up, and nothing is kept outside the report."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

LONGEST: Final = 200


@dataclass(frozen=True)
class Identity:
    """What stands at the head of a report; an empty field is a blank line to write on.

    Raises:
        ValueError: the birth date is none, or a text is too long.
    """

    name: str = ""
    id: str = ""
    birth: str = ""
    sex: str = ""
    physician: str = ""
    institution: str = ""
    indication: str = ""
    medication: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            words = one_line(getattr(self, field.name))
            if len(words) > LONGEST:
                raise ValueError(f"{field.name}: {len(words)} characters, at most {LONGEST} fit on the report")
            object.__setattr__(self, field.name, words)
        if self.birth:
            _date(self.birth)

    def age_on(self, day: date | None) -> int | None:
        """Years of age on a day, if both are known and in order."""
        if not self.birth or day is None:
            return None
        born = _date(self.birth)
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
        return age if age >= 0 else None


def one_line(words: str) -> str:
    r"""Return text as one line: line breaks are spaces, controls (those that turn the direction of writing too) are left out.

    >>> one_line("A\nB\u202e\x07")
    'A B'
    """
    kept = (" " if c in "\n\r\t\u2028\u2029" else c for c in words if c in "\n\r\t\u2028\u2029" or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"birth: {text!r} is no date; write it as 1950-12-31") from None
