# SPDX-License-Identifier: Apache-2.0
"""Write the tables of codec 1 for the firmware and the C core out of docs/codec1_tables.json.

    python tools/codec_tables_gen.py                    write the generated files
    python tools/codec_tables_gen.py --check            say what differs, exit 1 if anything does
    python tools/codec_tables_gen.py --adopt FILE       take other tables: write docs/codec1_tables.json, then the rest

docs/SPEC.md section 4.2 says what the tables mean. They are refused if frequencies do not sum to 1024, a running
sum or a cost does not follow from them, or a weight does not fit 16 bits.
"""

import argparse
import json
import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "docs" / "codec1_tables.json"
SETS = ("below_350_hz", "350_to_700_hz", "from_700_hz")
GRIDS = ("d", "e", "cd", "ce", "in")
ROWS = 9  # eight leads, and one of unknown kind
HALF = 47
FREQ_BITS = 10
SYMBOLS = 2 * HALF + 2
COST_MARGIN = 12  # 1/256 bit: more than the coder can lose on a symbol by rounding


class TablesError(Exception):
    """The tables contradict themselves or the format."""


def check(tables: dict) -> None:
    """Refuse tables no codec could work with."""
    if tables["freq_bits"] != FREQ_BITS:
        raise TablesError(f"freq_bits is {tables['freq_bits']}, the format has {FREQ_BITS}")
    for number, rows in enumerate(zip(tables["freq"], tables["start"], tables["cost_256"], strict=True)):
        _check_code(f"table {number}", *rows)
    for name in SETS:
        _check_weights(name, tables)


def _check_code(where: str, freq: list[int], start: list[int], cost: list[int]) -> None:
    total = 1 << FREQ_BITS
    if len(freq) != SYMBOLS or sum(freq) != total:
        raise TablesError(f"{where}: {len(freq)} frequencies sum to {sum(freq)}, expected {SYMBOLS} and {total}")
    if max(freq) == total or not freq[SYMBOLS - 1]:
        raise TablesError(f"{where}: a symbol has all of it, or the escape nothing")
    if start != [sum(freq[:s]) for s in range(SYMBOLS)]:
        raise TablesError(f"{where}: start is not the running sum of freq")
    if cost != [math.ceil(256 * math.log2(total / f)) if f else 0 for f in freq]:
        raise TablesError(f"{where}: cost_256 is not ceil(256 log2({total} / freq))")


def _check_weights(name: str, tables: dict) -> None:
    for grid, columns in zip(GRIDS, (tables["d_taps"], tables["e_taps"], ROWS, ROWS, ROWS), strict=True):
        rows = tables["warm_q12"][name][grid]
        if len(rows) != ROWS or any(len(row) != columns for row in rows):
            raise TablesError(f"{name}: {grid} is not {ROWS} x {columns}")
        if any(not -32768 <= weight <= 32767 for row in rows for weight in row):
            raise TablesError(f"{name}: {grid} has a weight beyond 16 bits")


def tidy(tables: dict) -> str:
    """Return the tables as JSON, one row of a grid a line."""

    def grid(rows: list, indent: str) -> str:
        return "[\n" + ",\n".join(indent + " " + json.dumps(row) for row in rows) + "\n" + indent + "]"

    head = {key: tables[key] for key in ("d_taps", "e_taps", "freq_bits", "context_start", "mu")}
    out = [f' "{key}": {json.dumps(value)}' for key, value in head.items()]
    sets = []
    for name in SETS:
        grids = ",\n".join(f'   "{key}": {grid(tables["warm_q12"][name][key], "   ")}' for key in GRIDS)
        sets.append(f'  "{name}": {{\n{grids}\n  }}')
    out.append(' "warm_q12": {\n' + ",\n".join(sets) + "\n }")
    out += [f' "{key}": {grid(tables[key], " ")}' for key in ("freq", "start", "cost_256")]
    return "{\n" + ",\n".join(out) + "\n}\n"


def _bytes_literal(name: str, data: bytes) -> str:
    lines = [data[i : i + 28] for i in range(0, len(data), 28)]
    body = "\n".join('    b"' + "".join(f"\\x{byte:02x}" for byte in line) + '"' for line in lines)
    return f"{name} = (\n{body}\n)\n"


def _little(values: list[int], n_bytes: int) -> bytes:
    mask = (1 << 8 * n_bytes) - 1
    return b"".join((value & mask).to_bytes(n_bytes, "little") for value in values)


def _span(freq: list[int]) -> tuple[int, int]:
    """First and last symbol with a frequency, the escape apart."""
    used = [s for s in range(SYMBOLS - 1) if freq[s]]
    return used[0], used[-1]


def write_python(tables: dict) -> str:
    """Return the module of the firmware."""
    firsts, counts, entries = [], [], []
    for freq, start, cost in zip(tables["freq"], tables["start"], tables["cost_256"], strict=True):
        low, high = _span(freq)
        firsts.append(low)
        counts.append(high - low + 1)
        for s in [*range(low, high + 1), SYMBOLS - 1]:
            entries.append(start[s] << 22 | freq[s] << 12 | cost[s] + COST_MARGIN if freq[s] else 0)
    out = [
        "# SPDX-License-Identifier: Apache-2.0\n",
        "# Made from docs/codec1_tables.json by tools/codec_tables_gen.py. Do not edit.\n",
        '"""Tables of codec 1 (docs/SPEC.md section 4.2), packed."""\n\n',
        "LEADS = (1, 2, 7, 8, 9, 10, 11, 12)  # ids of the leads it knows: I, II, V1 to V6\n",
        f"D_TAPS = {tables['d_taps']}\nE_TAPS = {tables['e_taps']}\n",
        f"MU_OWN = {tables['mu']['own']}\nMU_CROSS = {tables['mu']['cross']}\nMU_IN = {tables['mu']['in']}\n",
        f"CONTEXT_START = {tables['context_start']}\n",
        f"N_TABLES = {len(tables['freq'])}\nSYMBOLS = {SYMBOLS}\n\n",
        "# Per code table the first symbol with a frequency, and how many follow it up to the last, gaps included.\n",
        _bytes_literal("FIRST", bytes(firsts)),
        _bytes_literal("COUNT", bytes(counts)),
        "\n# Those symbols of each table, then its escape, as 32-bit words: start << 22 | frequency << 12 | cost in 1/256 bit\n",
        f"# with a margin of {COST_MARGIN}; 0 without a frequency.\n",
        _bytes_literal("ENTRIES", _little(entries, 4)),
        "\n# Warm weights, Q12, 16 bits each: per rate class the grids " + ", ".join(GRIDS) + ", row by row.\n",
    ]
    for name in SETS:
        values = [weight for grid in GRIDS for row in tables["warm_q12"][name][grid] for weight in row]
        out.append(_bytes_literal("WARM_" + name.upper(), _little(values, 2)))
    out.append("WARM = (" + ", ".join("WARM_" + name.upper() for name in SETS) + ")\n")
    return "".join(out)


def _c_rows(grid: list) -> str:
    rows = []
    for row in grid:
        lines = [row[i : i + 24] for i in range(0, len(row), 24)]
        rows.append("{" + ",\n   ".join(", ".join(map(str, line)) for line in lines) + "}")
    return "{" + ",\n  ".join(rows) + "}"


def write_c(tables: dict) -> str:
    """Return the header of the C core."""
    steps = ", ".join(f"ol_mu_{key} = {tables['mu'][key]}" for key in ("own", "cross", "in"))
    out = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Made from docs/codec1_tables.json by tools/codec_tables_gen.py. Do not edit. */",
        "#ifndef OL_ADAPTIVE_TABLES_H",
        "#define OL_ADAPTIVE_TABLES_H",
        "",
        "#include <stdint.h>",
        "",
        '#include "ol_adaptive_dim.h"',
        "",
        "/* Warm weights, Q12; row or column 8 is a lead of unknown kind. Cross weights are [from][into]. */",
        "typedef struct {",
        "    int16_t d[9][OL_D_TAPS], e[9][OL_E_TAPS], cd[9][9], ce[9][9], in[9][9];",
        "} ol_warm;",
        "",
        f"#define OL_CONTEXT_START {tables['context_start']}",
        f"enum {{ {steps} }};",
        "",
        "static const ol_warm ol_warm_sets[3] = {",
    ]
    for name in SETS:
        out += [f" {{ /* {name} */"]
        out += [f"  .{grid} = {_c_rows(tables['warm_q12'][name][grid])}," for grid in GRIDS]
        out += [" },"]
    out += ["};", ""]
    for name, key in (("ol_freq", "freq"), ("ol_start", "start"), ("ol_cost", "cost_256")):
        out += [f"static const uint16_t {name}[OL_N_TABLES][OL_N_SYMBOLS] = {_c_rows(tables[key])};", ""]
    return "\n".join([*out, "#endif", ""])


def write_c_dim(tables: dict) -> str:
    """Return the sizes that the structs of the C core depend on."""
    return f"""/* SPDX-License-Identifier: Apache-2.0 */
/* Made from docs/codec1_tables.json by tools/codec_tables_gen.py. Do not edit. */
#ifndef OL_ADAPTIVE_DIM_H
#define OL_ADAPTIVE_DIM_H

#define OL_D_TAPS {tables["d_taps"]}
#define OL_E_TAPS {tables["e_taps"]}
#define OL_HIST 64
#define OL_N_TABLES {len(tables["freq"])}
#define OL_FREQ_BITS {tables["freq_bits"]}
#define OL_SYM_HALF {HALF}
#define OL_N_SYMBOLS {SYMBOLS}

#endif
"""


OUTPUTS = {
    "firmware/recorder/codec_tables.py": write_python,
    "native/src/adaptive_tables.h": write_c,
    "native/include/ol_adaptive_dim.h": write_c_dim,
}


def main() -> int:
    """Write or check the generated files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--adopt", type=Path, metavar="FILE", help="other tables, in the same form")
    options = parser.parse_args()
    source = options.adopt or TABLES
    try:
        tables = json.loads(source.read_text(encoding="utf-8"))
        check(tables)
    except (TablesError, ValueError, KeyError) as error:
        print(f"{source}: {error!r}", file=sys.stderr)
        return 2
    files = {ROOT / path: write(tables) for path, write in OUTPUTS.items()}
    files[TABLES] = tidy(tables)
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if options.check:
            print(f"{path.relative_to(ROOT)}: differs from what docs/codec1_tables.json says", file=sys.stderr)
        else:
            path.write_text(files[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
