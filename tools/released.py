# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: written once, checked ever after."""

import sys
from pathlib import Path


def write_or_check(folder: Path, files: dict[str, bytes]) -> int:
    """Write the files that are missing; with `--check` on the command line only tell of them.

    Returns:
        The exit code: 1 where one is missing (`--check`) or differs from what is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    code = 0
    for name, content in files.items():
        path = folder / name
        if path.exists() and path.read_bytes() != content:
            print(f"{name}: differs from what this script makes; a released vector never changes", file=sys.stderr)
            code = 1
        elif "--check" in sys.argv and not path.exists():
            print(f"{name}: missing", file=sys.stderr)
            code = 1
        elif "--check" not in sys.argv:
            path.write_bytes(content)
    return code
