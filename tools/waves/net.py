# SPDX-License-Identifier: Apache-2.0
"""The network of native/src/wave_net.c, for training, and the loss under which its scores mean what wave_decode.c reads.

Input: leads as rows, millivolts at 250 Hz. Output: scores of the boundaries of P and T at 62.5 Hz, score k of
(k + 0.5) 16 ms, and those of QRS at 125 Hz, score k of (k + 0.5) 8 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS, FINE, COARSE = 14, 12, 16
DILATIONS = (1, 2, 4, 8)
MIXES = (False, True, True, False)
N_BOUNDARIES = 8
SLOW, FAST = (0, 1, 2, 5, 6, 7), (3, 4)  # boundaries of P and T, and of QRS
SPREAD = (1.6, 1.2, 1.6, 0.9, 1.1, 2.5, 1.2, 1.8)  # of the target around a boundary, in 8 ms
IMPORTANCE = np.array([1.2, 1.0, 1.2, 1.0, 1.0, 1.0, 0.5, 1.2])
WIDEST = 96  # rows of 8 ms in a window

Scores = tuple[Tensor, Tensor]


class Block(nn.Module):
    """Five taps a channel, a dense layer, what the leads have in common, and what came in."""

    def __init__(self, channels: int, dilation: int, mix: bool = False) -> None:
        super().__init__()
        self.dilation = dilation
        self.dw = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation, groups=channels, bias=False)
        self.pw = nn.Conv1d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1, bias=False) if mix else None
        if self.mix is not None:
            nn.init.zeros_(self.mix.weight)

    def forward(self, x: Tensor, record: Tensor, n_records: int) -> Tensor:
        """`record` says of each row which record's lead it is."""
        y = self.pw(self.dw(x))
        if self.mix is not None:
            n_leads = torch.bincount(record, minlength=n_records).clamp(min=1)[:, None, None]
            mean = torch.zeros(n_records, x.shape[1], x.shape[2]).index_add(0, record, x) / n_leads
            y = y + self.mix(mean)[record]
        return functional.relu(x + self.bn(y))


def interleave(x: Tensor, phases: int) -> Tensor:
    """[row][phase * channel][time] to [row][channel][time * phase]."""
    n, _, time = x.shape
    return x.view(n, phases, -1, time).permute(0, 2, 3, 1).reshape(n, -1, phases * time)


def compressed(a: Tensor) -> Tensor:
    """Straight in three pieces, so that QRS does not drown P: what two shifts and two clamps give."""
    return functional.hardtanh(a) + functional.hardtanh(a / 4) + functional.hardtanh(a / 16)


class Net(nn.Module):
    """One descent from 62.5 Hz to 31.25 Hz and back."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv1d(1, FINE, TAPS, stride=2, padding=(TAPS - 2) // 2)
        self.down = nn.Conv1d(FINE, COARSE, 2, stride=2, bias=False)
        self.bn1 = nn.BatchNorm1d(COARSE)
        self.mid = nn.ModuleList(Block(COARSE, d, m) for d, m in zip(DILATIONS, MIXES, strict=True))
        self.up = nn.Conv1d(COARSE, 2 * FINE, 1)
        self.b2 = Block(FINE, 1)
        self.head = nn.Conv1d(FINE, len(SLOW) + 2 * len(FAST), 1)

    def forward(self, x: Tensor, record: Tensor, n_records: int) -> Scores:
        """Return scores [row][boundary][time] of P and T, and of QRS."""
        before = torch.cat([x[:, :, :1], x[:, :, 1:-1:2]], 2)
        h = compressed(self.patch((x[:, :, 1::2] - before) * 10))
        c = functional.relu(self.bn1(self.down(h)))
        for block in self.mid:
            c = block(c, record, n_records)
        h = self.b2(functional.relu(h + interleave(self.up(c), 2)), record, n_records)
        scores = self.head(h)
        return scores[:, : len(SLOW)], interleave(scores[:, len(SLOW) :], 2)


def loss(scores: Scores, labels: Any) -> Tensor:
    """Cross entropy over the places of each window and "absent"; rows of `labels`: lead, boundary, from, to, at (s; -1), slack, weight."""
    which = labels[:, 1].astype(int)
    parts = []
    for group, z, rate in ((SLOW, scores[0], 62.5), (FAST, scores[1], 125.0)):
        chosen = labels[np.isin(which, group)].copy()
        chosen[:, 1] = np.searchsorted(group, chosen[:, 1])
        parts.append(loss_of(z, chosen, group, rate))
    return sum(p[0] for p in parts) / sum(p[1] for p in parts)


def loss_of(scores: Tensor, labels: Any, group: tuple[int, ...], rate: float) -> tuple[Tensor, Tensor]:
    """Return the sum of weighted losses of boundaries of one rate, and that of the weights."""
    n_rows = scores.shape[2]
    labels = labels[(labels[:, 3] < n_rows / rate) & (labels[:, 2] >= 0)]
    lead, which = (torch.from_numpy(labels[:, k].astype(int)) for k in (0, 1))
    first, last = (torch.from_numpy(f(labels[:, k] * rate - 0.5).astype(int)) for k, f in ((2, np.ceil), (3, np.floor)))
    at = torch.from_numpy(labels[:, 4] * rate - 0.5).float()[:, None]
    present = torch.from_numpy(labels[:, 4] >= 0)
    place = first.clamp(min=0)[:, None] + torch.arange(int(WIDEST * rate / 125))[None]
    inside = (place <= last[:, None]) & (place < n_rows)
    z = scores[lead[:, None], which[:, None], place.clamp(max=n_rows - 1)].masked_fill(~inside, -1e9)
    log_p = functional.log_softmax(torch.cat([torch.zeros(len(z), 1), z], 1), 1)
    spread = torch.tensor([SPREAD[b] * rate / 125 for b in group])[which][:, None]
    slack = torch.from_numpy(labels[:, 5] * rate).float()[:, None]
    anywhere = inside & ((place - at).abs() <= slack + 0.5)
    target = torch.exp(-0.5 * ((place - at) / spread) ** 2) * inside
    total = target.sum(1, keepdim=True)
    usable = (total[:, 0] > 0.5) | ~present
    target = torch.cat([(~present)[:, None].float(), target / total.clamp(min=1e-6) * present[:, None]], 1)
    importance = IMPORTANCE[np.array(group)][labels[:, 1].astype(int)]
    weight = torch.from_numpy(labels[:, 6] * importance).float() * usable
    exact = (target * log_p).sum(1)
    loose = torch.logsumexp(log_p[:, 1:].masked_fill(~anywhere, -1e9), 1).clamp(min=-50)
    gain = torch.where((slack[:, 0] > 0) & present, loose, exact)
    return -(gain * weight).sum(), weight.sum()


def folded(net: Net) -> dict[str, Any]:
    """Return all weights with the normalisations folded in, as plain lists."""

    def plain(t: Tensor) -> Any:
        return t.detach().numpy().astype(np.float64)

    def norm(bn: nn.BatchNorm1d) -> tuple[Any, Any]:
        scale = plain(bn.weight) / np.sqrt(plain(bn.running_var) + bn.eps)
        return scale, plain(bn.bias) - plain(bn.running_mean) * scale

    def layer(weight: Any, bias: Any) -> dict[str, Any]:
        return {"weight": rounded(weight), "bias": rounded(bias)}

    def block(b: Any) -> dict[str, Any]:
        scale, bias = norm(b.bn)
        out = layer(plain(b.pw.weight)[:, :, 0] * scale[:, None], bias)
        out |= {"dilation": b.dilation, "taps": rounded(plain(b.dw.weight)[:, 0])}
        return out if b.mix is None else out | {"mix": rounded(plain(b.mix.weight)[:, :, 0] * scale[:, None])}

    (s1, b1), down = norm(net.bn1), plain(net.down.weight)
    return {
        "patch": layer(plain(net.patch.weight)[:, 0], plain(net.patch.bias)),
        "down": layer(np.concatenate([down[:, :, 0], down[:, :, 1]], 1) * s1[:, None], b1),
        "mid": [block(b) for b in net.mid],
        "up": layer(plain(net.up.weight)[:, :, 0], plain(net.up.bias)),
        "b2": block(net.b2),
        "head": layer(plain(net.head.weight)[:, :, 0], plain(net.head.bias)),
    }


def rounded(values: Any) -> Any:
    """Return nested lists of six significant digits."""
    return np.vectorize(lambda v: float(f"{v:.6g}"))(values).tolist()
