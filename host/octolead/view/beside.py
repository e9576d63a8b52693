# SPDX-License-Identifier: Apache-2.0
"""Where what belongs to a recording is kept: in a folder beside its file, or in one of the user's, never in the recording."""

from __future__ import annotations

import os
from pathlib import Path

from ..recording import Recording

SUFFIX = ".octolead"
VARIABLE = "OCTOLEAD_STATE"


def folder_of(recording: Recording) -> Path:
    """The folder of a recording's pyramid, analysis and edits; made if it is not there.

    Beside `NAME.olr` or `NAME.img` it is `NAME.olr.octolead/SESSION`. Cards and folders of segments, and what lies where nobody
    may write, have theirs in `$OCTOLEAD_STATE`, by default `$XDG_DATA_HOME/octolead` or `~/.local/share/octolead`.

    Raises:
        OSError: neither can be written.
    """
    source = recording.source_path
    if source.is_file():
        beside = source.with_name(source.name + SUFFIX) / recording.session_id
        if _is_writable(beside):
            return beside
    home = _home() / f"{recording.device_id}-{recording.session_id}"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _home() -> Path:
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "octolead"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
