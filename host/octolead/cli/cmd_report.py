# SPDX-License-Identifier: Apache-2.0
"""octolead report."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from .output import EXIT_SOUND, Progress, common, damaged, key_option, note, print_json, say, session_argument, session_option


@click.command()
@click.argument("source")
@click.option("-o", "--out", default="report.pdf", show_default=True, type=click.Path(), help="The report, .pdf or .html.")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="Size of the pages.")
@click.option("--name", default="", help="Name of the person; what is not given is a blank line.")
@click.option("--id", "identifier", default="", help="Identifier, such as a case number.")
@click.option("--birth", default="", metavar="YYYY-MM-DD", help="Date of birth.")
@click.option("--sex", default="", help="Sex.")
@click.option("--physician", default="", help="Who asked for it, or reads it.")
@click.option("--institution", default="", help="At the head of the first page.")
@click.option("--indication", default="", help="Why it was recorded.")
@click.option("--medication", default="", help="What was taken meanwhile.")
@click.option("--tz", "zone", default="UTC", show_default=True, metavar="ZONE", help="Zone of the times of day, such as Europe/Berlin.")
@click.option(
    "--marks",
    "max_marks",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="How many marks get their strips (three pages each).",
)
@click.option(
    "--disclosure",
    default="auto",
    show_default=True,
    metavar="HOURS",
    help="Hours in full, a page each: 0,3-5, all, none, or auto: the one with most ectopic beats.",
)
@click.option("--disclosure-lead", default="", metavar="LEAD", help="Lead of these pages. Default: II, or the nearest there is.")
@click.option("--unfiltered", is_flag=True, help="Do not take the baseline below 0.5 Hz off the strips.")
@click.option(
    "--font",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TrueType font for letters that are not Latin, Greek, Cyrillic or Hebrew (PDF).",
)
@session_option
@key_option
@common
def report(
    source: str, out: str, paper: str, name: str, identifier: str, birth: str, sex: str, physician: str, institution: str, indication: str,
    medication: str, zone: str, max_marks: int, disclosure: str, disclosure_lead: str, unfiltered: bool, font: Path | None,
    session: str | None, key: bytes | None, as_json: bool,
) -> None:  # fmt: skip
    """Write a report that a physician can read: measurements, trends, strips at true scale.

    SOURCE is whatever `info` reads, a WFDB record or a DICOM waveform. It is analysed first, as by `analyze`. Measurements, no diagnosis.
    """
    from ..report import Choices, Identity, open_report_source, write_report
    from ..report.report import check_out, made_at

    check_out(Path(out))
    made_at()
    who = Identity(name, identifier, birth, sex, physician, institution, indication, medication)
    choices = Choices(paper, max_marks, disclosure, disclosure_lead, not unfiltered)
    with Progress("analysing") as progress:
        opened = open_report_source(
            source, session=session_argument(session), key=key, zone=_zone(zone), progress=lambda a, b: progress.step("analysing", a, b)
        )
        with opened.signal:
            written = write_report(
                opened, out, identity=who, choices=choices, font=font, progress=lambda a, b: progress.step("drawing", a, b)
            )
            code = damaged(opened.recording) if opened.recording else EXIT_SOUND
    if as_json:
        print_json({**vars(written), "missing_letters": list(written.missing_letters)})
    else:
        say(f"{written.path}: {written.n_pages} pages, {written.n_bytes / 1e6:.2f} MB")
        for words in written.left_out:
            note(f"left out: {words}")
        if written.missing_letters:
            note(f"no font here has {' '.join(written.missing_letters)}: drawn as boxes; name a font with --font, or write .html")
    click.get_current_context().exit(code)


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"--tz: no time zone {name!r}; names are such as Europe/Berlin or UTC") from None
