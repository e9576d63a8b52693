# SPDX-License-Identifier: Apache-2.0
"""Weights as C tables: 16-bit integers, two input channels in a word, in the order native/src/wave_net_kernel.h reads.

Activations are Q9, at most 32767, but for those of the first layer, which are Q11 and at most three times 2048. Weights
have as many bits as leave every sum, with its bias and what is added to it, within 32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]

TOP_WEIGHT = 16383
TOP_SHIFT = 14  # 2^shift is a weight too
TOP_SUM = 2**31 - 1
TOP = 32767
TOP_FIRST = 3 * 2048
Q = 9
Q_FIRST = 11
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by tools/train_waves.py out of tools/waves/weights.json; do not edit. */\n"


def shift_for(bias: Weights, top: int, *weights: Weights, residual: int = 0, q: int = Q) -> int:
    """Return the most fractional bits with which no weight and no sum is too large.

    Args:
        bias: of each output.
        top: the largest input.
        weights: of each output, with inputs of that size.
        residual: the largest input that is added as it is.
        q: fractional bits of the inputs.
    """
    for shift in range(TOP_SHIFT, 1, -1):
        whole = [np.abs(np.round(w * 2.0**shift)) for w in weights]
        sums = sum(w.sum(1) for w in whole) * top + np.abs(bias) * 2.0 ** (q + shift) + residual * 2**shift
        if max(w.max() for w in whole) <= TOP_WEIGHT and sums.max() <= TOP_SUM:
            return shift
    raise ValueError("no shift keeps the sums within 32 bits")


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
    """Return the tables of the filters over differences, whose unit is 1/512 too; what comes out is Q11."""
    weight, bias = np.array(layer["weight"]), np.array(layer["bias"])
    shift = shift_for(bias, TOP, weight)
    return [
        array("ol_wave_patch", tiled(np.round(weight * 2.0**shift), 4)),
        array("ol_wave_patch_bias", np.round(bias * 2.0 ** (Q + shift))),
        f"static const int32_t ol_wave_patch_shift = {Q + shift - Q_FIRST};\n",
    ]


def dense(name: str, layer: dict[str, Any], q_in: int = Q, residual: int = 0) -> list[str]:
    """Return the tables of a dense layer."""
    weight, bias = np.array(layer["weight"]), np.array(layer["bias"])
    shift = shift_for(bias, TOP if q_in == Q else TOP_FIRST, weight, residual=residual, q=q_in)
    n_out, n_in = weight.shape
    return [
        array(f"{name}_weight", tiled(np.round(weight * 2.0**shift), 4)),
        array(f"{name}_bias", np.round(bias * 2.0 ** (q_in + shift))),
        f"static const ol_wave_dense {name} = {{{n_in}, {n_out}, {shift + q_in - Q}, {name}_weight, {name}_bias}};\n",
    ]


def block(name: str, layer: dict[str, Any]) -> tuple[list[str], str]:
    """Return the tables of a residual block and its initialiser. Taps are scaled to a sum of magnitudes of 1."""
    taps, weight, bias = np.array(layer["taps"]), np.array(layer["weight"]), np.array(layer["bias"])
    size = np.abs(taps).sum(1)
    weight = weight * size[None, :]
    mix = [np.array(layer["mix"])] if "mix" in layer else []
    shift = shift_for(bias, TOP, weight, *mix, residual=TOP)
    whole = np.round(taps / size[:, None] * 32760).T  # [tap][channel]
    out = [
        array(f"{name}_weight", tiled(np.round(weight * 2.0**shift), 4)),
        array(f"{name}_bias", np.round(bias * 2.0 ** (Q + shift))),
        array(f"{name}_taps", pairs(whole).T),
    ]
    out += [array(f"{name}_mix", tiled(np.round(m * 2.0**shift), 8)) for m in mix]
    n_out, n_in = weight.shape
    last = f"{name}_mix" if mix else "0"
    return out, f"{{{layer['dilation']}, {{{n_in}, {n_out}, {shift}, {name}_weight, {name}_bias}}, {name}_taps, {last}}}"


def head(layer: dict[str, Any]) -> dict[str, Any]:
    """Return the last layer with scores as logarithms to the base of 2, and with empty rows to a multiple of four."""
    weight, bias = (np.array(layer[key]) * np.log2(np.e) for key in ("weight", "bias"))
    empty = -len(bias) % 4
    return {"weight": np.pad(weight, ((0, empty), (0, 0))), "bias": np.pad(bias, (0, empty))}


def header(weights: dict[str, Any]) -> str:
    """Return native/src/wave_tables.h."""
    out = [HEAD, *patch(weights["patch"])]
    tables, initialiser = block("ol_wave_b2", weights["b2"])
    out += [*tables, f"static const ol_wave_block ol_wave_b2 = {initialiser};\n"]
    out += dense("ol_wave_down", weights["down"], Q_FIRST) + dense("ol_wave_up", weights["up"], residual=TOP_FIRST // 4)
    mids = [block(f"ol_wave_mid{k}", layer) for k, layer in enumerate(weights["mid"])]
    out += [line for tables, _ in mids for line in tables]
    out.append(f"static const ol_wave_block ol_wave_mid[{len(mids)}] = {{\n    " + ",\n    ".join(m for _, m in mids) + ",\n};\n")
    return "".join([*out, *dense("ol_wave_head", head(weights["head"]))])
