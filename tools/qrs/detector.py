# SPDX-License-Identifier: Apache-2.0
"""The detector compiled with a hook that hands out each candidate's features, and with any network."""

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
NET = ROOT / "native" / "src" / "qrs_net.h"
Array = np.ndarray[Any, Any]
Net = list[Array]
N_FEATURES = 40
ROW = N_FEATURES + 2
SOURCES = ("qrs", "qrs_front", "qrs_path", "qrs_vf", "front", "quality")
HOOK = f"""
#include "ol_qrs.h"
#include <string.h>
static float *rows; static size_t n_rows, room; static double frames_per_ms;
static void note(double at_ms, float logit, const float *f) {{
    if (n_rows < room) {{
        float *r = rows + {ROW} * n_rows++;
        r[0] = (float)(at_ms * frames_per_ms); r[1] = logit;
        memcpy(r + 2, f, {4 * N_FEATURES});
    }}
}}
#define OL_QRS_TRACE(c, f) note(to_ms((c)->middle), (c)->logit, f)
#include "qrs_candidates.c"
static ol_front front; static ol_qrs q; static ol_second second; static double *beats; static size_t n_beats;
static void take(void) {{
    ol_qrs_beat b[64]; ol_qrs_span s[64];
    for (size_t n; (n = ol_qrs_beats(&q, b, 64)) > 0;)
        for (size_t i = 0; i < n; i++) beats[n_beats++] = b[i].at_ms * frames_per_ms;
    while (ol_qrs_spans(&q, s, 64) > 0);
}}
size_t run(const float *x, size_t n, uint32_t n_leads, double fs_hz, double *found, float *noted, size_t n_noted, size_t *noted_out) {{
    int is_full;
    rows = noted; room = n_noted; n_rows = n_beats = 0; beats = found; frames_per_ms = fs_hz / 1000;
    ol_front_init(&front, fs_hz, n_leads, 0); ol_qrs_init(&q, n_leads);
    for (size_t at = 0; at < n;) {{
        at += ol_front_push(&front, x + at * n_leads, NULL, n - at, &second, &is_full);
        if (is_full) {{ ol_qrs_take(&q, &second); take(); }}
    }}
    while (ol_front_end(&front, &second)) {{ ol_qrs_take(&q, &second); take(); }}
    ol_qrs_end(&q); take();
    *noted_out = n_rows;
    return n_beats;
}}
"""


def compile_detector(nets: list[Net] | None = None) -> ctypes.CDLL:
    """Return the detector with its hook, with the networks given or those that are shipped."""
    folder = Path(tempfile.mkdtemp())
    header = NET.read_text(encoding="utf-8")
    (folder / "qrs_net.h").write_text(with_nets(header, nets) if nets else header, encoding="utf-8")
    source = (NET.parent / "qrs_candidates.c").read_text(encoding="utf-8")
    (folder / "qrs_candidates.c").write_text(source, encoding="utf-8")
    (folder / "hooked.c").write_text(HOOK, encoding="utf-8")
    include = [f"-I{folder}", f"-I{NET.parent}", f"-I{ROOT / 'native' / 'include'}"]
    sources = [str(folder / "hooked.c"), *(str(NET.parent / f"{name}.c") for name in SOURCES)]
    library = folder / "detector.so"
    command = ["gcc", "-O2", "-std=c11", "-shared", "-fPIC", "-w", *include, *sources, "-lm", "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


def detect(library: ctypes.CDLL, frames: Array, fs_hz: float) -> tuple[Array, Array]:
    """Return the frames of the beats, and of each candidate a row of frame, log odds and features."""
    x = np.ascontiguousarray(frames, np.float32)
    beats = np.zeros(int(len(x) / fs_hz * 6) + 200)
    rows = np.zeros((int(len(x) / fs_hz * 13) + 100, ROW), np.float32)
    n_rows = ctypes.c_size_t()
    library.run.restype = ctypes.c_size_t
    n = library.run(
        ctypes.c_void_p(x.ctypes.data), ctypes.c_size_t(len(x)), ctypes.c_uint32(x.shape[1]), ctypes.c_double(fs_hz),
        ctypes.c_void_p(beats.ctypes.data), ctypes.c_void_p(rows.ctypes.data), ctypes.c_size_t(len(rows)), ctypes.byref(n_rows),
    )  # fmt: skip
    rows = rows[: n_rows.value]
    return beats[:n], rows[np.argsort(rows[:, 0], kind="stable")]


def _numbers(a: Array) -> str:
    if a.ndim == 1:
        return "{" + ", ".join(f"{v:.5e}f" for v in a) + "}"
    return "{" + ",\n ".join(_numbers(row) for row in a) + "}"


def with_nets(header: str, nets: list[Net]) -> str:
    """Return the header's text with the numbers of `nets` in place of those that are there."""
    head, _, rest = header.partition("enum { NETS")
    _, _, tail = rest.partition("// clang-format on")
    w1, b1, w2, b2, w3, b3 = (np.stack(layer) for layer in zip(*nets, strict=True))
    body = f"enum {{ NETS = {len(nets)}, NET_IN = {w1.shape[1]}, NET_FIRST = {w1.shape[2]}, NET_SECOND = {w2.shape[2]} }};\n"
    for name, a in (("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2), ("w3", w3[:, :, 0]), ("b3", b3[:, 0])):
        body += f"static const float net_{name}{''.join(f'[{n}]' for n in a.shape)} = {_numbers(a)};\n"
    return head + body + "// clang-format on" + tail
