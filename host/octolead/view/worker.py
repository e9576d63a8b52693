# SPDX-License-Identifier: Apache-2.0
"""What takes long, in a process of its own: pyramid, analysis, facts. Says how far it is as JSON lines; what it made lies beside.

python -m octolead.view.worker SOURCE SESSION; the first line of its input is the recorder's key in hex, or empty
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from .. import beside, edits
from ..analysis import analyze_signal
from ..analysis.signal import RecordingSignal
from ..analysis.store import FOLDER as ANALYSIS
from ..analysis.store import key_of, load, save
from ..errors import OctoleadError
from ..recording import Recording
from ..recording import open as open_recording
from .facts import facts_of
from .pyramid import open_pyramid

PYRAMID = "pyramid"
FACTS = "facts.json"
_EVERY_S = 0.2


def _say(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class _Told:
    """Tells how far a step is, now and then."""

    def __init__(self, step: str) -> None:
        self._step, self._last = step, 0.0
        _say(step=step, done=0, of=1)

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            _say(step=self._step, done=done, of=of)


def work(source: str, session: str, key: bytes | None) -> None:
    """Make what is not there yet."""
    with open_recording(source, session=session, key=key) as recording:
        folder = beside.folder_of(recording)
        open_pyramid(folder / PYRAMID, recording, _Told("pyramid")).close()
        _say(step="pyramid", done=1, of=1, ready=True)
        _analyse(recording, folder)
        _say(step="analysis", done=1, of=1, ready=True)


def _analyse(recording: Recording, folder: Path) -> None:
    key = key_of(recording)
    analysis = load(folder / ANALYSIS, key)
    if analysis is None:
        analysis = analyze_signal(RecordingSignal(recording), _Told("analysis"))
        save(analysis, folder / ANALYSIS, key)
    log = edits.EditLog(folder / edits.FILE)
    active = log.active()
    facts = {"key": key, "last_edit": max((e["n"] for e in log.lines()), default=0), **facts_of(edits.apply_edits(analysis, active))}
    part = folder / f".{FACTS}.{os.getpid()}.part"
    part.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    part.replace(folder / FACTS)


def main() -> None:
    """Do it; say in words what is in the way."""
    try:
        work(sys.argv[1], sys.argv[2], bytes.fromhex(sys.stdin.readline()) or None)
    except (OctoleadError, OSError, ValueError, MemoryError) as error:
        _say(step="failed", error=f"{type(error).__name__}: {getattr(error, 'strerror', None) or _without_paths(error)}")
        sys.exit(1)


def _without_paths(error: Exception) -> str:
    """The browser is told no path of this machine."""
    return str(error).replace(sys.argv[1], "the recording")


if __name__ == "__main__":
    main()
