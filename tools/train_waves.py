# SPDX-License-Identifier: Apache-2.0
"""Train the wave delineator, and write its tables for the C core.

    python -m tools.train_waves                          write native/src/wave_tables.h out of tools/waves/weights.json
    python -m tools.train_waves --check                  say if they differ, exit 1 if so
    python -m tools.train_waves --train DATA             train on all records of DATA, write the weights, then the tables
    python -m tools.train_waves --train DATA --without 0 --weights FILE --tables FILE    the same without half 0 (or 1)
    python -m tools.train_waves --halves DATA            train without each half and print how each half comes out

Training needs torch 2.13, wfdb and scipy (pip install torch==2.13.0 into a scratch environment) and takes about five
minutes on one core; --halves also cc and the installed octolead. DATA holds ludb/, qtdb/, mitdb/, cpsc2021/ and nstdb/ as
PhysioNet has them. Which half of the records is left out is by their order in each database. Nothing is chosen by record.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tools.waves import tables

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "tools" / "waves" / "weights.json"
TABLES = ROOT / "native" / "src" / "wave_tables.h"
N_FRAMES = 2496
N_STEPS = 800
BATCH = {"ludb": 9, "qtdb": 3, "mitdb": 4, "cpsc": 1}
WEIGHT_OF = {"ludb": 1.0, "qtdb": 0.5, "mitdb": 0.5, "cpsc": 0.5}
RATE = 8e-3


def choose_leads(piece: dict[str, Any], rng: np.random.Generator) -> list[int]:
    """Return columns: the recorder's eight, one, or any, so that the network knows all of these."""
    from tools.waves.data import EIGHT

    if piece["db"] == "ludb":
        kind = rng.random()
        if kind < 0.5:
            return list(EIGHT)
        if kind < 0.7:
            return [1] if rng.random() < 0.3 else [int(rng.integers(12))]
        return [int(k) for k in rng.choice(12, int(rng.integers(2, 9)), replace=False)]
    if rng.random() < 0.5:
        return [0, 1]
    return [0] if piece["db"] == "mitdb" else [int(rng.integers(2))]


def stretched(x: Any, labels: Any, factor: float) -> tuple[Any, Any]:
    """Return the signal slower by `factor`, as long as the others, and its labels."""
    from torch.nn import functional

    if factor != 1.0:
        n = int(2500 * factor)
        x = functional.interpolate(x, size=n, mode="linear", align_corners=False)
        x = x if n >= N_FRAMES else functional.pad(x, (0, N_FRAMES - n), mode="replicate")
        labels[:, 2:4] *= n / 2500
        labels[:, 4] = np.where(labels[:, 4] >= 0, labels[:, 4] * n / 2500, -1)
        labels[:, 5] *= n / 2500
    return x[:, :, :N_FRAMES], labels


def batch(pieces: list[dict[str, Any]], noises: list[Any], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return leads as rows, the number of each row's piece, and labels."""
    import torch

    from tools.waves.augment import changed, disturbed

    rows: list[Any] = []
    record: list[int] = []
    labels: list[tuple[float, ...]] = []
    factor = rng.uniform(0.88, 1.12) if rng.random() < 0.5 else 1.0
    for number, piece in enumerate(changed(p, rng) for p in pieces):
        leads = choose_leads(piece, rng)
        gain = np.exp(rng.normal(0, 0.3))
        noise_mv = 0.0 if rng.random() < 0.5 else 10 ** rng.uniform(-2.7, -1.5)
        for lead in leads:
            labels += [(len(rows), *label, WEIGHT_OF[piece["db"]]) for label in piece["labels"][lead]]
            rows.append(disturbed(piece["x"][lead], gain, noise_mv, noises, rng))
            record.append(number)
    x, y = stretched(torch.from_numpy(np.stack(rows))[:, None], np.array(labels, np.float64), factor)
    return x, torch.tensor(record), y


def records(folder: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return all pieces, and noise."""
    from tools.waves.data import noises, pieces

    return pieces(folder), noises(folder / "nstdb")


def train(data: tuple[list[dict[str, Any]], list[Any]], without: int | None, n_steps: int = N_STEPS) -> dict[str, Any]:
    """Return the weights of a network trained on the records but those of one half."""
    import torch

    from tools.waves.net import Net, folded, loss

    torch.set_num_threads(1)
    torch.manual_seed(2 if without is None else without)
    rng = np.random.default_rng(2 if without is None else without)
    everything = [p for p in data[0] if p["half"] != without]
    pools = {db: [p for p in everything if p["db"] == db] for db in BATCH}
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=n_steps, pct_start=0.15)
    total = 0.0
    for step in range(1, n_steps + 1):
        chosen = [pool[i] for db, pool in pools.items() for i in rng.integers(len(pool), size=BATCH[db])]
        x, record, labels = batch(chosen, data[1], rng)
        value = loss(net(x, record, len(chosen)), labels)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        total += value.item()
        if step % 50 == 0:
            print(f"step {step} of {n_steps}: loss {total / 50:.3f}", file=sys.stderr)
            total = 0.0
    net.eval()
    return folded(net)


def print_halves(folder: Path) -> None:
    """Print how each half comes out with a network that has not seen it."""
    from tools.waves.evaluate import added, lines, scores

    data = records(folder)
    print("\n".join(lines(*added([scores(folder, train(data, half), half) for half in (0, 1)]))))


def main() -> int:
    """Train, write or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--train", type=Path, metavar="DATA")
    parser.add_argument("--halves", type=Path, metavar="DATA")
    parser.add_argument("--without", type=int, choices=(0, 1))
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--tables", type=Path, default=TABLES)
    args = parser.parse_args()
    if args.halves:
        print_halves(args.halves)
        return 0
    if args.train:
        args.weights.write_text(json.dumps(train(records(args.train), args.without)) + "\n", encoding="utf-8")
    text = tables.header(json.loads(args.weights.read_text(encoding="utf-8")))
    if args.check:
        same = args.tables.read_text(encoding="utf-8") == text
        print(f"{args.tables.name}: {'up to date' if same else 'differs from ' + args.weights.name}")
        return 0 if same else 1
    args.tables.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
