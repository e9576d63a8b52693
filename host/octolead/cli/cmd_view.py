# SPDX-License-Identifier: Apache-2.0
"""octolead view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .link_options import Target, link_options_if_wanted
from .output import Progress, common, note, print_json, say, session_argument, session_option

_FIRST_BLOCK_S = 40.0


@click.command()
@click.argument("source", required=False)
@click.option("--http-port", type=click.IntRange(0, 65535), default=0, help="Port of the server. Default: a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--out", default="recordings", show_default=True, type=click.Path(file_okay=False), help="Live: folder of the archive.")
@session_option
@link_options_if_wanted
@common
def view(
    source: str | None,
    http_port: int,
    no_browser: bool,
    out: str,
    session: str | None,
    key: bytes | None,
    target: Target | None,
    as_json: bool,
) -> None:
    """Look at a recording in the browser, and put its beats right.

    SOURCE is whatever `info` reads, a WFDB record or a DICOM waveform; or, with --port, --ble or --sim, a recorder that records now:
    its blocks come home as by `sync`. Listens on this computer only; the address carries a token. Pyramid, analysis and changes are
    kept beside the recording; of another maker's record, in your own folder.
    """
    from ..foreign import is_foreign
    from ..view.desk import Desk
    from ..view.run import Viewer

    if (source is None) == (target is None):
        raise click.UsageError("say what to look at: a SOURCE, or a recorder by --port, --ble or --sim")
    live: Any = None
    if target is not None:
        from ..view.live import Live

        live = Live(target.connect, Path(out), start_if_idle=target.is_simulated)
        note("waiting for the first block")
        source = str(_first_block(live))
    name = ""
    if target is None and is_foreign(str(source)):
        source, name = _brought_in(str(source))
    desk = Desk(str(source), session_argument(session), key=key, name=name)
    if live:
        live.attach(desk)
    if desk.recording.session_note:
        note(desk.recording.session_note)
    viewer = Viewer(desk, http_port, live)
    note(f"kept in {desk.folder}; end with Ctrl-C")
    viewer.run(browser=not no_browser, say=lambda address: print_json({"address": address}) if as_json else say(address))


def _brought_in(source: str) -> tuple[str, str]:
    """Another maker's record as a file of ours, and its name."""
    from ..foreign import bring_in

    with Progress("reading") as progress:
        brought = bring_in(source, progress)
    for message in brought.messages:
        note(message)
    return str(brought.path), brought.name


def _first_block(live: Any) -> Path:
    try:
        path: Path = live.wait_for_file(_FIRST_BLOCK_S)
    except BaseException:
        live.end()
        raise
    return path
