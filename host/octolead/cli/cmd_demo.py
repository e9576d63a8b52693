# SPDX-License-Identifier: Apache-2.0
"""octolead demo."""

from __future__ import annotations

import click

from ..demo import run_demo
from .output import EXIT_DAMAGED, EXIT_SOUND, Progress, common, heading, note, print_json, rows, say, seconds


@click.command()
@click.option(
    "--input",
    "record",
    metavar="RECORD",
    help="A WFDB record or DICOM waveform to play. Default: the one pydicom ships.",
)
@click.option(
    "--seconds",
    "length_s",
    type=click.FloatRange(1, 360_000),
    default=60.0,
    show_default=True,
    help="How long; the record is looped.",
)
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False), help="Folder for what comes out.")
@common
def demo(record: str | None, length_s: float, out: str, as_json: bool) -> None:
    """Play a real ECG into the simulated recorder and read every sample back."""
    with Progress() as progress:
        result = run_demo(out, record=record, seconds=length_s, progress=progress.step)
    s = result.summary
    if as_json:
        print_json(s)
    else:
        for message in result.messages:
            note(message)
        say(heading(f"{s['record']}, {seconds(s['seconds'])} at {s['rate_hz']:g} samples/s, step {s['step_uv']:.3g} µV"))
        good = "green" if s["frames_different"] == 0 else "red"
        rows(
            [
                ("frames played", str(s["frames_played"])),
                ("frames recorded", str(s["frames_recorded"])),
                ("frames different", click.style(str(s["frames_different"]), fg=good)),
                ("bits per sample", f"{s['bits_per_sample']:.3f}"),
                ("size per 24 h", f"{s['mb_per_24h']:.1f} MB"),
                *((f"{m['origin']} mark", f"frame {m['frame']} ({seconds(m['time_s'])})") for m in s["marks"]),
                ("gaps", str(len(s["gaps"])) if s["gaps"] else ""),
            ]
        )
        say("Look at:")
        rows(
            [
                (str(result.out / "strip.png"), "ten seconds around the mark"),
                (str(result.out / "card.img"), "the recorder's card, FAT32"),
                (str(result.out / "recording.olr"), "the same blocks as a file"),
                (str(result.out / "summary.json"), "these figures"),
            ]
        )
        say(f"Go on with: octolead info {result.out / 'card.img'}")
    click.get_current_context().exit(EXIT_SOUND if result.is_exact else EXIT_DAMAGED)
