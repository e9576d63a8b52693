# SPDX-License-Identifier: Apache-2.0
"""Style, types and who may know whom are held by tools, so that a review need not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy", "lint-imports"])
def test_tool_has_nothing_to_say(command: str) -> None:
    program, *arguments = command.split()
    if not (BIN / program).exists():
        pytest.skip(f"{program} is not installed beside this Python")
    done = subprocess.run([str(BIN / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_source_names_its_licence() -> None:
    missing = [
        str(path.relative_to(ROOT))
        for room in ("firmware", "host", "native", "tests", "tools", "hil_tests")
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in (".py", ".c", ".h") and "build" not in path.relative_to(ROOT).parts
        if "SPDX-License-Identifier: Apache-2.0" not in path.read_text(encoding="utf-8")[:200] and "_native" not in path.name
    ]
    assert not missing
