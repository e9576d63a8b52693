# SPDX-License-Identifier: Apache-2.0
"""Write the constants of the firmware, the host and the C core out of docs/SPEC.md.

    python tools/spec_gen.py            write the three files
    python tools/spec_gen.py --check    say what differs, exit 1 if anything does

The tables of SPEC.md that follow a comment such as ``<!-- struct: block_header size=144 -->`` are the only
source. A struct whose fields do not follow one another without hole or overlap, or do not add up to its size,
and an enum with a value or a name given twice, are refused with the line they stand on.
"""

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "docs" / "SPEC.md"
OUTPUTS = {
    "firmware/recorder/constants.py": "micropython",
    "host/octolead/_constants.py": "python",
    "native/include/ol_constants.h": "c",
}
MARKER = re.compile(r"<!--\s*(struct|enum|flags|constants):\s*(\w+)(?:\s+size=(\d+))?\s*-->")
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q"}


class SpecError(Exception):
    """SPEC.md says something that cannot be: the message names the line."""


@dataclass
class Field:
    """One row of a struct: where it lies and what struct letter reads it."""

    name: str
    offset: int
    size: int
    code: str


@dataclass
class Table:
    """One machine-read table."""

    kind: str
    name: str
    line: int
    size: int = 0
    fields: list[Field] = field(default_factory=list)
    values: list[tuple[str, int | bytes, str]] = field(default_factory=list)


def parse_spec(text: str) -> list[Table]:
    """Return the marked tables of SPEC.md, in order, checked."""
    lines = text.splitlines()
    tables = []
    for number, line in enumerate(lines):
        match = MARKER.match(line.strip())
        if match:
            table = Table(match[1], match[2], number + 1, int(match[3] or 0))
            _read_rows(table, lines, number + 1)
            _check(table)
            tables.append(table)
    _check_names(tables)
    return tables


def _read_rows(table: Table, lines: list[str], start: int) -> None:
    rows = []
    for number in range(start, len(lines)):
        if not lines[number].startswith("|"):
            break
        rows.append((number + 1, [cell.strip() for cell in lines[number].strip().strip("|").split("|")]))
    if len(rows) < 3:
        raise SpecError(f"line {table.line}: {table.kind} {table.name} is followed by no table")
    for number, cells in rows[2:]:
        try:
            _read_row(table, cells)
        except (ValueError, KeyError, IndexError) as error:
            raise SpecError(f"line {number}: {table.kind} {table.name}: cannot read row {cells}: {error}") from error


def _read_row(table: Table, cells: list[str]) -> None:
    if table.kind == "struct":
        offset, kind, name = int(cells[0]), cells[1], cells[2]
        array = re.fullmatch(r"(bytes|u8)\[(\d+)\]", kind)
        size = int(array[2]) if array else SIZES[kind]
        table.fields.append(Field(name, offset, size, f"{size}s" if array else CODES[kind]))
    elif table.kind == "constants":
        table.values.append((cells[0], _constant(cells[1]), cells[2]))
    else:
        table.values.append((cells[1], int(cells[0]), cells[2]))


def _constant(text: str) -> int | bytes:
    """Return a number, or bytes where the cell says `hex 8F 4F …`."""
    return bytes.fromhex(text[4:]) if text.startswith("hex ") else int(text, 0)


def _check(table: Table) -> None:
    where = f"line {table.line}: {table.kind} {table.name}"
    position = 0
    for item in table.fields:
        if item.offset != position:
            raise SpecError(f"{where}: {item.name} is said to lie at {item.offset}, but the fields before it end at {position}")
        position += item.size
    if position != table.size:
        raise SpecError(f"{where}: fields add up to {position} bytes, the table says {table.size}")
    for what, column in (("name", 0), ("value", 1)):
        seen = [row[column] for row in table.values]
        twice = {x for x in seen if seen.count(x) > 1}
        if twice and not (what == "value" and table.kind == "constants"):
            raise SpecError(f"{where}: {what} given twice: {sorted(map(str, twice))}")


def _check_names(tables: list[Table]) -> None:
    seen: dict[str, int] = {}
    for table in tables:
        for name, _, _ in constants_of(table):
            if name in seen:
                raise SpecError(f"line {table.line}: {name} is defined already by the table of line {seen[name]}")
            seen[name] = table.line


def constants_of(table: Table) -> list[tuple[str, int | bytes, str]]:
    """Return (name, value, comment) of what a table defines, flags as masks."""
    prefix = table.name.upper()
    if table.kind == "constants":
        return list(table.values)
    if table.kind == "flags":
        prefix = {"block_flags": "FLAG", "inputs": "INPUT"}.get(table.name, prefix)
        return [(f"{prefix}_{name}", 1 << bit, text) for name, bit, text in table.values]
    if table.kind == "enum":
        return [(f"{prefix}_{name.upper()}", value, text) for name, value, text in table.values]
    offsets = [(f"{prefix}_{f.name.upper()}", f.offset, f"{f.size} bytes") for f in table.fields]
    return [(f"{prefix}_SIZE", table.size, ""), *offsets]


def _header(comment: str) -> str:
    licence = "" if comment == "/*" else f"{comment} SPDX-License-Identifier: Apache-2.0\n"
    return f"{licence}{comment} Made from docs/SPEC.md by tools/spec_gen.py. Do not edit: change the page and run `make spec`.\n"


def _python_value(name: str, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return repr(value).replace("'", '"')
    wide = abs(value) >= 1 << 15 or name.startswith("CRC")
    return f"{value:#x}" if wide else str(value)


def _enum_map(table: Table) -> str:
    rows = "".join(f'    {value}: "{name}",\n' for name, value, _ in table.values)
    return f"{table.name.upper()}_NAMES = {{\n{rows}}}\n"


def write_python(tables: list[Table], with_names: bool) -> str:
    """Return the constants as a Python module; the host's also has name tables.

    The firmware's are plain integers, not `const()`: its pure files run on CPython too.
    """
    out = [_header("#"), '"""Constants of the record format (docs/SPEC.md)."""\n']
    for table in tables:
        out.append(f"\n# {table.kind} {table.name}\n")
        for name, value, _ in constants_of(table):
            out.append(f"{name} = {_python_value(name, value)}\n")
        if table.kind == "struct":
            layout = "<" + "".join(f.code for f in table.fields)
            out.append(f'{table.name.upper()}_FORMAT = "{layout}"\n')
            if with_names:
                names = "".join(f'    "{f.name}",\n' for f in table.fields)
                out.append(f"{table.name.upper()}_FIELDS = (\n{names})\n")
        elif table.kind == "enum" and with_names:
            out.append(_enum_map(table))
    return "".join(out)


def _c_value(value: int | bytes) -> str:
    if isinstance(value, bytes):
        return '"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'
    if value < 0:
        return f"(-{-value - 1}LL - 1)" if -value > 1 << 31 else f"({value})"
    return f"{value:#x}u" if value >= 1 << 15 else f"{value}"


def write_c(tables: list[Table]) -> str:
    """Return the constants as a C header of #defines."""
    out = ["/* SPDX-License-Identifier: Apache-2.0 */\n", _header("/*").replace("`.\n", "`. */\n")]
    out.append("#ifndef OL_CONSTANTS_H\n#define OL_CONSTANTS_H\n")
    for table in tables:
        out.append(f"\n/* {table.kind} {table.name} */\n")
        for name, value, text in constants_of(table):
            note = f" /* {text} */" if text and "`" not in text else ""
            out.append(f"#define OL_{name} {_c_value(value)}{note}\n")
    out.append("\n#endif\n")
    return "".join(out)


def generate(tables: list[Table]) -> dict[str, str]:
    """Return path -> content of everything that is generated."""
    writers = {
        "micropython": lambda: write_python(tables, with_names=False),
        "python": lambda: write_python(tables, with_names=True),
        "c": lambda: write_c(tables),
    }
    return {path: writers[kind]() for path, kind in OUTPUTS.items()}


def main() -> int:
    """Write or check the generated files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--spec", type=Path, default=SPEC, help="the page to read (default: docs/SPEC.md)")
    options = parser.parse_args()
    try:
        files = generate(parse_spec(options.spec.read_text(encoding="utf-8")))
    except SpecError as error:
        print(f"{options.spec}: {error}", file=sys.stderr)
        return 2
    stale = [path for path, text in files.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if options.check:
        for path in stale:
            print(f"{path}: differs from what docs/SPEC.md says; run `make spec`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).write_text(files[path])
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
