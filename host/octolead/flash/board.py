# SPDX-License-Identifier: Apache-2.0
"""A board behind MicroPython's raw prompt, through mpremote's own transport. The only file that knows mpremote."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import FlashError
from .release import ARCHITECTURES, MPY_VERSION

_CHUNK = 1536
_READ_S = 10
_REOPEN_S = 20
_IDENTIFY = "import sys;i=sys.implementation;print(repr((sys.platform,i[1][:3],getattr(i,'_mpy',0),getattr(i,'_machine',''))))"


@dataclass(frozen=True)
class Identity:
    """What answers at the prompt."""

    platform: str
    version: tuple[int, ...]
    mpy: int
    machine: str

    @property
    def mpy_version(self) -> int:
        """The version of compiled files it takes."""
        return self.mpy & 0xFF

    @property
    def architecture(self) -> str:
        """The processor whose native code it takes."""
        index = self.mpy >> 10
        return ARCHITECTURES[index] if index < len(ARCHITECTURES) else f"unknown {index}"

    def __str__(self) -> str:
        return f"MicroPython {'.'.join(map(str, self.version))} on {self.machine}"


class Board:
    """One board on a serial port. Use as a context manager; every failure is a FlashError that names the port."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._transport: Any = None

    def __enter__(self) -> Board:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Get to the raw prompt.

        Raises:
            FlashError: `no_board`, `in_use`.
        """
        from mpremote import transport_serial
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport

        transport_serial.print = _say_nothing  # it prints what it did not understand
        try:
            self._transport = SerialTransport(self.port, timeout=_READ_S)
        except (TransportError, OSError) as error:
            raise FlashError("no_board", f"{self.port}: cannot be opened ({error}): plugged in, free, and may you use it?") from error
        try:
            self._transport.enter_raw_repl(soft_reset=False, timeout_overall=_READ_S)
        except OSError as error:
            self.close()
            raise self._gone(error) from error
        except TransportError as error:
            self.close()
            raise FlashError(
                "in_use",
                f"{self.port}: no prompt of MicroPython. A recorder that runs does not give it: hold the button while plugging in. "
                "A bare board needs MicroPython first: octolead flash --micropython FILE.",
            ) from error

    def close(self) -> None:
        """Leave the port."""
        if self._transport is not None:
            with contextlib.suppress(Exception):
                self._transport.close()
            self._transport = None

    def run(self, code: str) -> str:
        """Run code on the board; return what it printed.

        Raises:
            FlashError: `unplugged` when the board does not answer any more, `full`, `damaged` for errors of its file system.
        """
        with self._told():
            return str(self._transport.exec(code).decode())

    def _gone(self, error: Exception) -> FlashError:
        return FlashError("unplugged", f"{self.port}: the board answers no more ({error}): plug it in and call this again")

    @contextlib.contextmanager
    def _told(self, path: str = "") -> Iterator[None]:
        """`path`: of a file that mpremote looks at, which hands on the board's own errors as ours, with the path in them."""
        from mpremote.transport import TransportError, TransportExecError

        try:
            yield
        except TransportExecError as error:
            last = error.error_output.strip().splitlines()[-1]
            if "ENOSPC" in last or last.endswith(" 28"):
                raise FlashError("full", f"{self.port}: its flash is full: remove files of your own from it") from error
            raise FlashError("damaged", f"{self.port}: the board says: {last}") from error
        except (TransportError, OSError) as error:
            if path and path in str(error):
                raise FlashError("damaged", f"{self.port}: the board cannot read {path} any more ({error}): call this again") from error
            raise self._gone(error) from error

    def identify(self) -> Identity:
        """Ask who answers."""
        import ast

        platform, version, mpy, machine = ast.literal_eval(self.run(_IDENTIFY))
        return Identity(platform, tuple(version), mpy, machine)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        if not self.exists(path):
            return None
        with self._told(path):
            return bytes(self._transport.fs_readfile(path, chunk_size=_CHUNK))

    def exists(self, path: str) -> bool:
        """Is there such a file or folder?"""
        with self._told():
            return bool(self._transport.fs_exists(path))

    def folder(self, path: str) -> None:
        """Make a folder and those above it, where they are not there."""
        parts = path.strip("/").split("/")
        for n in range(1, len(parts) + 1):
            above = "/" + "/".join(parts[:n])
            if not self.exists(above):
                self.run(f"import os;os.mkdir({above!r})")

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all in it, if it is there."""
        self.run(
            "import os\n"
            "def r(p):\n"
            " for e in list(os.ilistdir(p)):\n"
            "  q=p+'/'+e[0]\n"
            "  if e[1]==0x4000:\n   r(q)\n"
            "  else:\n   os.remove(q)\n"
            " os.rmdir(p)\n"
            f"try:\n os.stat({path!r})\nexcept OSError:\n pass\nelse:\n r({path!r})"
        )

    def write(self, path: str, data: bytes, progress: Callable[[int], None] | None = None) -> None:
        """Write a file; `progress` is told the bytes of each piece."""
        self.run(f"from binascii import a2b_base64 as d\nf=open({path!r},'wb')\nw=f.write")
        for at in range(0, len(data), _CHUNK):
            piece = data[at : at + _CHUNK]
            self.run(f"w(d({base64.b64encode(piece)!r}))")
            if progress:
                progress(len(piece))
        self.run("f.close()")

    def digest(self, path: str) -> bytes:
        """SHA-256 of a file, read back and computed on the board."""
        with self._told(path):
            return bytes(self._transport.fs_hashfile(path, "sha256", chunk_size=1024))

    def rename(self, old: str, new: str) -> None:
        """Put a file in another's place, as one step."""
        self.run(f"import os;os.rename({old!r},{new!r})")

    def free_bytes(self) -> int:
        """Bytes free in its file system."""
        return int(self.run("import os;s=os.statvfs('/');print(s[1]*s[3])"))

    def restart(self) -> None:
        """Start the board anew; it leaves the port."""
        with contextlib.suppress(Exception):
            self._transport.exec_raw_no_follow("import machine;machine.reset()")
        time.sleep(0.2)
        self.close()

    def reopen(self) -> None:
        """Get to the prompt again after a restart. Raises FlashError after REOPEN_S seconds."""
        until = time.monotonic() + _REOPEN_S
        while True:
            try:
                self.open()
            except FlashError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return


def check_suits(found: Identity, kind: Any, board: str) -> None:
    """Raise FlashError where a release for `board` would not run on what was found."""
    if found.platform != kind.platform or kind.chip.lower() not in found.machine.lower():
        raise FlashError("wrong_board", f"the release is for {board} ({kind.platform}, {kind.chip}), at the port is {found}")
    if found.version < (1, 29):
        raise FlashError("wrong_micropython", f"{found}: 1.29 or newer is needed: octolead flash --micropython FILE")
    if found.mpy_version != MPY_VERSION or found.architecture != kind.architecture:
        raise FlashError(
            "wrong_micropython",
            f"{found} takes .mpy version {found.mpy_version} for {found.architecture or 'no native code'}, "
            f"the release has version {MPY_VERSION} for {kind.architecture}",
        )


def _say_nothing(*_: object) -> None:
    """Stands for `print`."""
