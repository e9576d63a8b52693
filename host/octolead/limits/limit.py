# SPDX-License-Identifier: Apache-2.0
"""Limits as data: what is allowed, in which unit, by whose word, and whether that word was read in its own text.

[sources.ec11]
name = "ANSI/AAMI EC11:1991/R2001"
found = "a reproduced table"        where the figures were found
text = "quoted"                     own, read, quoted or memory

[noise]
title = "Noise, input referred"
unit = "µV p-p"
most = 30                           least and most: outside is a failure
warn_most = 25                      warn_least and warn_most: outside is a warning
source = "ec11"
clause = "3.2.15"                   optional
text = "memory"                     optional, where one figure is known less well than its source
form = "hex"                        optional: how the value is shown
needs = "..."                       optional: what it cannot be tested without
note = "..."                        optional
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

TEXTS = {
    "own": "this project's own figure",
    "read": "read in the source's own text",
    "quoted": "quoted by others; the source's own text was not read",
    "memory": "from memory; the source's own text was not read",
}


class LimitError(ValueError):
    """A file of limits that cannot be used, or a limit it does not have."""


@dataclass(frozen=True)
class Source:
    """Whose limits they are. `text` is a key of `TEXTS`."""

    name: str
    found: str
    text: str


@dataclass(frozen=True)
class Limit:
    """One limit. A value outside `least` to `most` fails, one outside `warn_least` to `warn_most` is warned of.

    Attributes:
        key: its name in the file.
        text: a key of `TEXTS`: what is known of the source's own text.
        form: ``hex`` or "": how a value is shown.
        needs: what it cannot be tested without, "" for nothing.
    """

    key: str
    title: str
    unit: str
    source: Source
    text: str
    least: float = -math.inf
    most: float = math.inf
    warn_least: float = -math.inf
    warn_most: float = math.inf
    clause: str = ""
    form: str = ""
    needs: str = ""
    note: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether the limit is the project's own or was read in its source's own text."""
        return self.text in ("own", "read")

    @property
    def allowed(self) -> str:
        """What is allowed, in words.

        >>> Limit("k", "t", "µV", Source("s", "", "own"), "own", most=30.0).allowed
        '≤ 30 µV'
        """
        least, most = self.figure(self.least), self.figure(self.most)
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(self.least) and math.isinf(self.most):
            return "no limit" if math.isinf(self.warn_least) and math.isinf(self.warn_most) else f"warned of {self._warned()}{unit}"
        if self.least == self.most:
            return f"= {most}{unit}"
        if math.isinf(self.least):
            return f"≤ {most}{unit}"
        return f"≥ {least}{unit}" if math.isinf(self.most) else f"{least} to {most}{unit}"

    def _warned(self) -> str:
        return f"above {self.figure(self.warn_most)}" if math.isinf(self.warn_least) else f"below {self.figure(self.warn_least)}"

    def figure(self, value: float) -> str:
        """A value as it is shown, without its unit."""
        return f"0x{round(value):02x}" if self.form == "hex" and math.isfinite(value) else f"{value:.5g}"

    @property
    def cited(self) -> str:
        """The source with its clause."""
        return f"{self.source.name}, {self.clause}" if self.clause else self.source.name

    def excess(self, value: float) -> float:
        """How far a value lies outside, 0 inside; not a number is infinitely far."""
        return math.inf if math.isnan(value) else max(self.least - value, value - self.most, 0.0)

    def is_warned(self, value: float) -> bool:
        """Whether a value is allowed and yet worth a warning."""
        return not self.warn_least <= value <= self.warn_most


class Limits:
    """Limits of one file, by their keys and in their order."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = dict(limits)

    def __getitem__(self, key: str) -> Limit:
        try:
            return self._limits[key]
        except KeyError:
            raise LimitError(f"no limit {key!r}; there are: {', '.join(self._limits)}") from None

    def __iter__(self) -> Iterator[Limit]:
        return iter(self._limits.values())

    def __len__(self) -> int:
        return len(self._limits)


_FIGURES = ("least", "most", "warn_least", "warn_most")
_WORDS = ("title", "unit", "clause", "form", "needs", "note")


def parse(words: str, name: str) -> Limits:
    """Limits of a file's text; `name` for errors.

    Raises:
        LimitError: it is none.
    """
    try:
        table = tomllib.loads(words)
        sources = {key: Source(**values) for key, values in table.pop("sources", {}).items()}
        return Limits({key: _limit(key, values, sources) for key, values in table.items()})
    except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise LimitError(f"{name}: {error}") from error


def _limit(key: str, values: Mapping[str, Any], sources: Mapping[str, Source]) -> Limit:
    unknown = set(values) - {*_FIGURES, *_WORDS, "source", "text"}
    if unknown:
        raise LimitError(f"{key}: unknown {', '.join(sorted(unknown))}")
    if values["source"] not in sources:
        raise LimitError(f"{key}: source {values['source']!r} is not one of {', '.join(sources)}")
    source = sources[values["source"]]
    text = values.get("text", source.text)
    if text not in TEXTS:
        raise LimitError(f"{key}: text {text!r} is not one of {', '.join(TEXTS)}")
    figures = {name: float(values[name]) for name in _FIGURES if name in values}
    words = {name: str(values[name]) for name in _WORDS if name in values}
    return Limit(key=key, source=source, text=text, **{"unit": "", **words}, **figures)  # type: ignore[arg-type]


def load(name: str) -> Limits:
    """The limits of a file of this room, such as ``selftest``.

    Raises:
        LimitError: there is none of that name, or it is not sound.
    """
    path = resources.files(__package__) / f"{name}.toml"
    if not path.is_file():
        raise LimitError(f"no limits of the name {name!r}")
    return parse(path.read_text(encoding="utf-8"), f"{name}.toml")
