# SPDX-License-Identifier: Apache-2.0
"""The extension and the headers it is made from."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
from octolead._native import ffi, lib

from octolead import native

ROOT = Path(__file__).resolve().parents[2]


def header_functions() -> set[str]:
    """Return what the headers declare, but for codec 1's own functions, which codec.c calls."""
    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "native" / "include").glob("ol_*.h") if p.name != "ol_adaptive.h")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return set(re.findall(r"^\w[\w ]*?[ *](ol_\w+)\(", text, flags=re.MULTILINE))


def test_every_function_of_the_public_headers_is_in_the_extension() -> None:
    functions = header_functions()
    assert {"ol_crc32", "ol_block_parse", "ol_index_walk", "ol_blocks_decode"} <= functions
    assert {name for name in functions if not hasattr(lib, name)} == set()


def test_every_error_code_has_a_kind_or_means_a_wrong_call() -> None:
    codes = {getattr(lib, name): name for name in dir(lib) if name.startswith("OL_E_")}
    for code, name in codes.items():
        if name not in {"OL_E_ARGUMENT", "OL_E_ROOM", "OL_E_RANGE"}:
            assert native.error_kind(code), name
    assert native.error_kind(0) == ""


def test_the_build_script_reads_the_headers_that_are_there() -> None:
    spec = importlib.util.spec_from_file_location("build_ffi", ROOT / "native" / "ffi" / "build_ffi.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cdef = module.cdef()
    for name in header_functions():
        assert re.search(rf"\b{name}\(", cdef), name


@pytest.mark.parametrize(("dtype", "ctype"), [(native.INDEX_DTYPE, "ol_index_entry"), (native.DAMAGE_DTYPE, "ol_damage")])
def test_structured_arrays_lie_as_the_structs_do(dtype: object, ctype: str) -> None:
    assert dtype.itemsize == ffi.sizeof(ctype)  # type: ignore[attr-defined]
    assert dtype.fields["offset"][1] == ffi.offsetof(ctype, "offset")  # type: ignore[attr-defined]


def test_every_header_field_of_the_spec_is_in_the_index_and_in_block_header() -> None:
    from octolead import _constants as c

    left_out = {"magic", "reserved"}
    assert set(c.BLOCK_HEADER_FIELDS) - left_out <= set(native.INDEX_DTYPE.names)
    assert set(c.BLOCK_HEADER_FIELDS) - left_out <= set(dir(native.BlockHeader))


def test_only_one_room_knows_the_extension() -> None:
    knowing = set()
    for path in (ROOT / "host").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            module = getattr(node, "module", None) or ""
            if any("_native" in f"{module}.{name}".split(".") for name in names):
                knowing.add(path.relative_to(ROOT / "host").as_posix())
    assert knowing
    assert all(name.startswith("octolead/native/") for name in knowing), knowing
