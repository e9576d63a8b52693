# SPDX-License-Identifier: Apache-2.0
"""Run the viewer until Ctrl-C."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from typing import Any

import uvicorn

from .desk import Desk
from .server import HOST, make_app


class Viewer:
    """A server over a desk. `address` carries the token: whoever has it may look and change.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, desk: Desk, port: int = 0, live: Any = None) -> None:
        self._desk, self._live = desk, live
        self._socket = socket.create_server((HOST, port))
        # Those it accepts have it from here: else each answer's second packet waits 40 ms for the first one's receipt.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        app, token = make_app(desk, self.port, live=live)
        self.address = f"http://{HOST}:{self.port}/?token={token}"
        config = uvicorn.Config(
            app, log_level="error", access_log=False, server_header=False, date_header=False, lifespan="off", timeout_graceful_shutdown=2
        )
        self.server = uvicorn.Server(config)

    def run(self, *, browser: bool, say: Callable[[str], None]) -> None:
        """Serve until it is interrupted or `server.should_exit` is set."""
        if self._live:
            self._live.begin()
        self._desk.begin()
        say(self.address)
        if browser:
            webbrowser.open(self.address)
        try:
            self.server.run(sockets=[self._socket])
        finally:
            if self._live:
                self._live.end()
            self._desk.close()
