# SPDX-License-Identifier: Apache-2.0
"""Take a tray through all steps, some boards side by side.

Whatever a board does, the others go on; whatever is cut, the next call goes on from there.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from octolead.errors import KeyRefusedError, LinkLostError, LinkRefusedError, OctoleadError, SimulatorError

from .bench import Bench
from .record import FAIL, Clock, Outcome, Record, Row
from .steps import Desk

Step = Callable[[Bench, Desk, Row], Outcome]
Told = Callable[[str, str, Outcome | None], None]
"""(serial, step, its outcome; None: it begins)."""

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (KeyRefusedError, "wrong_key"),
    (LinkRefusedError, "refused"),
    (LinkLostError, "no_answer"),
    (SimulatorError, "no_answer"),
    (TimeoutError, "no_answer"),
    (OSError, "file"),
)


def outcome_of(error: Exception) -> Outcome:
    """What an error says; one that nobody expected is named by its kind, for its text may hold anything."""
    words = str(error)
    kind = getattr(error, "kind", None) if isinstance(error, OctoleadError) else None
    for family, name in _KINDS:
        if kind is None and isinstance(error, family):
            kind = name
    if isinstance(error, OSError) and error.filename:
        words = f"{error.filename}: {error.strerror}"
    if kind is None and not isinstance(error, OctoleadError):
        return Outcome(FAIL, "internal", f"{type(error).__name__} in the station itself: run it again; if it stays so, tell the developers")
    return Outcome(FAIL, str(kind or type(error).__name__), words or "it did not end in time")


class Station:
    """A run over a tray. `steps` is {name: function}, in order; `told` is called from the threads of the boards."""

    def __init__(self, desk: Desk, record: Record, steps: Mapping[str, Step], told: Told) -> None:
        self.desk, self.record, self.steps, self.told = desk, record, steps, told

    def run(self, benches: Sequence[Bench], workers: int, again: int = 0) -> None:
        """Take every board as far as it goes; those that failed so many times `again`. The record keeps every attempt."""
        for bench in benches:
            self.record.board(bench.serial, bench.place)
        for _ in range(1 + again):
            with ThreadPoolExecutor(max(1, min(workers, len(benches)))) as pool:
                for done in [pool.submit(self._board, bench) for bench in benches]:
                    done.result()
            benches = [bench for bench in benches if self.record.row(bench.serial).finding()]

    def _board(self, bench: Bench) -> None:
        for name, step in self.steps.items():
            row = self.record.row(bench.serial)
            before = row.steps.get(name)
            if before is not None and before.state != FAIL:
                continue
            if self._step(bench, name, step, row).state == FAIL:
                return

    def _step(self, bench: Bench, name: str, step: Step, row: Row) -> Outcome:
        self.told(bench.serial, name, None)
        took_s = Clock()
        try:
            outcome = step(bench, self.desk, row)
        except Exception as error:
            outcome = outcome_of(error)
        self.record.keep(bench.serial, name, outcome, self.desk.operator, took_s())
        self.told(bench.serial, name, outcome)
        return outcome
