# SPDX-License-Identifier: Apache-2.0
"""Train the network that weighs the detector's candidates, and write native/src/qrs_net.h.

    python tools/train_qrs.py DATA [--out FILE] [--half 0|1]

DATA has mitdb, qtdb, cpsc2021, cudb, ludb and nstdb (for its pure noise) as WFDB records. The detector is compiled with
a hook that hands out each candidate's features; a candidate is a beat where it is the likeliest within 150 ms of one.
Beside the records as they are, each is seen with noise added in every other minute, and read at another rate, which
makes another heart of it. `--half` leaves every other record out, to be scored on those. The first column of the noise
record em, which the noise stress test uses, is not trained on. Needs gcc, numpy and wfdb; takes ten minutes.
"""

import argparse
import ctypes
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

ROOT = Path(__file__).resolve().parents[1]
Array = np.ndarray[Any, Any]
N_FEATURES = 32
ROW = N_FEATURES + 2
SOURCES = ("quality", "qrs", "qrs_front", "qrs_candidates", "qrs_path", "qrs_vf")
BEATS = list("NLRBAaJSVrFejnE/fQ?")
WEIGHTS = {"mitdb": 1.0, "qtdb": 0.5, "cpsc2021": 1.0, "cudb": 0.06, "ludb": 1.0}
LEADS = ["i", "ii", "v1", "v2", "v3", "v4", "v5", "v6"]
HOOK = f"""
#include <string.h>
static float *rows; static size_t n_rows, room;
static void note(float frame, float logit, const float *f) {{
    if (n_rows < room) {{ float *r = rows + {ROW} * n_rows++; r[0] = frame; r[1] = logit; memcpy(r + 2, f, {4 * N_FEATURES}); }}
}}
#define OL_QRS_TRACE(q, c, f) note((float)to_frame(q, (c)->fiducial), (c)->logit, f)
void trace_to(float *at, size_t n) {{ rows = at; room = n; n_rows = 0; }}
size_t traced(void) {{ return n_rows; }}
"""


@dataclass(frozen=True)
class Record:
    """A record: microvolts, beats, and fibrillation, which is left out."""

    db: str
    frames: Array
    fs_hz: float
    beats: Array
    vf: tuple[tuple[int, int], ...] = ()


def compile_detector() -> ctypes.CDLL:
    """Return the detector with its hook."""
    folder = Path(tempfile.mkdtemp())
    (folder / "hooked.c").write_text(f'{HOOK}#include "{ROOT}/native/src/qrs_candidates.c"\n')
    others = [str(ROOT / "native" / "src" / f"{name}.c") for name in SOURCES if name != "qrs_candidates"]
    include = [f"-I{ROOT}/native/{room}" for room in ("include", "src")]
    command = [
        "gcc",
        "-O2",
        "-std=c11",
        "-shared",
        "-fPIC",
        "-w",
        *include,
        str(folder / "hooked.c"),
        *others,
        "-lm",
        "-o",
        str(folder / "d.so"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    library = ctypes.CDLL(str(folder / "d.so"))
    library.ol_qrs_size.restype = library.traced.restype = library.ol_qrs_push.restype = ctypes.c_size_t
    library.ol_qrs_init.argtypes = [ctypes.c_void_p, ctypes.c_double, ctypes.c_uint32, ctypes.c_float]
    library.ol_qrs_push.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    return library


def candidates(library: ctypes.CDLL, frames: Array, fs_hz: float) -> Array:
    """Return rows of frame, log odds and features."""
    x, state, waste = (
        np.ascontiguousarray(frames, np.float32),
        ctypes.create_string_buffer(library.ol_qrs_size()),
        np.empty(128 * 96, np.uint8),
    )
    rows = np.zeros((len(x) // 8 + 1000, ROW), np.float32)
    library.trace_to(ctypes.c_void_p(rows.ctypes.data), ctypes.c_size_t(len(rows)))
    library.ol_qrs_init(state, fs_hz, x.shape[1], 0)
    at = 0
    while at < len(x):
        at += library.ol_qrs_push(state, x.ctypes.data + at * x.strides[0], None, len(x) - at)
        for queue in ("beats", "spans", "seconds"):
            getattr(library, f"ol_qrs_{queue}")(state, ctypes.c_void_p(waste.ctypes.data), ctypes.c_size_t(128))
    library.ol_qrs_finish(state)
    rows = rows[: library.traced()]
    return rows[np.argsort(rows[:, 0], kind="stable")]


def load(data: Path) -> list[Record]:
    """Return the records with beats all along."""
    records = []
    for db in WEIGHTS:
        for header in sorted((data / db).rglob("*.hea")):
            name = str(header.with_suffix(""))
            if db != "ludb" and not header.with_suffix(".atr").is_file():
                continue
            notes = wfdb.rdann(name, "ii" if db == "ludb" else "atr")
            record, symbols = wfdb.rdrecord(name), np.array(notes.symbol)
            beats = notes.sample[np.isin(symbols, BEATS)]
            if len(beats) < (2 if db == "ludb" else 50):
                continue
            names = [s.lower() for s in record.sig_name]
            columns = [names.index(lead) for lead in LEADS] if db == "ludb" else slice(None)
            ends = [*notes.sample[symbols == "]"], record.sig_len]
            vf = tuple((int(start), int(min(e for e in ends if e > start))) for start in notes.sample[symbols == "["])
            records.append(Record(db, np.nan_to_num(record.p_signal[:, columns]) * 1000, record.fs, beats, vf))
    return records


def variants(r: Record, noises: list[Array], rng: np.random.Generator) -> Iterator[tuple[Record, float]]:
    """Yield what a record is seen as, and the weight of it."""
    weight = WEIGHTS[r.db]
    for lead in range(0, r.frames.shape[1], 3 if r.db == "ludb" else 1):
        yield replace(r, frames=r.frames[:, [lead]]), weight * (0.15 if lead and r.db != "ludb" else 1)
    if r.frames.shape[1] > 1:
        yield r, weight * (2 if r.db == "ludb" else 0.7)
    if r.db in ("cudb", "ludb"):
        return
    one = r.frames[:, [0]]
    size = np.percentile(np.abs(one - np.median(one)), 99)
    for fs_hz in (r.fs_hz, r.fs_hz * rng.uniform(0.85, 1.2)):
        noise = noises[rng.integers(len(noises))]
        rolled = np.interp(np.arange(len(one)) * 360 / r.fs_hz, np.arange(len(noise)), np.roll(noise, rng.integers(len(noise))))
        on = np.arange(len(one)) // int(r.fs_hz * 60) % 2 == 0
        added = rolled * on * size / (3 * noise.std()) * 10 ** rng.uniform(-1, 0.9)
        yield replace(r, frames=one + added[:, None], fs_hz=fs_hz), weight * 0.2
    yield replace(r, frames=one, fs_hz=r.fs_hz * rng.uniform(0.8, 1.25)), weight * 0.5


def label(r: Record, rows: Array) -> tuple[Array, Array]:
    """Return for each candidate whether it is a beat, and its weight."""
    window, at = 0.15 * r.fs_hz, rows[:, 0]
    is_beat, weight = np.zeros(len(rows)), np.ones(len(rows))
    for beat in r.beats:
        first, last = np.searchsorted(at, [beat - window, beat + window])
        if last > first:
            best = first + int(np.argmax(rows[first:last, 1] - 3 * np.abs(at[first:last] - beat) / window))
            weight[first:last] = np.where(is_beat[first:last] == 0, 0.3, weight[first:last])
            is_beat[best] = weight[best] = 1
    for start, end in r.vf:
        weight[(at >= start - window) & (at <= end + window)] = 0
    if r.db == "ludb":
        weight[(at < r.beats[0] - 0.4 * r.fs_hz) | (at > r.beats[-1] + 0.4 * r.fs_hz)] = 0
    return is_beat, weight


def train(x: Array, y: Array, w: Array, sizes: tuple[int, ...] = (24, 12), epochs: int = 8, decay: float = 2e-4) -> list[Array]:
    """Return weights and biases, layer by layer: Adam on the log loss, with a cosine rate (3e-3)."""
    rng = np.random.default_rng(0)
    x, y, w = x[w > 0], y[w > 0], w[w > 0] / w[w > 0].mean()
    mean, deviation = x.mean(0), x.std(0) + 1e-3
    z = ((x - mean) / deviation).astype(np.float32)
    shapes = list(zip((x.shape[1], *sizes), (*sizes, 1), strict=True))
    p = [a for n, m in shapes for a in (rng.normal(0, np.sqrt(1.5 / n), (n, m)).astype(np.float32), np.zeros(m, np.float32))]
    first, second = [np.zeros_like(a) for a in p], [np.zeros_like(a) for a in p]
    batches = len(z) // 512
    for step in range(epochs * batches):
        if step % batches == 0:
            order = rng.permutation(len(z))
        rows = order[step % batches * 512 :][:512]
        gradients = _gradients(p, z[rows], y[rows], w[rows], decay)
        rate = 1.5e-3 * (1 + np.cos(np.pi * step / (epochs * batches))) + 1e-5
        for a, g, m, v in zip(p, gradients, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            a -= rate * (m / (1 - 0.9 ** (step + 1))) / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-7)
    p[0] = p[0] / deviation[:, None]
    p[1] = p[1] - mean @ p[0]
    return p


def _gradients(p: list[Array], z: Array, y: Array, w: Array, decay: float) -> list[Array]:
    layers = [z]
    for weights, bias in zip(p[:-2:2], p[1:-2:2], strict=True):
        s = layers[-1] @ weights + bias
        layers.append(np.where(s > 0, s, 0.1 * s))
    odds = (layers[-1] @ p[-2] + p[-1])[:, 0]
    g = ((1 / (1 + np.exp(-odds)) - y) * w / len(y))[:, None].astype(np.float32)
    out: list[Array] = []
    for k in range(len(p) - 2, -1, -2):
        out = [layers[k // 2].T @ g + decay * p[k], g.sum(0), *out]
        g = (g @ p[k].T) * np.where(layers[k // 2] > 0, 1, 0.1).astype(np.float32)
    return out


def write(p: list[Array], path: Path) -> None:
    """Put the numbers in the header in place of those that are there; clang-format lays it out."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("enum { NET_IN")
    _, _, tail = rest.partition("// clang-format on")
    names = ("net_w1", "net_b1", "net_w2", "net_b2", "net_w3")
    body = f"enum {{ NET_IN = {p[0].shape[0]}, NET_FIRST = {p[0].shape[1]}, NET_SECOND = {p[2].shape[1]} }};\n"
    for name, a in zip(names, (*p[:4], p[4][:, 0]), strict=True):
        rows = ["{" + ", ".join(f"{v:.5e}f" for v in row) + "}" for row in np.atleast_2d(a)]
        values = "{" + ",\n ".join(rows) + "}" if a.ndim == 2 else rows[0]
        body += f"static const float {name}{''.join(f'[{n}]' for n in a.shape)} = {values};\n"
    body += f"static const float net_b3 = {p[5][0]:.5e}f;\n"
    path.write_text(head + body + "// clang-format on" + tail, encoding="utf-8")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "native" / "src" / "qrs_net.h")
    parser.add_argument("--half", type=int, choices=(0, 1), help="leave every other record out")
    options = parser.parse_args()
    signals = {name: wfdb.rdrecord(str(options.data / "nstdb" / name)).p_signal for name in ("ma", "em", "bw")}
    noises = [signals["ma"][:, 0], signals["ma"][:, 1], signals["em"][:, 1], signals["bw"][:, 1]]
    library, rng, parts = compile_detector(), np.random.default_rng(5), []
    for i, record in enumerate(load(options.data)):
        if i % 2 == options.half:
            continue
        for seen, weight in variants(record, noises, rng):
            rows = candidates(library, seen.frames, seen.fs_hz)
            is_beat, own = label(seen, rows)
            parts.append((rows[:, 2:], is_beat, own * weight))
    x, y, w = (np.concatenate([part[k] for part in parts]) for k in range(3))
    print(f"{len(x)} candidates, {y.mean():.1%} beats")
    write(train(x, y, w), options.out)


if __name__ == "__main__":
    main()
