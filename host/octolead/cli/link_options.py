# SPDX-License-Identifier: Apache-2.0
"""Which recorder a command talks to: --port, --ble, --sim, --key."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import SimulatorError
from .key_options import known_store

if TYPE_CHECKING:
    from ..link import Recorder
    from ..link.bench import SimulatorBench
    from ..link.crypto import KeySource
    from ..link.transport_ble import Adapter

KEY_VARIABLE = "OCTOLEAD_KEY_FILE"
_SIM_CARD = "octolead-sim.img"
_SIM_SECONDS = 60.0
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


@dataclass
class Target:
    """A recorder that can be connected to, again and again.

    Attributes:
        ble: name, device id or address on the air; None: it is on a cable.
        adapter: Bluetooth to use, None for the system's.
        is_simulated: it is the simulator, which is idle when it begins.
    """

    port: str
    key: KeySource = field(repr=False)
    bench: SimulatorBench | None = None
    ble: str | None = None
    adapter: Adapter | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether it is the simulator."""
        return self.bench is not None

    async def connect(self) -> Recorder:
        """Open a session."""
        from ..link import connect_ble, connect_usb

        if self.ble is not None:
            return await connect_ble(self.ble, self.key, adapter=self.adapter)
        port = await asyncio.to_thread(self.bench.plug) if self.bench else self.port
        return await connect_usb(port, self.key)

    def key_of(self, device_id: bytes) -> bytes | None:
        """The key of a recorder that was connected to, for what it enciphers; None where none is known."""
        return next(iter(self.key(device_id)), None) if callable(self.key) else self.key

    async def session(self, work: Callable[[Recorder], Awaitable[T]]) -> T:
        """Do `work` in a session of its own."""
        async with await self.connect() as recorder:
            if self.is_simulated and (await recorder.status()).state == "idle":
                await recorder.start()
            return await work(recorder)

    def do(self, work: Callable[[Recorder], Awaitable[T]]) -> T:
        """Run `work` in a session of its own."""
        return asyncio.run(self.session(work))


def link_options(function: F) -> F:
    """--port, --ble, --sim and --key; the command gets a Target."""
    return _with_target(function, needed=True)


def link_options_of(*cards: str, **simulated: Any) -> Callable[[F], F]:
    """The same with a simulated recorder of another configuration than the demo's, and with another card (one name) by default."""
    card = cards[0] if cards else _SIM_CARD
    return lambda function: _with_target(function, needed=True, simulated=simulated, card=card)


def link_options_if_wanted(function: F) -> F:
    """The same for commands that open recordings, too: `target` may be None; `key` is that of an enciphered recording."""
    return _with_target(function, needed=False)


def _with_target(function: F, *, needed: bool, simulated: Mapping[str, Any] | None = None, card: str = _SIM_CARD) -> F:
    @click.option("--port", metavar="TTY", help="Serial port of the recorder, such as /dev/ttyACM0 or COM3.")
    @click.option(
        "--ble",
        metavar="[NAME]",
        is_flag=False,
        flag_value="",
        help="Over Bluetooth: the recorder of this name, device id or address (octolead scan); without one, the first that is heard.",
    )
    @click.option(
        "--sim",
        metavar="[CARD]",
        is_flag=False,
        flag_value=card,
        help=f"A simulated recorder that records an ECG on this card image (default: {card}); with --ble over a simulated air.",
    )
    @click.option(
        "--key",
        "key_file",
        metavar="FILE",
        help=f"The recorder's key. Default: the file that the variable {KEY_VARIABLE} names, then what `octolead keys` keeps.",
    )
    @wraps(function)
    def wrapped(*args: Any, port: str | None, ble: str | None, sim: str | None, key_file: str | None, **kwargs: Any) -> Any:
        if not needed:
            kwargs["key"] = None
            if port is None and ble is None and sim is None:
                return function(*args, target=None, **kwargs | {"key": _key_of(key_file)})
        if [port, ble if sim is None else None, sim].count(None) != 2:
            raise click.UsageError("say which recorder, one of: --port TTY, --ble NAME, --sim")
        with _simulated(sim, ble, simulated or {}) if sim is not None else _real(port or "", ble, key_file) as target:
            return function(*args, target=target, **kwargs)

    return wrapped  # type: ignore[return-value]


def _key_of(key_file: str | None) -> bytes | None:
    from ..link.crypto import read_key

    return read_key(key_file) if key_file else None


@contextmanager
def _real(port: str, ble: str | None, key_file: str | None) -> Iterator[Target]:
    yield Target(port, _key_source(key_file), ble=ble)


def _key_source(key_file: str | None) -> KeySource:
    """The key of a file that is named; else whatever is kept here of the recorder that answers."""
    from ..link.crypto import read_key

    path = key_file or os.environ.get(KEY_VARIABLE)
    if path:
        return read_key(path)
    store = known_store()
    if store is None:
        raise click.UsageError(
            f"a recorder answers only to its key: --key FILE, the variable {KEY_VARIABLE}, or octolead keys add, which keeps it here"
        )
    return store.candidates


def _check_card(card: str) -> None:
    """An argument that stands behind --sim is taken for its card: what cannot be one is refused before a card is made of it."""
    if not Path(card).exists() and Path(card).suffix not in (".img", ".bin"):
        raise click.UsageError(f"--sim {card}: no card image of that name (*.img). If it is not meant as one, put it before --sim")


@contextmanager
def _simulated(card: str, ble: str | None, config: Mapping[str, Any]) -> Iterator[Target]:
    _check_card(card)
    key = secrets.token_bytes(32)  # of this run: who can read this process needs no key
    with simulated_bench(card, on_air=ble is not None, link_key=key.hex(), **config) as bench:
        yield Target("", key, bench, ble, getattr(bench, "adapter", None))
        bench.end()


@contextmanager
def simulated_bench(card: str, *, on_air: bool, **config: Any) -> Iterator[SimulatorBench]:
    """A simulated recorder that plays the demo's ECG."""
    from .. import demo_signal
    from ..link.bench import SimulatorBench
    from ..simulator import write_input

    with tempfile.TemporaryDirectory(prefix="octolead-sim-") as folder:
        played = demo_signal.prepare(demo_signal.default_input(), _SIM_SECONDS)
        source = Path(folder) / "input.olnv"
        write_input(source, played.nanovolt, played.rate_hz)
        path = str(Path(card).absolute())
        hand = Path(folder) / "hand"
        hand.touch()
        config = {"input": str(source), "bench_file": str(hand), "card": path, "settings": f"{path}.settings", "card_mib": 256, **config}
        with (_radio_bench() if on_air else SimulatorBench)(config) as bench:
            yield bench


def _radio_bench() -> type[SimulatorBench]:
    try:
        from ..link.air.bench import RadioBench
    except ImportError as error:
        raise SimulatorError(f"a simulated air needs {error.name}: pip install 'octolead[air]'") from error
    return RadioBench
