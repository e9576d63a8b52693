# SPDX-License-Identifier: Apache-2.0
"""A virtual board: MicroPython's own raw prompt on a pty, over an image of a board's flash. It starts anew as a board does.

The port has the pace of a serial line where `baud` says so. Power goes after so many writes to the flash (`cut`), in the
middle of one where `torn` bytes of it still arrive; then the port is gone, as that of a board that was unplugged.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
import time
import tty
from pathlib import Path

from ..simulator import find_firmware, find_micropython

N_BLOCKS = 212
"""Of 4096 bytes: 848 KiB, the file system of a stock Pico 2 W (from memory, verify)."""
_POWER_CUT = -9
_SCRIPT = Path("boards") / "sim" / "virtual_flash.py"


class VirtualBoard:
    """Use as a context manager; `port` is the name to open."""

    def __init__(
        self,
        image: Path,
        *,
        held: bool = False,
        cut: int = 0,
        torn: int = 0,
        log: Path | None = None,
        baud: int = 0,
        n_blocks: int = N_BLOCKS,
        unique_id: bytes = bytes(range(1, 9)),
        serves: bool = False,
        rots: int = 0,
    ) -> None:
        """`serves`: a release that runs gives no prompt unless the button is `held`; `rots`: from this write on, bits are lost."""
        image.touch()
        script = find_firmware() / _SCRIPT
        settings = [str(image.resolve()), str(n_blocks), "1" if held else "0", str(cut), str(torn), str(log or "-")]
        settings += [unique_id.hex(), "1" if serves else "0", str(rots)]
        self._command = [str(find_micropython()), "-X", "heapsize=8m", "-i", str(script), *settings]
        self._baud = baud
        self.starts = 0
        self.said = b""
        """Everything that the board ever sent."""

    def __enter__(self) -> VirtualBoard:
        self._host, outside = pty.openpty()
        tty.setraw(outside)
        self.port = os.ttyname(outside)
        self._outside = outside
        self._over = threading.Event()
        self.powered = True
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=5)
        for end in (self._outside, self._host):
            if end >= 0:
                os.close(end)

    def wait_cut(self, timeout_s: float = 10) -> bool:
        """Wait until power is gone; False when it is not."""
        self._thread.join(timeout_s)
        return not self.powered

    def _live(self) -> None:
        while not self._over.is_set() and self.powered:
            self._boot()
        if not self.powered:  # the port vanishes
            os.close(self._host)
            self._host = -1

    def _boot(self) -> None:
        """One run of MicroPython, from power-up to reset."""
        inside, end = pty.openpty()
        tty.setraw(end)
        process = subprocess.Popen(self._command, stdin=end, stdout=end, stderr=end)  # noqa: S603 (paths of our own)
        os.close(end)
        self.starts += 1
        try:
            while not self._over.is_set() and self._pass(inside):
                pass
            process.kill() if self._over.is_set() else process.wait(timeout=5)
            self.powered = process.wait() != _POWER_CUT or self._over.is_set()
        finally:
            os.close(inside)

    def _pass(self, inside: int) -> bool:
        """Hand bytes on, both ways; False when MicroPython has ended."""
        ready, _, _ = select.select([inside, self._host], [], [], 0.1)
        for source, target in ((inside, self._host), (self._host, inside)):
            if source in ready:
                try:
                    data = os.read(source, 256)
                except OSError:
                    return False
                if source == inside:
                    self.said += data
                if self._baud:
                    time.sleep(len(data) * 10 / self._baud)
                os.write(target, data)
        return True
