# SPDX-License-Identifier: Apache-2.0
"""Ranges and leads as people write them: frames or seconds, marks, comma-separated names."""

from __future__ import annotations

import re

import click

from ..leads import lead_id, lead_name
from ..recording import Recording

_UNITS = {"s": 1.0, "ms": 0.001, "min": 60.0, "m": 60.0, "h": 3600.0}


def frame_of(text: str, recording: Recording, what: str) -> int:
    """A place: "1500" is a frame; "3s", "2.5min", "1h", "0:02:30" is a time from the session's start; "mark1" the first mark.

    Raises:
        click.BadParameter: it is none of these.
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d+", text):
        return int(text)
    mark = re.fullmatch(r"mark\s*(\d*)", text)
    if mark:
        number = int(mark[1] or 1)
        marks = recording.marks
        if not 1 <= number <= len(marks):
            raise click.BadParameter(f"{what}: there is no mark {number}; the recording has {len(marks)}")
        return marks[number - 1].frame
    number_unit = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min|m|h)", text)
    if number_unit:
        return round(float(number_unit[1]) * _UNITS[number_unit[2]] * recording.fs_hz)
    clock = re.fullmatch(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)", text)
    if clock:
        return round((int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])) * recording.fs_hz)
    raise click.BadParameter(f"{what}: {text!r} is neither a frame (1500), a time (3s, 2.5min, 0:02:30) nor a mark (mark1)")


def range_of(start: str | None, stop: str | None, recording: Recording) -> tuple[int, int]:
    """(start, stop) in frames; default all that is there. Checked against the recording.

    Raises:
        click.BadParameter: it is not in the recording.
    """
    first = frame_of(start, recording, "--start") if start is not None else recording.first_frame
    last = frame_of(stop, recording, "--stop") if stop is not None else recording.n_frames
    if not 0 <= first < last <= recording.n_frames:
        raise click.BadParameter(
            f"frames {first} to {last}: the recording has frames 0 to {recording.n_frames} ({recording.duration_s:.3f} s)"
        )
    return first, last


def leads_of(text: str | None, available: tuple[str, ...]) -> tuple[str, ...]:
    """Comma-separated lead names, in any case; "all" is all of them.

    Raises:
        click.BadParameter: one is not there.
    """
    if text is None or text.strip().lower() == "all":
        return available
    names = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        known = lead_id(part)
        name = part if part in available else lead_name(known) if known is not None else part
        if name not in available:
            raise click.BadParameter(f"--leads: no lead {part!r}; there are {', '.join(available)}")
        names.append(name)
    if not names:
        raise click.BadParameter("--leads: no lead named")
    return tuple(names)
