# SPDX-License-Identifier: Apache-2.0
"""octolead plot."""

from __future__ import annotations

import click

from ..recording import open as open_recording
from ..strip import SUFFIXES, draw_strip, row_order
from .output import common, damaged, key_option, note, print_json, say, seconds, session_option
from .ranges import frame_of, leads_of


@click.command()
@click.argument("source")
@click.option("--out", default="strip.png", show_default=True, type=click.Path(dir_okay=False), help="The picture, .png, .svg or .pdf.")
@click.option(
    "--at",
    metavar="PLACE",
    help="The middle of the strip: mark1, a time (90s, 0:02:30) or a frame. Default: the first mark, else the beginning.",
)
@click.option(
    "--seconds",
    "length_s",
    type=click.FloatRange(0.2, 120),
    default=10.0,
    show_default=True,
    help="Length of the strip.",
)
@click.option("--leads", metavar="NAMES", help="Comma-separated. Default: all, the derived ones too.")
@session_option
@key_option
@common
def plot(
    source: str, out: str, at: str | None, length_s: float, leads: str | None, session: str | None, key: bytes | None, as_json: bool
) -> None:
    """Draw a strip on ECG paper: 25 mm/s, 10 mm/mV."""
    if not out.lower().endswith(SUFFIXES):
        raise click.BadParameter(f"--out: {out}: a strip is a {', '.join(SUFFIXES)} file")
    with open_recording(source, session=session, key=key) as recording:
        names = leads_of(leads, tuple(row_order(recording.leads)))
        length = min(max(1, round(length_s * recording.fs_hz)), recording.n_frames)
        marks = recording.marks
        centre = frame_of(at, recording, "--at") if at is not None else marks[0].frame if marks else recording.first_frame + length // 2
        if not 0 <= centre <= recording.n_frames:
            raise click.BadParameter(
                f"--at: frame {centre}: the recording has frames 0 to {recording.n_frames} ({recording.duration_s:.3f} s)"
            )
        start = max(0, min(centre - length // 2, recording.n_frames - length))
        if recording.session_note:
            note(recording.session_note)
        draw_strip(recording, out, start_frame=start, stop_frame=start + length, leads=names)
        if as_json:
            print_json({"out": out, "start_frame": start, "stop_frame": start + length, "leads": names})
        else:
            say(f"{out}: {seconds(length / recording.fs_hz)} from {seconds(start / recording.fs_hz)}, {len(names)} leads")
        click.get_current_context().exit(damaged(recording))
