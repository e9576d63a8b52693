# SPDX-License-Identifier: Apache-2.0
"""One record per board in SQLite: each step's attempts with their outcome.

Written at once, so that a station that is cut goes on from here.
"""

import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PASS, WARN, FAIL = "pass", "warn", "fail"
_TABLES = """
CREATE TABLE IF NOT EXISTS boards (
  serial TEXT PRIMARY KEY, place TEXT NOT NULL, device_id TEXT, first_utc TEXT NOT NULL, last_utc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attempts (
  serial TEXT NOT NULL REFERENCES boards, step TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL,
  words TEXT NOT NULL, details TEXT NOT NULL, operator TEXT NOT NULL, ended_utc TEXT NOT NULL, took_s REAL NOT NULL,
  PRIMARY KEY (serial, step, number));
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Outcome:
    """What a step found.

    Attributes:
        kind: one word or two for what is wrong, "" where nothing is.
        words: for people; what to do.
        details: values worth keeping; no key among them.
    """

    state: str
    kind: str = ""
    words: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Where a board stands: the last attempt of each step, in order."""

    serial: str
    place: str
    device_id: str
    steps: dict[str, Outcome]

    def state(self, steps: list[str]) -> str:
        """``passed`` (every step), ``failed`` (one of them), else ``open``."""
        if any(outcome.state == FAIL for outcome in self.steps.values()):
            return "failed"
        return "passed" if all(step in self.steps for step in steps) else "open"

    def finding(self) -> tuple[str, Outcome] | None:
        """The step that failed, and how."""
        return next(((step, outcome) for step, outcome in self.steps.items() if outcome.state == FAIL), None)


class Record:
    """The file of one tray, or of many; used by all threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._base.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _TABLES)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def board(self, serial: str, place: str) -> None:
        """A board stands in this place."""
        with self._lock, self._base:
            self._base.execute(
                "INSERT INTO boards VALUES (?, ?, NULL, ?, ?) "
                "ON CONFLICT (serial) DO UPDATE SET place = excluded.place, last_utc = excluded.last_utc",
                (serial, place, _now(), _now()),
            )

    def keep(self, serial: str, step: str, outcome: Outcome, operator: str, took_s: float) -> None:
        """Add an attempt; a device id among its details becomes the board's."""
        with self._lock, self._base:
            (number,) = self._base.execute("SELECT COUNT(*) FROM attempts WHERE serial = ? AND step = ?", (serial, step)).fetchone()
            details = json.dumps(outcome.details, default=str)
            values = (serial, step, number + 1, outcome.state, outcome.kind, outcome.words, details, operator, _now(), took_s)
            self._base.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            device_id = outcome.details.get("device_id")
            self._base.execute(
                "UPDATE boards SET last_utc = ?, device_id = COALESCE(?, device_id) WHERE serial = ?", (_now(), device_id, serial)
            )

    def row(self, serial: str) -> Row:
        """Where a board stands.

        Raises:
            KeyError: there is none of this serial number.
        """
        with self._lock:
            found = self._base.execute("SELECT place, device_id FROM boards WHERE serial = ?", (serial,)).fetchone()
            if found is None:
                raise KeyError(serial)
            attempts = self._base.execute(
                "SELECT step, state, kind, words, details FROM attempts WHERE serial = ? ORDER BY rowid", (serial,)
            ).fetchall()
        steps = {step: Outcome(state, kind, words, json.loads(details)) for step, state, kind, words, details in attempts}
        return Row(serial, found[0], found[1] or "", steps)

    def rows(self) -> list[Row]:
        """All boards, by place."""
        with self._lock:
            serials = [serial for (serial,) in self._base.execute("SELECT serial FROM boards ORDER BY place, serial")]
        return [self.row(serial) for serial in serials]

    def count(self, serial: str, step: str) -> int:
        """How often a step was tried."""
        with self._lock:
            (number,) = self._base.execute("SELECT COUNT(*) FROM attempts WHERE serial = ? AND step = ?", (serial, step)).fetchone()
        return int(number)


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        """Return them."""
        return time.monotonic() - self._began


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
