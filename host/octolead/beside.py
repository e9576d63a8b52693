# SPDX-License-Identifier: Apache-2.0
"""Where what belongs to a recording is kept: in a folder beside its file, or in one of the user's, never in the recording."""

from __future__ import annotations

import os
from pathlib import Path

from .recording import Recording

SUFFIX = ".octolead"
VARIABLE = "OCTOLEAD_STATE"


def home() -> Path:
    """The user's own folder: `$OCTOLEAD_STATE`, by default `$XDG_DATA_HOME/octolead` or `~/.local/share/octolead`."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "octolead"


def places(recording: Recording) -> list[Path]:
    """The folders where it may be, the best first; none of them need be there.

    Beside `NAME.olr` or `NAME.img` it is `NAME.olr.octolead/SESSION`. Cards and folders of segments, and what lies where nobody
    may write, have theirs in `home()`.
    """
    source = recording.source_path
    own = home() / f"{recording.device_id}-{recording.session_id}"
    return [source.with_name(source.name + SUFFIX) / recording.session_id, own] if source.is_file() else [own]


def find(recording: Recording, name: str) -> Path | None:
    """A file of that name that is kept for the recording, or None."""
    return next((folder / name for folder in places(recording) if (folder / name).exists()), None)


def folder_of(recording: Recording) -> Path:
    """The folder to write to; made if it is not there.

    Raises:
        OSError: none can be written.
    """
    *others, last = places(recording)
    for folder in others:
        if _is_writable(folder):
            return folder
    last.mkdir(parents=True, exist_ok=True)
    return last


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
