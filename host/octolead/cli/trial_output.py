# SPDX-License-Identifier: Apache-2.0
"""How the commands show a trial: as a table, as JSON, as a report."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..limits import Trial, as_html, as_markdown, as_text
from .output import EXIT_DAMAGED, note, print_json, say


def _as_json(trial: Trial) -> str:
    return json.dumps(trial.as_dict(), indent=2, ensure_ascii=False) + "\n"


_MAKERS = {".html": as_html, ".md": as_markdown, ".json": _as_json}

report_option = click.option(
    "--report", "reports", multiple=True, metavar="FILE", callback=lambda _, __, value: [_checked(Path(name)) for name in value],
    help="Write a report: .html, .md or .json; may be given several times.",
)  # fmt: skip


def _checked(path: Path) -> Path:
    """Refused before an hour of measuring, not after it."""
    if path.suffix not in _MAKERS:
        raise click.UsageError(f"--report {path}: a report is one of {', '.join(_MAKERS)}")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"--report {path}: there is no folder {path.absolute().parent}")
    return path


def show_trial(trial: Trial, reports: list[Path], *, as_json: bool) -> None:
    """Show it, write its reports, and end with the exit code that tells whether something failed."""
    for path in reports:
        path.write_text(_MAKERS[path.suffix](trial), encoding="utf-8")
        note(f"written: {path}")
    if as_json:
        print_json(trial.as_dict())
    else:
        say(as_text(trial, lambda words, colour: click.style(words, fg=colour)))
    if not trial.ok:
        click.get_current_context().exit(EXIT_DAMAGED)
