# SPDX-License-Identifier: Apache-2.0
"""What holds, whatever the bytes of a source.

- reading all of it ends within TIME_S of the processor's time, and with nothing but an OctoleadError;
- memory stays below the limit that the runner sets (a MemoryError is a find);
- every sample that is given is the one that was written for that session, frame and lead, unless a block was signed
  again by the mutation;
- what `recover` writes opens, and holds under the same rules.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np

import octolead
from octolead.cli.cmd_info import as_dict
from octolead.errors import OctoleadError
from octolead.recording import Recording
from octolead.recover import recover
from octolead.verify import verify

from .seeds import Files, origin

TIME_S = 10
WINDOW = 4096
MAX_SESSIONS = 8


class FalseSampleError(AssertionError):
    """A sample that no recorder wrote."""


class HangError(BaseException):
    """It took too long; not an Exception, so that nothing on the way swallows it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise HangError after so many seconds of the processor's time: a busy machine is no find."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HangError(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def put(folder: Path, files: Files) -> Path:
    """Write a source into an empty folder; return what to open."""
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder if len(files) != 1 or next(iter(files)) == "SEG00001.OLS" else folder / next(iter(files))


def check(path: Path, signed: bool, deep: bool = False) -> bool:
    """Read all of a source; True if something could be read. `deep`: verify and recover as well."""
    with time_limit(TIME_S):
        readable = _read(path, signed)
        if deep:
            with contextlib.suppress(OctoleadError):
                verify(path)
            _recover(path, signed)
    return readable


def _read(path: Path, signed: bool) -> bool:
    try:
        recording = octolead.open(path)
    except OctoleadError:
        return False
    with recording:
        _everything(recording, signed)
        others = [s.number for s in recording.sessions if s.number != recording.session.number]
    for number in others[:MAX_SESSIONS]:
        with octolead.open(path, session=number, check=True) as recording:
            _everything(recording, signed)
    return True


def _everything(recording: Recording, signed: bool) -> None:
    for start in _windows(recording):
        stop = min(start + WINDOW, recording.n_frames)
        raw = recording.signal_raw(start, stop, recording.stored_leads)
        if not signed:
            _compare(recording, raw, start)
        recording.signal_uv(start, stop)
    as_dict(recording)
    assert len(recording.battery[0]) == len(recording.battery[1])
    assert len(recording.temperature[0]) == len(recording.temperature[1])
    for _ in recording.blocks():
        pass
    recording.check()


def _windows(recording: Recording) -> list[int]:
    """Where to read: all of a short session, the ends and the edges of gaps of one that claims to be long."""
    n = recording.n_frames
    if n <= 4 * WINDOW:
        return list(range(0, n, WINDOW))
    edges = {recording.first_frame, 0, n - 1, *(g.stop_frame for g in recording.gaps[:8])}
    return sorted(e for e in edges if e < n)


def _compare(recording: Recording, raw: np.ndarray, start: int) -> None:
    there = raw != octolead.MISSING_RAW
    wanted = origin(bytes.fromhex(recording.session_id), start, len(raw), raw.shape[1])
    if (raw != wanted)[there].any():
        frame = start + int(np.argmax(((raw != wanted) & there).any(axis=1)))
        raise FalseSampleError(f"session {recording.session_id}: a false sample at frame {frame}")


def _recover(path: Path, signed: bool) -> None:
    if path.is_dir():
        return
    out = path.with_name("recovered.out")
    out.unlink(missing_ok=True)
    try:
        recover(path, out)
    except OctoleadError:
        return
    if not _read(out, signed) and not signed:
        raise AssertionError("what recover wrote does not open")
    out.unlink()
