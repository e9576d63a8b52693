# SPDX-License-Identifier: Apache-2.0
"""A page that is planned before it is drawn: pages know their numbers only when all of them are planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .identity import Identity
from .quality import LeadQuality
from .sheet import Sheet
from .source import Source
from .st import Shift
from .trends import Numbers, Trends


@dataclass(frozen=True)
class Page:
    """A page: its title, whether it lies, what draws it, and whether it begins a part of the report."""

    title: str
    draw: Callable[[Sheet], None]
    is_landscape: bool = False
    begins_part: bool = True


@dataclass(frozen=True)
class Choices:
    """What the caller chose."""

    paper: str = "a4"
    max_marks: int = 20
    disclosure: str = "auto"
    disclosure_lead: str = ""
    baseline: bool = True


@dataclass(frozen=True)
class Content:
    """All that pages are made of."""

    source: Source
    identity: Identity
    choices: Choices
    summary: dict[str, Any]
    hours: list[dict[str, Any]]
    trends: Trends
    st_levels: Numbers
    shifts: list[Shift]
    lead_quality: list[LeadQuality]
    left_out: list[str]
    """What did not fit, one sentence each; printed at the end and told on the command line."""


NONE = "\u2013"
"""Stands where there is no number."""


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number for people, a dash where there is none."""
    if value is None or value != value:
        return NONE
    words = f"{value:.{digits}f}"
    return f"{words} {unit}" if unit else words


def marks_in_words(n: int) -> str:
    """How many marks the arrows at the edge of a chart stand for."""
    return f"▼ {n} mark{'' if n == 1 else 's'}" if n else "no marks"
