# SPDX-License-Identifier: Apache-2.0
"""SPEC.md is the one place where bytes are defined: its tables add up, and nothing generated has drifted."""

import binascii
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tools import spec_gen

ROOT = Path(__file__).resolve().parents[2]

STRUCT = """
<!-- struct: thing size=6 -->
| offset | type | name | unit | meaning | wrong |
| --- | --- | --- | --- | --- | --- |
| 0 | u16 | first | | | |
| {offset} | u32 | second | | | |
"""

ENUM = """
<!-- enum: colour -->
| value | name | meaning |
| --- | --- | --- |
| 0 | RED | |
| {value} | {name} | |
"""


def test_generated_files_are_what_the_page_says() -> None:
    done = subprocess.run([sys.executable, "tools/spec_gen.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_changed_page_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "SPEC.md"
    text = (ROOT / "docs/SPEC.md").read_text()
    assert "| CHECKPOINT_MS | 2500 |" in text
    page.write_text(text.replace("| CHECKPOINT_MS | 2500 |", "| CHECKPOINT_MS | 2400 |"))
    command = [sys.executable, "tools/spec_gen.py", "--check", "--spec", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "firmware/recorder/constants.py" in done.stderr and "ol_constants.h" in done.stderr


@pytest.mark.parametrize("offset", [1, 3, 4], ids=["overlap", "hole", "larger hole"])
def test_offsets_that_do_not_add_up_are_refused(offset: int) -> None:
    with pytest.raises(spec_gen.SpecError, match="line 2: struct thing: second is said to lie at"):
        spec_gen.parse_spec(STRUCT.format(offset=offset))


def test_a_size_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(spec_gen.SpecError, match="add up to 6 bytes, the table says 8"):
        spec_gen.parse_spec(STRUCT.format(offset=2).replace("size=6", "size=8"))


def test_an_unknown_type_names_its_line() -> None:
    with pytest.raises(spec_gen.SpecError, match="line 6: struct thing: cannot read row"):
        spec_gen.parse_spec(STRUCT.format(offset=2).replace("u32", "u24"))


@pytest.mark.parametrize(("value", "name"), [(0, "BLUE"), (1, "RED")], ids=["value", "name"])
def test_an_enum_says_nothing_twice(value: int, name: str) -> None:
    with pytest.raises(spec_gen.SpecError, match="given twice"):
        spec_gen.parse_spec(ENUM.format(value=value, name=name))


def test_struct_formats_have_the_sizes_of_the_page() -> None:
    from octolead import _constants as c

    assert struct.calcsize(c.BLOCK_HEADER_FORMAT) == c.BLOCK_HEADER_SIZE
    assert struct.calcsize(c.SEGMENT_HEADER_FORMAT) == c.SEGMENT_HEADER_SIZE
    assert struct.calcsize(c.EVENT_HEADER_FORMAT) == c.EVENT_HEADER_SIZE


def test_crc_is_the_one_the_page_names() -> None:
    """SPEC 1.3: CRC-32/ISO-HDLC, which binascii computes; the check value is the published one."""
    from octolead import _constants as c

    assert binascii.crc32(b"123456789") == c.CRC_CHECK
