# SPDX-License-Identifier: Apache-2.0
"""Which recorder a command talks to: --port, --sim, --key."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..link import Recorder
    from ..link.bench import SimulatorBench

KEY_VARIABLE = "OCTOLEAD_KEY_FILE"
_SIM_CARD = "octolead-sim.img"
_SIM_SECONDS = 60.0
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass
class Target:
    """A recorder that can be connected to, again and again.

    Attributes:
        is_simulated: it is the simulator, which is idle when it begins.
    """

    port: str
    key: bytes = field(repr=False)
    bench: SimulatorBench | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether it is the simulator."""
        return self.bench is not None

    async def connect(self) -> Recorder:
        """Open a session."""
        from ..link import connect_usb

        port = await asyncio.to_thread(self.bench.plug) if self.bench else self.port
        return await connect_usb(port, self.key)

    def do(self, work: Callable[[Recorder], Awaitable[T]]) -> T:
        """Run `work` in a session of its own."""

        async def main() -> T:
            async with await self.connect() as recorder:
                if self.is_simulated and (await recorder.status()).state == "idle":
                    await recorder.start()
                return await work(recorder)

        return asyncio.run(main())


def link_options(function: F) -> F:
    """--port, --sim and --key; the command gets a context manager that gives a Target."""

    @click.option("--port", metavar="TTY", help="Serial port of the recorder, such as /dev/ttyACM0 or COM3.")
    @click.option(
        "--sim",
        metavar="[CARD]",
        is_flag=False,
        flag_value=_SIM_CARD,
        help=f"A simulated recorder that records an ECG on this card image (default: {_SIM_CARD}).",
    )
    @click.option(
        "--key", "key_file", metavar="FILE", help=f"The recorder's key. Default: the file that the variable {KEY_VARIABLE} names."
    )
    @wraps(function)
    def wrapped(*args: Any, port: str | None, sim: str | None, key_file: str | None, **kwargs: Any) -> Any:
        if (port is None) == (sim is None):
            raise click.UsageError("say which recorder: --port TTY or --sim")
        with _simulated(sim) if sim is not None else _real(str(port), key_file) as target:
            return function(*args, target=target, **kwargs)

    return wrapped  # type: ignore[return-value]


@contextmanager
def _real(port: str, key_file: str | None) -> Iterator[Target]:
    from ..link.crypto import read_key

    path = key_file or os.environ.get(KEY_VARIABLE)
    if not path:
        raise click.UsageError(f"a recorder answers only to its key: --key FILE, or the variable {KEY_VARIABLE}")
    yield Target(port, read_key(path))


@contextmanager
def _simulated(card: str) -> Iterator[Target]:
    from .. import demo_signal
    from ..link.bench import SimulatorBench
    from ..simulator import write_input

    key = secrets.token_bytes(32)  # of this run: who can read this process needs no key
    with tempfile.TemporaryDirectory(prefix="octolead-sim-") as folder:
        played = demo_signal.prepare(demo_signal.default_input(), _SIM_SECONDS)
        source = Path(folder) / "input.olnv"
        write_input(source, played.nanovolt, played.rate_hz)
        config = {"input": str(source), "card": str(Path(card).absolute()), "link_key": key.hex(), "card_mib": 256}
        config["settings"] = f"{config['card']}.settings"
        with SimulatorBench(config) as bench:
            yield Target("", key, bench)
            bench.end()
