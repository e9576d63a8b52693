# SPDX-License-Identifier: Apache-2.0
"""What a trial found: a line for each limit with what was measured and what that means; the worst line is the trial's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from .limit import TEXTS, Limit


class Verdict(StrEnum):
    """What a measured value means."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    NOT_RUN = "not run"


_WORSE = (Verdict.NOT_RUN, Verdict.PASS, Verdict.WARN, Verdict.FAIL)


@dataclass(frozen=True)
class Line:
    """One limit and what was measured.

    Attributes:
        value: the value furthest out, None where nothing was measured.
        where: whose it is, such as a lead; "" where there is one value only.
        values: all of them.
        uncertainty: half width of what `value` may be, in its unit, where known.
        words: what it means and what to do; the reason where it was not run.
    """

    limit: Limit
    verdict: Verdict
    value: float | None = None
    where: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    uncertainty: float | None = None
    words: str = ""

    @property
    def measured(self) -> str:
        """What was measured, in words."""
        if self.value is None:
            return ""
        width = "" if self.uncertainty is None else f" ± {self.uncertainty:.3g}"
        unit = f" {self.limit.unit}" if self.limit.unit else ""
        return f"{f'{self.where}: ' if self.where else ''}{self.limit.figure(self.value)}{width}{unit}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        limit = self.limit
        bounds = {name: getattr(limit, name) for name in ("least", "most", "warn_least", "warn_most")}
        return {
            "key": limit.key,
            "title": limit.title,
            "verdict": self.verdict.value,
            "value": _plain(self.value),
            "uncertainty": _plain(self.uncertainty),
            "unit": limit.unit,
            "where": self.where,
            "values": {name: _plain(value) for name, value in self.values.items()},
            "words": self.words,
            **{name: _plain(value) for name, value in bounds.items()},
            "source": limit.cited,
            "source_text": TEXTS[limit.text],
            "verified": limit.is_verified,
        }


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def judge(limit: Limit, values: float | Mapping[str, float], *, uncertainty: float | None = None, words: str = "") -> Line:
    """The line of measured values, one or several by name.

    With an uncertainty, a value that may lie on either side of the limit is a warning: measure longer, or better.
    """
    named = dict(values) if isinstance(values, Mapping) else {"": values}
    if not named:
        return not_run(limit, "nothing was measured")
    where, value = max(named.items(), key=lambda item: _distance(limit, item[1]))
    verdict = Verdict.FAIL if limit.excess(value) else Verdict.WARN if limit.is_warned(value) else Verdict.PASS
    if uncertainty is not None and _straddles(limit, value, uncertainty):
        verdict, words = Verdict.WARN, words or "the limit lies within what the value may be: measure longer"
    return Line(limit, verdict, value, where, {k: v for k, v in named.items() if k}, uncertainty, words)


def _distance(limit: Limit, value: float) -> float:
    """How bad a value is, for the choice of the worst: outside first, then what comes nearest to a limit."""
    if math.isnan(value):
        return math.inf
    nearest = [value - limit.most] if math.isfinite(limit.most) else []
    nearest += [limit.least - value] if math.isfinite(limit.least) else []
    nearest += [value - limit.warn_most] if math.isfinite(limit.warn_most) and not nearest else []
    nearest += [limit.warn_least - value] if math.isfinite(limit.warn_least) and not nearest else []
    return max(nearest, default=abs(value))


def _straddles(limit: Limit, value: float, uncertainty: float) -> bool:
    return any(abs(value - bound) < uncertainty for bound in (limit.least, limit.most) if math.isfinite(bound))


def failed(limit: Limit, words: str) -> Line:
    """A line for what could not even be measured because the thing itself failed."""
    return Line(limit, Verdict.FAIL, words=words)


def not_run(limit: Limit, reason: str) -> Line:
    """A line for what was not measured, and why."""
    return Line(limit, Verdict.NOT_RUN, words=reason)


@dataclass
class Trial:
    """A run over a recorder.

    Attributes:
        title: such as "Self-test".
        subject: what is known of the recorder: device id, board, firmware, ….
        remarks: sentences that belong to the result.
    """

    title: str
    subject: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    took_s: float = 0.0

    def add(self, line: Line) -> Line:
        """Add a line, and return it."""
        self.lines.append(line)
        return line

    @property
    def verdict(self) -> Verdict:
        """The worst of the lines."""
        return max((line.verdict for line in self.lines), key=_WORSE.index, default=Verdict.NOT_RUN)

    @property
    def ok(self) -> bool:
        """Whether something was run and nothing failed."""
        return self.verdict in (Verdict.PASS, Verdict.WARN)

    def of(self, verdict: Verdict) -> list[Line]:
        """The lines of a verdict."""
        return [line for line in self.lines if line.verdict == verdict]

    def line(self, key: str) -> Line:
        """The line of a limit.

        Raises:
            KeyError: it is not among them.
        """
        for line in self.lines:
            if line.limit.key == key:
                return line
        raise KeyError(key)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "title": self.title,
            "verdict": self.verdict.value,
            "ok": self.ok,
            "subject": self.subject,
            "began_utc": self.began.isoformat(timespec="seconds"),
            "took_s": round(self.took_s, 1),
            "lines": [line.as_dict() for line in self.lines],
            "remarks": self.remarks,
        }
