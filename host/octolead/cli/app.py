# SPDX-License-Identifier: Apache-2.0
"""The command `octolead` and what happens when something goes wrong."""

from __future__ import annotations

import os
import sys

import click

from .. import __version__
from ..errors import (
    CalibrationError,
    FlashError,
    ImportRefused,
    KeyStoreError,
    LinkError,
    OctoleadError,
    SignalRangeError,
    SimulatorError,
    SourceError,
    UnknownLeadError,
)
from . import commands
from .output import EXIT_INTERRUPTED, EXIT_REFUSED, EXIT_USAGE


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all is well, 1 data is missing or damaged, 2 wrong usage or unreadable source, 3 refused or failed.",
)
@click.version_option(__version__, prog_name="octolead")
def cli() -> None:
    """Recordings of the Octolead ECG recorder: card images, cards, segment files and .olr files."""


for command in commands.ALL:
    cli.add_command(command)


def main(args: list[str] | None = None) -> None:
    """Run the command line; never shows a traceback for what the user gave it."""
    try:
        code = cli.main(args=args, prog_name="octolead", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_USAGE
    except (OctoleadError, ValueError, OSError, ImportError, MemoryError) as error:
        code = _failed(error)
    sys.exit(code or 0)


def _failed(error: Exception) -> int:
    if os.environ.get("OCTOLEAD_TRACEBACK"):
        raise error
    words = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        words = f"a package is missing: {error.name}; install it with: pip install 'octolead[all]'"
    elif isinstance(error, OSError):
        words = f"{error.filename}: {error.strerror}" if error.filename else words
    elif isinstance(error, MemoryError):
        words = "not enough memory for this range; choose a shorter one"
    click.echo(f"{click.style('octolead:', fg='red')} {words}", err=True)
    if isinstance(error, (SourceError, SignalRangeError, UnknownLeadError)):
        return EXIT_USAGE
    if isinstance(error, (CalibrationError, FlashError, ImportRefused, KeyStoreError, LinkError, SimulatorError, OSError)):
        return EXIT_REFUSED
    return EXIT_USAGE
