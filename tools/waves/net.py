# SPDX-License-Identifier: Apache-2.0
"""The network of native/src/wave_net.c, for training, and the loss under which its scores mean what wave_decode.c reads.

Input: leads as rows, millivolts at 250 Hz. Output: scores of eight boundaries at 125 Hz; score j is of (j + 0.5) 8 ms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS, FINE, COARSE = 24, 16, 24
DILATIONS = (1, 2, 4, 8)
MIXES = (False, True, True, False)
N_BOUNDARIES = 8
SPREAD = (1.6, 1.2, 1.6, 0.9, 1.1, 2.5, 1.2, 1.8)  # of the target around a boundary, in rows of 8 ms
IMPORTANCE = np.array([1.2, 1.0, 1.2, 1.0, 1.0, 1.0, 0.5, 1.2])
WIDEST = 96


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


class Net(nn.Module):
    """One descent from 62.5 Hz to 31.25 Hz and back."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv1d(1, FINE, TAPS, stride=4, padding=(TAPS - 4) // 2)
        self.inp = nn.Conv1d(FINE, FINE, 1, bias=False)
        self.bn0 = nn.BatchNorm1d(FINE)
        self.b1 = Block(FINE, 1)
        self.down = nn.Conv1d(FINE, COARSE, 2, stride=2, bias=False)
        self.bn1 = nn.BatchNorm1d(COARSE)
        self.mid = nn.ModuleList(Block(COARSE, d, m) for d, m in zip(DILATIONS, MIXES, strict=True))
        self.up = nn.Conv1d(COARSE, 2 * FINE, 1)
        self.b2 = Block(FINE, 1)
        self.head = nn.Conv1d(FINE, 2 * N_BOUNDARIES, 1)

    def forward(self, x: Tensor, record: Tensor, n_records: int) -> Tensor:
        """Return scores [row][boundary][125 Hz]."""
        d = functional.pad(x[:, :, 1:] - x[:, :, :-1], (1, 0)) * 20
        a = self.patch(d)
        h = self.b1(functional.relu(self.bn0(self.inp(a / (1 + a.abs())))), record, n_records)
        c = functional.relu(self.bn1(self.down(h)))
        for block in self.mid:
            c = block(c, record, n_records)
        h = self.b2(functional.relu(h + interleave(self.up(c), 2)), record, n_records)
        return interleave(self.head(h), 2)


def loss(scores: Tensor, labels: Any) -> Tensor:
    """Cross entropy over the places of each window and "absent"; rows of `labels`: lead, boundary, from, to, at (s; -1), weight."""
    n_rows = scores.shape[2]
    labels = labels[(labels[:, 3] < n_rows / 125) & (labels[:, 2] >= 0)]
    lead, which = (torch.from_numpy(labels[:, k].astype(int)) for k in (0, 1))
    first, last = (torch.from_numpy(f(labels[:, k] * 125 - 0.5).astype(int)) for k, f in ((2, np.ceil), (3, np.floor)))
    at = torch.from_numpy(labels[:, 4] * 125 - 0.5).float()[:, None]
    present = torch.from_numpy(labels[:, 4] >= 0)
    place = first.clamp(min=0)[:, None] + torch.arange(WIDEST)[None]
    inside = (place <= last[:, None]) & (place < n_rows)
    z = scores[lead[:, None], which[:, None], place.clamp(max=n_rows - 1)].masked_fill(~inside, -1e9)
    log_p = functional.log_softmax(torch.cat([torch.zeros(len(z), 1), z], 1), 1)
    target = torch.exp(-0.5 * ((place - at) / torch.tensor(SPREAD)[which][:, None]) ** 2) * inside
    total = target.sum(1, keepdim=True)
    usable = (total[:, 0] > 0.5) | ~present
    target = torch.cat([(~present)[:, None].float(), target / total.clamp(min=1e-6) * present[:, None]], 1)
    weight = torch.from_numpy(labels[:, 5] * IMPORTANCE[labels[:, 1].astype(int)]).float() * usable
    return -((target * log_p).sum(1) * weight).sum() / weight.sum()


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

    (s0, b0), (s1, b1), down = norm(net.bn0), norm(net.bn1), plain(net.down.weight)
    return {
        "patch": layer(plain(net.patch.weight)[:, 0], plain(net.patch.bias)),
        "inp": layer(plain(net.inp.weight)[:, :, 0] * s0[:, None], b0),
        "b1": block(net.b1),
        "down": layer(np.concatenate([down[:, :, 0], down[:, :, 1]], 1) * s1[:, None], b1),
        "mid": [block(b) for b in net.mid],
        "up": layer(plain(net.up.weight)[:, :, 0], plain(net.up.bias)),
        "b2": block(net.b2),
        "head": layer(plain(net.head.weight)[:, :, 0], plain(net.head.bias)),
    }


def rounded(values: Any) -> Any:
    """Return nested lists of six significant digits."""
    return np.vectorize(lambda v: float(f"{v:.6g}"))(values).tolist()
