# SPDX-License-Identifier: Apache-2.0
"""octolead recover."""

from __future__ import annotations

import click

from ..findings import Severity
from ..recover import Recovered, RecoveredSession
from ..recover import recover as recover_source
from ..verify import verify
from .output import EXIT_DAMAGED, EXIT_SOUND, Progress, common, heading, key_option, print_findings, print_json, say

_SHOWN = 12


@click.command()
@click.argument("source")
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False), help="The .olr file to write; never overwritten.")
@click.option("--each", is_flag=True, help="One file for each session, its id in the name.")
@key_option
@common
def recover(source: str, out: str, each: bool, key: bytes | None, as_json: bool) -> None:
    """Carve blocks out of a damaged image or dump, whatever its file system says.

    SOURCE is an image, a raw dump, a device or a damaged .olr file; it is only read. All sessions found are written, oldest first.
    Enciphered blocks stay so and need no key; with --key what was written is checked against its chain.
    Exit code 0: all that was found was placed; 1: something is damaged or missing; 2: there is nothing to recover; 3: OUT is there already.
    """
    with Progress("searching") as progress:
        found = recover_source(source, out, each=each, progress=progress.step)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    not_right = 0 if key is None else _check_chains(found, key)
    click.get_current_context().exit(found.exit_code or not_right)


def _check_chains(found: Recovered, key: bytes) -> int:
    """Tell on stderr what the chains of the files say; exit code 1 where they say that something is wrong."""
    told = [f for path in found.files for f in verify(path, decode=False, key=key).findings if f.kind.startswith("chain")]
    print_findings(told, err=True)
    return EXIT_DAMAGED if any(f.severity == Severity.ERROR for f in told) else EXIT_SOUND


def _print(found: Recovered) -> None:
    say(heading(found.source) + f"  ({found.n_bytes} bytes, {found.n_found} sound blocks)")
    for session in found.sessions:
        say(f"  session {session.session_id}: {', '.join(_words(session))}")
    _print_unplaced(found)
    for path in found.files:
        say(f"{path}: written; look at it with: octolead verify {path}")


def _words(s: RecoveredSession) -> list[str]:
    words = [f"blocks {s.first_block} to {s.last_block}, {s.n_blocks} written, {s.n_frames} frames"]
    if s.first_block:
        words.append(f"the {s.first_block} before are not there")
    if s.missing:
        n = sum(last - first + 1 for first, last in s.missing)
        words.append(click.style(f"{n} missing between", fg="red"))
    if s.checkpoints_used:
        words.append(f"{len(s.checkpoints_used)} only as a checkpoint")
    left = [(s.n_duplicates, "copies"), (s.n_checkpoints, "superseded checkpoints")]
    words += [f"{n} {what} left out" for n, what in left if n]
    if s.conflicts:
        words.append(click.style(f"{len(s.conflicts)} there twice and different", fg="red"))
    return [*words, "stopped in order" if s.stopped else "no clean end"]


def _print_unplaced(found: Recovered) -> None:
    if not found.n_unplaced:
        return
    total = sum(found.n_unplaced.values())
    kinds = ", ".join(f"{n} {kind}" for kind, n in found.n_unplaced.most_common())
    say(click.style(Severity.ERROR.name.lower(), fg="red") + f"  {total} place(s) begin like a block and were not used: {kinds}")
    for item in found.unplaced[:_SHOWN]:
        whose = f"; block {item.block_number} of session {item.session_id}, {item.n_frames} frames" if item.session_id else ""
        say(f"  bytes {item.offset} to {item.offset + item.length}: {item.message}{whose}")
    if total > _SHOWN:
        say(f"  and {total - _SHOWN} more (--json gives the first {len(found.unplaced)})")
