# SPDX-License-Identifier: Apache-2.0
"""Weights as C tables: 16-bit integers, two input channels in a word, in the order native/src/wave_net_kernel.h reads.

Activations are Q9 (the first layer's Q13), weights as many bits as leave every sum within 32: at most 95000 in
magnitude for a sum over activations of at most 16383.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]

TOP_WEIGHT = 16383
TOP_SUM = 95000
TOP_PATCH_SUM = 60000
Q = 9
Q_FIRST = 13
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by tools/train_waves.py out of tools/waves/weights.json; do not edit. */\n"


def shift_for(top_sum: int, *weights: Weights) -> int:
    """Return the most fractional bits with which no weight and no sum is too large."""
    for shift in range(14, -1, -1):
        whole = [np.abs(np.round(w * 2.0**shift)) for w in weights]
        if max(w.max() for w in whole) <= TOP_WEIGHT and sum(w.sum(1) for w in whole).max() <= top_sum:
            return shift
    raise ValueError(f"no shift brings the sums of weights below {top_sum}")


def pairs(whole: Weights) -> npt.NDArray[np.int32]:
    """Pack columns 2k and 2k + 1 into words, the even one low."""
    w = whole.astype(np.int64)
    return ((w[:, 0::2] & 0xFFFF) | ((w[:, 1::2] & 0xFFFF) << 16)).astype(np.uint32).view(np.int32)


def tiled(whole: Weights, n: int) -> npt.NDArray[np.int32]:
    """Order words as [output / n][pair][n]."""
    words = pairs(whole)
    return words.reshape(len(words) // n, n, -1).transpose(0, 2, 1).ravel()


def array(name: str, values: npt.ArrayLike) -> str:
    """Return the C definition of an array of int32."""
    v = [str(int(x)) for x in np.ravel(values)]
    rows = ",\n    ".join(", ".join(v[i : i + 10]) for i in range(0, len(v), 10))
    return f"static const int32_t {name}[{len(v)}] = {{\n    {rows},\n}};\n"


def patch(layer: dict[str, Any]) -> list[str]:
    """Return the tables of the filters over differences, whose unit is 1/512 too."""
    weight = np.array(layer["weight"])
    shift = shift_for(TOP_PATCH_SUM, weight)
    return [
        array("ol_wave_patch", tiled(np.round(weight * 2.0**shift), 4)),
        array("ol_wave_patch_bias", np.round(np.array(layer["bias"]) * 2.0 ** (Q + shift))),
        f"static const float ol_wave_patch_scale = 1.0f / {2 ** (Q + shift)};\n",
    ]


def dense(name: str, layer: dict[str, Any], q_in: int = Q) -> tuple[list[str], int]:
    """Return the tables of a dense layer, and its shift."""
    weight = np.array(layer["weight"])
    shift = shift_for(TOP_SUM, weight)
    n_out, n_in = weight.shape
    return [
        array(f"{name}_weight", tiled(np.round(weight * 2.0**shift), 4)),
        array(f"{name}_bias", np.round(np.array(layer["bias"]) * 2.0 ** (q_in + shift))),
        f"static const ol_wave_dense {name} = {{{n_in}, {n_out}, {shift + q_in - Q}, {name}_weight, {name}_bias}};\n",
    ], shift


def block(name: str, layer: dict[str, Any]) -> tuple[list[str], str]:
    """Return the tables of a residual block and its initialiser. Taps are scaled to a sum of magnitudes of 1."""
    taps, weight = np.array(layer["taps"]), np.array(layer["weight"])
    size = np.abs(taps).sum(1)
    weight = weight * size[None, :]
    mix = [np.array(layer["mix"])] if "mix" in layer else []
    shift = shift_for(TOP_SUM, weight, *mix)
    whole = np.round(taps / size[:, None] * 32760).T  # [tap][channel]
    out = [
        array(f"{name}_weight", tiled(np.round(weight * 2.0**shift), 4)),
        array(f"{name}_bias", np.round(np.array(layer["bias"]) * 2.0 ** (Q + shift))),
        array(f"{name}_taps", pairs(whole).T),
    ]
    out += [array(f"{name}_mix", tiled(np.round(m * 2.0**shift), 8)) for m in mix]
    n_out, n_in = weight.shape
    last = f"{name}_mix" if mix else "0"
    return out, f"{{{layer['dilation']}, {{{n_in}, {n_out}, {shift}, {name}_weight, {name}_bias}}, {name}_taps, {last}}}"


def header(weights: dict[str, Any]) -> str:
    """Return native/src/wave_tables.h."""
    out = [HEAD, *patch(weights["patch"]), *dense("ol_wave_inp", weights["inp"], Q_FIRST)[0]]
    for name in ("b1", "b2"):
        tables, initialiser = block(f"ol_wave_{name}", weights[name])
        out += [*tables, f"static const ol_wave_block ol_wave_{name} = {initialiser};\n"]
    out += dense("ol_wave_down", weights["down"])[0] + dense("ol_wave_up", weights["up"])[0]
    mids = [block(f"ol_wave_mid{k}", layer) for k, layer in enumerate(weights["mid"])]
    out += [line for tables, _ in mids for line in tables]
    out.append(f"static const ol_wave_block ol_wave_mid[{len(mids)}] = {{\n    " + ",\n    ".join(m for _, m in mids) + ",\n};\n")
    tables, shift = dense("ol_wave_head", weights["head"])
    return "".join([*out, *tables, f"static const float ol_wave_head_scale = 1.0f / {2 ** (Q + shift)};\n"])
