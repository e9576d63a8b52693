# SPDX-License-Identifier: Apache-2.0
"""octolead view."""

from __future__ import annotations

import click

from .output import common, key_option, note, print_json, say, session_argument, session_option


@click.command()
@click.argument("source")
@click.option("--http-port", type=click.IntRange(0, 65535), default=0, help="Port of the server. Default: a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@session_option
@key_option
@common
def view(source: str, http_port: int, no_browser: bool, session: str | None, key: bytes | None, as_json: bool) -> None:
    """Look at a recording in the browser, and put its beats right.

    Listens on this computer only; the address carries a token. Pyramid, analysis and changes are kept beside the recording.
    """
    from ..view.desk import Desk
    from ..view.run import Viewer

    desk = Desk(source, session_argument(session), key=key)
    if desk.recording.session_note:
        note(desk.recording.session_note)
    viewer = Viewer(desk, http_port)
    note(f"kept in {desk.folder}; end with Ctrl-C")
    viewer.run(browser=not no_browser, say=lambda address: print_json({"address": address}) if as_json else say(address))
