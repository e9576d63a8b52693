# SPDX-License-Identifier: Apache-2.0
"""What the commands share: options, colour, progress, findings and JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import click

from ..findings import Finding, Severity
from ..recording import Recording
from .key_options import with_kept_keys

EXIT_SOUND, EXIT_DAMAGED, EXIT_USAGE, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_BAR_AFTER_S, _BAR_EVERY_S, _LINE_EVERY_S = 0.7, 0.1, 5.0
_MAX_SHOWN = 20
F = TypeVar("F", bound=Callable[..., Any])


def common(function: F) -> F:
    """The options every command has: --json, --no-color."""

    @click.option("--json", "as_json", is_flag=True, help="Write one JSON object, for programs.")
    @click.option("--no-color", is_flag=True, help="No colour (so does the variable NO_COLOR).")
    @wraps(function)
    def wrapped(*args: Any, no_color: bool, **kwargs: Any) -> Any:
        if no_color or os.environ.get("NO_COLOR"):
            click.get_current_context().color = False
        return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def session_option(function: F) -> F:
    """--session, for commands that read one session."""
    return click.option("--session", metavar="N|ID", help="Which session: its number, or the beginning of its id. Default: the latest.")(
        function
    )


def key_option(function: F) -> F:
    """--key, for commands that open recordings: `key` is the recorder's key, None if not given.

    An enciphered recording is tried again with the keys that are kept here of its recorder.
    """

    @click.option(
        "--key",
        "key_file",
        metavar="FILE",
        help="The recorder's key: opens an enciphered recording, checks its chain. Default: what `octolead keys` keeps of it.",
    )
    @wraps(function)
    def wrapped(*args: Any, key_file: str | None, **kwargs: Any) -> Any:
        if key_file is None:
            return with_kept_keys(lambda key: function(*args, key=key, **kwargs))
        from ..link.crypto import read_key

        return function(*args, key=read_key(key_file), **kwargs)

    return wrapped  # type: ignore[return-value]


def session_argument(text: str | None) -> str | int | None:
    """--session as `octolead.open` takes it."""
    return text


def say(text: str = "") -> None:
    """A line for people, on stdout."""
    click.echo(text)


def note(text: str) -> None:
    """A remark beside the result, on stderr."""
    click.echo(click.style(text, dim=True), err=True)


def heading(text: str) -> str:
    """Bold."""
    return click.style(text, bold=True)


def rows(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"  {click.style(name.ljust(width), dim=True)}  {value}")


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_findings(findings: Iterable[Finding], *, err: bool = False, least: Severity = Severity.INFO) -> None:
    """Findings, one a line, worst first; a long list is cut and says so."""
    kept = sorted((f for f in findings if f.severity >= least), key=lambda f: -f.severity)
    for finding in kept[:_MAX_SHOWN]:
        name = click.style(finding.severity.name.lower().rjust(7), fg=_COLOURS[finding.severity])
        place = finding.place()
        click.echo(f"{name}  {f'{place}: ' if place else ''}{finding.message}", err=err)
    if len(kept) > _MAX_SHOWN:
        click.echo(f"         and {len(kept) - _MAX_SHOWN} more (--json gives all)", err=err)


def damaged(recording: Recording) -> int:
    """Exit code for what is known of a recording by now, after saying what is wrong with it on stderr."""
    problems = recording.problems
    if problems.worst < Severity.ERROR:
        return EXIT_SOUND
    print_findings(problems, err=True, least=Severity.WARNING)
    return EXIT_DAMAGED


def seconds(value: float) -> str:
    """A duration, as people say it."""
    if value < 60:
        return f"{value:.3f} s".replace(".000 s", " s")
    hours, rest = divmod(value, 3600)
    minutes, secs = divmod(rest, 60)
    return (f"{int(hours)} h " if hours else "") + f"{int(minutes)} min {secs:.1f} s"


class Progress:
    """A bar on stderr for what takes longer than a second; where stderr is no terminal, a line now and then."""

    def __init__(self, label: str = "") -> None:
        self._label, self._began, self._told = label, time.monotonic(), 0.0
        self._shown = False

    def __call__(self, done: int, of: int) -> None:
        """`done` of `of`."""
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if of <= 0 or now - self._began < _BAR_AFTER_S:
            return
        if now - self._told < (_BAR_EVERY_S if terminal else _LINE_EVERY_S) and not (terminal and done >= of):
            return
        self._told = now
        part = min(1.0, done / of)
        if terminal:
            bar = "█" * round(30 * part)
            click.echo(f"\r{self._label:<12} {bar:<30} {100 * part:3.0f} %", err=True, nl=False)
            self._shown = True
        else:
            click.echo(f"{self._label} {100 * part:.0f} %", err=True)

    def step(self, label: str, done: int, of: int) -> None:
        """The same, for work of several named steps."""
        if label != self._label:
            self.close()
            self._label, self._began, self._told = label, time.monotonic(), 0.0
        self(done, of)

    def close(self) -> None:
        """End the bar's line."""
        if self._shown:
            click.echo(err=True)
            self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
