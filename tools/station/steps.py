# SPDX-License-Identifier: Apache-2.0
"""What is done to each board, in this order. A step returns an Outcome, or raises what says why it could not."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from octolead.calibrate import Certificate, calibrate
from octolead.flash import Release, install
from octolead.keys import KeyStore
from octolead.limits import Verdict
from octolead.link import Recorder, connect_usb
from octolead.provision import Label, provision
from octolead.selftest import self_test

from .bench import Bench
from .record import FAIL, PASS, WARN, Outcome, Row

CONNECT_S = 20.0
STEP_S = 180.0
T = TypeVar("T")


@dataclass
class Desk:
    """What all boards share.

    Attributes:
        release: what they are flashed with.
        store: where their keys are kept.
        folder: where labels and certificates go, in folders of their own.
        operator: who does it; stands on certificates and in the record.
        settings: the owner's, for each board.
    """

    release: Release
    store: KeyStore
    folder: Path
    operator: str
    settings: dict[str, Any] = field(default_factory=dict)
    providing: threading.Lock = field(default_factory=threading.Lock)


def flash(bench: Bench, desk: Desk, row: Row) -> Outcome:
    """Install the firmware. The board stays at its prompt: once it has started as a recorder, it gives it only to who holds its button."""
    with bench.prompt("flash") as board:
        done = install(board, desk.release, restart=False)
    return Outcome(PASS, details={"version": done.version, "bytes": done.n_bytes, "folder": done.folder})


def provide(bench: Bench, desk: Desk, row: Row) -> Outcome:
    """Give it id, key and settings. One board at a time: two of one id must not both be the first."""
    with bench.prompt("provision") as board, desk.providing:
        done = provision(board, desk.store, settings=desk.settings or None)
        board.restart()
    return Outcome(PASS, details={"device_id": done.device_id, "new_key": done.is_new})


def selftest(bench: Bench, desk: Desk, row: Row) -> Outcome:
    """Test it over a session that only its key opens, against the limits of `octolead selftest`."""
    trial = _with_recorder(bench, desk, "selftest", lambda recorder: self_test(recorder, speed=bench.speed))
    details = {line.limit.key: line.measured or line.words for line in trial.lines}
    wrong = trial.of(Verdict.FAIL) or trial.of(Verdict.WARN)
    words = "; ".join(f"{line.limit.title}: {line.measured} ({line.limit.allowed}) {line.words}".strip() for line in wrong)
    state = {Verdict.PASS: PASS, Verdict.WARN: WARN}.get(trial.verdict, FAIL)
    return Outcome(state, ", ".join(line.limit.key for line in wrong), words, details)


def calibrated(bench: Bench, desk: Desk, row: Row) -> Outcome:
    """Calibrate it against the place's reference, or its internal test signal where there is none; keep the certificate."""
    generator, reference, plan = bench.reference("calibrate")

    def work(recorder: Recorder) -> Awaitable[Certificate]:
        return calibrate(recorder, generator, reference, operator=desk.operator, plan=plan)

    certificate = _with_recorder(bench, desk, "calibrate", work)
    folder = desk.folder / "certificates"
    folder.mkdir(exist_ok=True)
    paths = certificate.save(folder)
    found = certificate.calibration
    details = {"calibration_id": f"{found.calibration_id:08x}", "reference": found.reference, "files": [path.name for path in paths]}
    return Outcome(PASS, details=details)


def label(bench: Bench, desk: Desk, row: Row) -> Outcome:
    """Write the pairing label: the last step, so that only boards that passed get one."""
    device_id = row.device_id
    (key, *_) = desk.store.candidates(bytes.fromhex(device_id))
    made = Label(device_id, key, str(desk.settings.get("name", "")))
    path = desk.folder / "labels" / f"{device_id}.pdf"
    path.parent.mkdir(exist_ok=True)
    made.save(path)
    return Outcome(PASS, details={"label": path.name})


STEPS = {"flash": flash, "provision": provide, "selftest": selftest, "calibrate": calibrated, "label": label}


def _with_recorder(bench: Bench, desk: Desk, step: str, work: Callable[[Recorder], Awaitable[T]]) -> T:
    async def session(port: str) -> T:
        async with asyncio.timeout(STEP_S), await connect_usb(port, desk.store.candidates, timeout_s=CONNECT_S) as recorder:
            return await work(recorder)

    with bench.cable(step) as port:
        return asyncio.run(session(port))
