# SPDX-License-Identifier: Apache-2.0
"""Images of Espressif's chips: what they are for and whether they are whole; and writing one, by esptool in a process of its own.

esptool is under the GPL: it is called as a program and never imported here.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import FlashError

MAGIC = 0xE9
_HEADER_BYTES = 24
_CHIP_ID_AT = 12
CHIPS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2", 18: "ESP32-P4"}
"""By the chip id of an image's extended header (esptool, image format)."""
_CHECK_S, _WRITE_S = 60, 600
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s?%")


def chip_of(content: bytes, name: str) -> str:
    """What an image is for.

    Raises:
        FlashError: `download`: it is no image.
    """
    if len(content) < _HEADER_BYTES or content[0] != MAGIC:
        raise FlashError(
            "download", f"{name}: {len(content)} bytes that are no image of an Espressif chip: damaged, or another file; fetch it anew"
        )
    number = int.from_bytes(content[_CHIP_ID_AT : _CHIP_ID_AT + 2], "little")
    return CHIPS.get(number, f"chip {number}")


def check(content: bytes, name: str) -> None:
    """Let esptool read the image that a file begins with, and its checksum and hash.

    Raises:
        FlashError: `download`: damaged; `esptool`: there is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.bin"
        path.write_bytes(content)
        done = _run(["--chip", "esp32s3", "image-info", str(path)], _CHECK_S)
    wrong = [line.strip() for line in done.stdout.splitlines() if "invalid" in line.lower()]
    if done.returncode or wrong:
        raise FlashError("download", f"{name}: damaged ({(wrong or [_last(done.stdout)])[0]}); fetch it anew")


def write(content: bytes, port: str, progress: Callable[[int, int], None] | None = None) -> None:
    """Write an image to the beginning of a chip's flash; settings, which lie behind it, stay.

    Raises:
        FlashError: `no_bootloader`, `unplugged`, `esptool`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.bin"
        path.write_bytes(content)
        command = [*_program(), "--chip", "esp32s3", "--port", port, "--connect-attempts", "3", "write-flash", "0", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:  # noqa: S603
            said = _follow(process, progress)
            code = process.wait(_WRITE_S)
    if code:
        raise _told(port, said)


def _follow(process: subprocess.Popen[str], progress: Callable[[int, int], None] | None) -> str:
    said = ""
    for line in process.stdout or ():
        said += line
        share = _PERCENT.search(line)
        if share and progress:
            progress(round(float(share[1])), 100)
    return said


def _told(port: str, said: str) -> FlashError:
    last = _last(said)
    if "ailed to connect" in said or "No serial data" in said:
        words = "no loader answers: hold BOOT while plugging the board in (or press RESET meanwhile), and call this again"
        return FlashError("no_bootloader", f"{port}: {words} ({last})")
    if "Could not open" in said or "could not open" in said:
        return FlashError("no_board", f"{port}: cannot be opened: plugged in, free, and may you use it? ({last})")
    return FlashError(
        "unplugged", f"{port}: the image was not written whole ({last}): plug the board in with BOOT held, and call this again"
    )


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "esptool said nothing"


def _program() -> list[str]:
    if importlib.util.find_spec("esptool") is None:
        raise FlashError("esptool", "esptool is needed for the ESP32-S3: pip install 'octolead[esp]'")
    return [sys.executable, "-m", "esptool"]


def _run(arguments: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - esptool, paths of our own
            [*_program(), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise FlashError("esptool", f"esptool did not end within {timeout_s:g} s") from error
