# SPDX-License-Identifier: Apache-2.0
"""Build the extension `octolead._native` from the C core; setup.py runs this.

The declarations come out of the headers themselves, so the two cannot differ: comments and preprocessor lines are
dropped, plain integer constants kept, and structs marked `cdef: opaque` in the comment before them are left to the compiler.
"""

import re
from pathlib import Path

from cffi import FFI

NATIVE = Path(__file__).resolve().parent.parent
HEADERS = (
    "ol_error.h",
    "ol_crc.h",
    "ol_block.h",
    "ol_index.h",
    "ol_codec.h",
    "ol_scale.h",
    "ol_filter.h",
    "ol_quality.h",
    "ol_front.h",
    "ol_ahead.h",
    "ol_qrs.h",
    "ol_beat.h",
    "ol_wave.h",
    "ol_analysis.h",
    "ol_pyramid.h",
)
CONSTANTS = ("OL_MAX_LEADS", "OL_MAX_FRAMES_PER_BLOCK", "OL_MAX_BLOCK_BYTES", "OL_BLOCK_HEADER_SIZE", "OL_ADAPTIVE_CHUNK_FRAMES")
OPAQUE = re.compile(r"cdef: opaque \*/\s*typedef struct (\w+) \{.*?\} \1;", re.DOTALL)


def constants() -> str:
    """Return the constants the declarations and the binding need, as cffi reads them."""
    text = "".join((NATIVE / "include" / name).read_text(encoding="utf-8") for name in ("ol_constants.h", "ol_adaptive.h"))
    values = dict(re.findall(r"#define (\w+) (\d+)", text))
    return "".join(f"#define {name} {values[name]}\n" for name in CONSTANTS)


def declarations(text: str) -> str:
    """Return the declarations of one header."""
    text = OPAQUE.sub(r"*/ typedef struct \1 { ...; } \1;", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#")) + "\n"


def cdef() -> str:
    """Return all that cffi is told."""
    return constants() + "".join(declarations((NATIVE / "include" / name).read_text(encoding="utf-8")) for name in HEADERS)


def make_builder() -> FFI:
    """Return the builder of the extension."""
    root = NATIVE.parent
    builder = FFI()
    builder.cdef(cdef())
    builder.set_source(
        "octolead._native",
        "".join(f'#include "{name}"\n' for name in HEADERS),
        sources=sorted(str(path.relative_to(root)) for path in (NATIVE / "src").glob("*.c")),
        include_dirs=[str((NATIVE / "include").relative_to(root)), str((NATIVE / "src").relative_to(root))],
        depends=sorted(str(path.relative_to(root)) for path in NATIVE.glob("*/*.h")),
        extra_compile_args=["-O3", "-std=c11"],
    )
    return builder


ffibuilder = make_builder()
