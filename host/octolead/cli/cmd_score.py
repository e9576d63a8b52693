# SPDX-License-Identifier: Apache-2.0
"""octolead score."""

from __future__ import annotations

from dataclasses import replace

import click

from ..score.compare import as_dict as as_table
from ..score.compare import lines as table_lines
from ..score.detectors import DETECTORS
from ..score.report import as_dict, lines
from ..score.run import REFERENCE, WHAT, Options
from ..score.run import score as score_databases
from .output import EXIT_DAMAGED, EXIT_SOUND, Progress, common, note, print_json, say


@click.command()
@click.argument("db", nargs=-1, required=True)
@click.option(
    "--detector",
    "detectors",
    type=click.Choice((*DETECTORS, REFERENCE)),
    multiple=True,
    default=("octolead",),
    show_default="octolead",
    help="What finds the beats. Given several times: one table of all.",
)
@click.option("--annotator", metavar="EXT", help="Score the annotations in RECORD.EXT instead of a detector.")
@click.option("--reference", metavar="EXT", default="atr", show_default=True, help="Reference of beats and rhythms.")
@click.option("--what", type=click.Choice(("all", *WHAT)), default="all", show_default=True, help="What to score.")
@click.option("--leads", metavar="WHICH", default="0", show_default=True, help="Leads for the detector: all, numbers from 0, or names.")
@click.option("--records", metavar="NAMES", help="Comma-separated. Default: all that have annotations.")
@click.option("--escapes", type=click.Choice(("N", "S")), default="N", show_default=True, help="AAMI class of escape beats (e j n).")
@click.option("--without-paced", is_flag=True, help="Leave records with paced beats out of the sums of VEB and SVEB.")
@common
def score(
    db: tuple[str, ...],
    detectors: tuple[str, ...],
    annotator: str | None,
    reference: str,
    what: str,
    leads: str,
    records: str | None,
    escapes: str,
    without_paced: bool,
    as_json: bool,
) -> None:
    """Score a detector on annotated WFDB records, after ANSI/AAMI EC57.

    DB is a folder of records, or one record. Scored is what there are references for: beats, waves (LUDB, QTDB), atrial fibrillation.
    Records without samples are scored for atrial fibrillation from their reference beats. Exit code 1: some records could not be scored.
    Several --detector give one table a database, with the noise ladder where there is one; --json has each in full besides.
    """
    options = Options(
        detector=detectors[0],
        annotator=annotator,
        reference=reference,
        what=WHAT if what == "all" else (what,),
        leads=leads,
        escapes_as=escapes,
        without_paced=without_paced,
        records=tuple(n.strip() for n in records.split(",")) if records else (),
    )
    several = list(dict.fromkeys(detectors)) if annotator is None else detectors[:1]
    with Progress("scoring") as progress:
        runs = [score_databases(db, replace(options, detector=name), progress) for name in several]
    results = [result for of_database in zip(*runs, strict=True) for result in of_database]
    if as_json:
        print_json(
            {"databases": [as_dict(r) for r in results]} | ({"tables": [as_table(r) for r in zip(*runs, strict=True)]} if runs[1:] else {})
        )
    else:
        said = [table_lines(of_database) for of_database in zip(*runs, strict=True)] if runs[1:] else [lines(r) for r in results]
        for k, table in enumerate(said):
            for line in [""] * (k > 0) + table:
                say(line)
    for result in results:
        for problem in result.problems:
            note(f"{result.options.detector}: {problem}" if runs[1:] else problem)
    click.get_current_context().exit(EXIT_DAMAGED if any(r.problems for r in results) else EXIT_SOUND)
