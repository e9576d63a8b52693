# SPDX-License-Identifier: Apache-2.0
"""What a reader noticed: one record per thing, with its place and its cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """How much a finding matters: only `ERROR` means that data is missing or damaged."""

    INFO = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One thing noticed while reading.

    Attributes:
        severity: whether data is lost (`ERROR`), something is odd (`WARNING`) or worth knowing (`INFO`).
        kind: a stable word for programs, such as ``body-crc``.
        message: a sentence for people, with place and both numbers.
        source: the file (inside a card image: the segment's name), or "" for the whole recording.
        offset: byte in that file, or None.
        block: block number in its session, or None.
        frames: frames missing because of it; 0 if none, None if it cannot be known.
        cause: why, where the recording says so.
        session: session id in hex, or "".
    """

    severity: Severity
    kind: str
    message: str
    source: str = ""
    offset: int | None = None
    block: int | None = None
    frames: int | None = 0
    cause: str = ""
    session: str = ""

    def place(self) -> str:
        """Where it is, in words: "SEG00000.OLS byte 8192, block 3"."""
        parts = [self.source] if self.source else []
        if self.offset is not None:
            parts.append(f"byte {self.offset}")
        where = " ".join(parts)
        if self.block is not None:
            where = f"{where}, block {self.block}" if where else f"block {self.block}"
        return where

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "severity": self.severity.name.lower()}


class Findings:
    """An ordered collection that keeps each finding once."""

    def __init__(self, items: Iterable[Finding] = ()) -> None:
        self._items: dict[Finding, None] = dict.fromkeys(items)

    def add(self, finding: Finding) -> None:
        """Add unless the same is there already."""
        self._items.setdefault(finding, None)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add several."""
        for finding in findings:
            self.add(finding)

    def error(self, kind: str, message: str, **place: Any) -> None:
        """Data is missing or damaged."""
        self.add(Finding(Severity.ERROR, kind, message, **place))

    def warning(self, kind: str, message: str, **place: Any) -> None:
        """Odd, but nothing of this recording is lost by it."""
        self.add(Finding(Severity.WARNING, kind, message, **place))

    def info(self, kind: str, message: str, **place: Any) -> None:
        """Worth knowing."""
        self.add(Finding(Severity.INFO, kind, message, **place))

    def __iter__(self) -> Any:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def worst(self) -> Severity:
        """The highest severity, `INFO` if there is nothing."""
        return max((f.severity for f in self._items), default=Severity.INFO)
