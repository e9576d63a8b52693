# SPDX-License-Identifier: Apache-2.0
"""The network: two layers of leaky rectifiers, trained by Adam on the log loss."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SIZES = (24, 12)
EPOCHS = 6
BATCH = 512
RATE = 3e-3
DECAY = 1e-5
"""Chosen by halves among 1e-5, 5e-5, 2e-4 and 1.5e-3: the less, the better."""


def train(x: Array, y: Array, w: Array, seed: int) -> list[Array]:
    """Return weights and biases, layer by layer, for features as they come."""
    rng = np.random.default_rng(seed)
    used = w > 0
    x, y, w = x[used], y[used].astype(np.float32), (w[used] / w[used].mean()).astype(np.float32)
    mean, deviation = x.mean(0), x.std(0) + 1e-3
    z = ((x - mean) / deviation).astype(np.float32)
    shapes = list(zip((x.shape[1], *SIZES), (*SIZES, 1), strict=True))
    p = [a for n, m in shapes for a in (rng.normal(0, np.sqrt(1.5 / n), (n, m)).astype(np.float32), np.zeros(m, np.float32))]
    first, second = [np.zeros_like(a) for a in p], [np.zeros_like(a) for a in p]
    batches = len(z) // BATCH
    for step in range(EPOCHS * batches):
        if step % batches == 0:
            order = rng.permutation(len(z))
        rows = order[step % batches * BATCH :][:BATCH]
        rate = np.float32(RATE / 2 * (1 + np.cos(np.pi * (step + 1) / (EPOCHS * batches))) + 1e-5)
        for a, g, m, v in zip(p, gradients(p, z[rows], y[rows], w[rows]), first, second, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            a -= rate * (m / np.float32(1 - 0.9 ** (step + 1))) / (np.sqrt(v / np.float32(1 - 0.999 ** (step + 1))) + np.float32(1e-7))
    p[0] = p[0] / deviation[:, None]
    p[1] = p[1] - mean @ p[0]
    return p


def gradients(p: list[Array], z: Array, y: Array, w: Array) -> list[Array]:
    """Return the log loss's gradient by each of `p`, over one batch."""
    layers = [z]
    for weights, bias in zip(p[:-2:2], p[1:-2:2], strict=True):
        s = layers[-1] @ weights + bias
        layers.append(np.maximum(s, np.float32(0.1) * s))
    odds = (layers[-1] @ p[-2] + p[-1])[:, 0]
    g = ((1 / (1 + np.exp(-odds)) - y) * w / np.float32(len(y)))[:, None]
    out: list[Array] = []
    for k in range(len(p) - 2, -1, -2):
        out = [layers[k // 2].T @ g + np.float32(DECAY) * p[k], g.sum(0), *out]
        g = (g @ p[k].T) * np.where(layers[k // 2] > 0, np.float32(1), np.float32(0.1))
    return out
