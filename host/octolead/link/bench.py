# SPDX-License-Identifier: Apache-2.0
"""The simulated recorder on a cable: the firmware's own link in a process of its own, behind a pseudo-terminal that pyserial opens.

A pump between the terminal and the simulator stands for the cable: it can be pulled, and pulled by itself after so many bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SimulatorError
from ..simulator import HEAP, find_firmware, find_micropython

_CHUNK = 4096
_PLUG_S = 10.0
_END_S = 30.0


class Cable:
    """A pseudo-terminal whose other end is the simulator.

    Attributes:
        port: what to open.
    """

    def __init__(self, connection: socket.socket, cut_after: int | None, bytes_per_s: int | None) -> None:
        import tty

        self._connection = connection
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        self._left = cut_after
        self._bytes_per_s = bytes_per_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._pump, name="octolead-cable", daemon=True)
        self._thread.start()

    def _pump(self) -> None:
        try:
            wire = self._connection.fileno()
            while not self._over.is_set():
                ready, _, _ = select.select([self._master, wire], [], [], 0.05)
                if self._master in ready:
                    self._connection.sendall(os.read(self._master, _CHUNK))
                if wire in ready and not self._carry():
                    break
        except OSError:
            pass
        finally:
            self._close()

    def _carry(self) -> bool:
        """What the recorder sends; False at the end, or where the cable is cut."""
        data = self._connection.recv(_CHUNK)
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if self._bytes_per_s:
            time.sleep(len(data) / self._bytes_per_s)
        while data and not self._over.is_set():
            _, writable, _ = select.select([], [self._master], [], 0.05)
            if writable:
                data = data[os.write(self._master, data[:1024]) :]
        return not data and self._left != 0 and self._is_open()

    def _is_open(self) -> bool:
        ready, _, _ = select.select([self._connection], [], [], 0)
        return not ready or bool(self._connection.recv(1, socket.MSG_PEEK))

    def _close(self) -> None:
        self._over.set()
        self._connection.close()
        for handle in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(handle)

    def pull(self) -> None:
        """Pull the cable."""
        self._over.set()
        self._thread.join(_PLUG_S)


class SimulatorBench:
    """A simulated recorder that runs until the end of the `with`. `config` as in firmware/README.md, without `link_port`.

    Attributes:
        hand: its `bench_file`, None where it has none.

    Raises:
        SimulatorError: it could not be started.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="octolead-sim-")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(_PLUG_S)
        self._cable: Cable | None = None
        self.lines: list[dict[str, Any]] = []
        self.hand = Path(config["bench_file"]) if config.get("bench_file") else None
        path = Path(self._folder.name) / "config.json"
        whole = {"clock": "real", "watchdog_ms": 0, **config, "link_port": self._listener.getsockname()[1]}
        path.write_text(json.dumps(whole), encoding="utf-8")
        path.chmod(0o600)  # the key stands in it
        self._errors = (Path(self._folder.name) / "stderr").open("w+b")
        program = [str(find_micropython()), "-X", f"heapsize={HEAP}", str(find_firmware() / "boards" / "sim" / "main.py"), str(path)]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=self._errors, text=True)  # noqa: S603 - our own firmware
        self._reader = threading.Thread(target=self._read, name="octolead-sim", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))

    def plug(self, *, cut_after: int | None = None, bytes_per_s: int | None = None) -> str:
        """Plug the cable in, and return the port to open; the one before is pulled.

        Args:
            cut_after: bytes of the recorder after which the cable is pulled.
            bytes_per_s: what the cable carries towards the host.
        """
        self.pull()
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            raise SimulatorError(f"the simulated recorder does not come to the cable: {self._said()}") from error
        self._cable = Cable(connection, cut_after, bytes_per_s)
        return self._cable.port

    def pull(self) -> None:
        """Pull the cable, if it is plugged in."""
        if self._cable is not None:
            self._cable.pull()
            self._cable = None

    def _said(self) -> str:
        self._errors.seek(0)
        words = [str(line.get("message", line)) for line in self.lines[-3:]] + self._errors.read().decode("utf-8", "replace").splitlines()[
            -8:
        ]
        return "; ".join(words) or "it said nothing"

    def end(self) -> dict[str, Any]:
        """Let the recorder see that nobody is there any more; return the status it ended with.

        Raises:
            SimulatorError: it did not end as it should.
        """
        self.pull()
        self._listener.close()
        try:
            code = self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            code = -1
        self._reader.join(5)
        last = self.lines[-1] if self.lines else {}
        if code or last.get("event") != "done":
            raise SimulatorError(f"the simulated recorder ended with code {code}: {self._said()}", returncode=code)
        return dict(last["status"])

    def close(self) -> None:
        """Kill what is left."""
        self.pull()
        self._listener.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self) -> SimulatorBench:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
