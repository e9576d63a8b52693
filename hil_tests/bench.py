# SPDX-License-Identifier: Apache-2.0
"""What only a bench can do to a recorder: cut its power, lift an electrode, press the button, feed a known signal.

`Bench` is what tests ask for. `NoBench` is a recorder on a cable and nothing else, `PromptBench` a person with two hands,
`RelayBench` a controller with relays on a serial port (README.md has its protocol), `sim_bench.SimBench` the simulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octolead.link.transport_ble import Adapter

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

POWER, ELECTRODE, BUTTON, SIGNAL = "power", "electrode", "button", "signal"
"""What a bench may be able to do, besides holding the recorder."""


class BenchError(Exception):
    """The bench did not do what it was told."""


class Declined(Exception):
    """The person at the bench does not want to do this."""


class Bench:
    """A recorder that can be reached.

    Attributes:
        name: for reports.
        can: what the bench is able to do.
        speed: seconds of the recorder in one of this computer; 1 for everything real.
        lag_s: how old a frame number in an answer may be, seconds of this computer.
        called: what the recorder is called on the air; "" is whichever is heard first.
        adapter: the Bluetooth to reach it by; None is this computer's own.
    """

    name = "none"
    can: frozenset[str] = frozenset()
    speed = 1.0
    lag_s = 0.01
    called = ""
    adapter: Adapter | None = None

    def plug(self) -> str:
        """Name of the serial port to open."""
        raise NotImplementedError

    def power(self, on: bool) -> None:
        """Supply on or off, at once: nothing is shut down before."""
        raise NotImplementedError

    def electrode(self, name: str, off: bool) -> None:
        """Take an electrode off, or put it back."""
        raise NotImplementedError

    def button(self, pressed: bool) -> None:
        """The patient's button."""
        raise NotImplementedError

    def sine(self, amplitude_uv: float, frequency_hz: float, rate_hz: int) -> None:
        """A sine between RA and all other electrodes: leads I and II show `amplitude_uv`, V1 to V6 a third of it. 0: 0 V.

        `rate_hz` is the rate it will be recorded at; only the simulator asks.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Leave the recorder powered, its electrodes on, its button released."""


class NoBench(Bench):
    """A recorder on a port, or of that name on the air, and nobody there."""

    def __init__(self, port: str) -> None:
        self._port = self.called = port
        self.name = f"recorder on {port}"

    def plug(self) -> str:
        """The port."""
        return self._port


class PromptBench(NoBench):
    """A person does it: `ask(words)` shows what and waits for Enter; an answer that begins with "s" skips the test."""

    can = frozenset((POWER, ELECTRODE, BUTTON, SIGNAL))

    def __init__(self, port: str, ask: Callable[[str], str]) -> None:
        super().__init__(port)
        self._ask = ask
        self._lifted: set[str] = set()

    def _do(self, words: str) -> None:
        if self._ask(f"\n>>> {words}, then press Enter (s: skip): ").strip().lower().startswith("s"):
            raise Declined(f"the person at the bench skipped: {words}")

    def power(self, on: bool) -> None:
        """Battery and cable."""
        self._do("put the battery back" if on else "take the battery out (and pull the cable if it supplies the recorder) NOW")

    def electrode(self, name: str, off: bool) -> None:
        """A clip of the dummy."""
        self._do(f"{'take electrode' if off else 'put electrode'} {name} {'off the dummy' if off else 'back on the dummy'}")
        self._lifted = self._lifted | {name} if off else self._lifted - {name}

    def button(self, pressed: bool) -> None:
        """Told when it is pressed: one prompt for both."""
        if pressed:
            self._do("press the patient's button once, shortly")

    def sine(self, amplitude_uv: float, frequency_hz: float, rate_hz: int) -> None:
        """The generator."""
        self._do(f"set the generator to a sine of {amplitude_uv:g} uV amplitude, {frequency_hz:g} Hz" if amplitude_uv else "switch it off")

    def close(self) -> None:
        """Ask for what is still lifted."""
        for name in sorted(self._lifted):
            self._ask(f"\n>>> put electrode {name} back on the dummy, then press Enter: ")


class RelayBench(NoBench):
    """A controller on a serial port: one line a command, one line back."""

    def __init__(self, port: str, line: IO[bytes]) -> None:
        super().__init__(port)
        self._line = line
        self.name = f"{self.name} with {self._say('hello')}"
        self.can = frozenset(self._say("can").split()) & {POWER, ELECTRODE, BUTTON, SIGNAL}

    def _say(self, words: str) -> str:
        self._line.write(words.encode("ascii") + b"\n")
        answer = self._line.readline().decode("ascii", "replace").strip()
        if not re.match(r"ok\b", answer):
            raise BenchError(f"the bench controller answered {answer!r} to {words!r}, not 'ok'; is it a bench controller, with power?")
        return answer[2:].strip()

    def power(self, on: bool) -> None:
        """The relay in the battery's lead."""
        self._say(f"power {'on' if on else 'off'}")

    def electrode(self, name: str, off: bool) -> None:
        """The relay in an electrode's lead."""
        self._say(f"electrode {name} {'off' if off else 'on'}")

    def button(self, pressed: bool) -> None:
        """The relay across the button."""
        self._say(f"button {'press' if pressed else 'release'}")

    def sine(self, amplitude_uv: float, frequency_hz: float, rate_hz: int) -> None:
        """The generator behind the divider."""
        self._say(f"sine {amplitude_uv:g} {frequency_hz:g}")

    def close(self) -> None:
        """All as at the beginning."""
        self._say("reset")
        self._line.close()


def open_relay(tty: str) -> Any:
    """The controller's serial port: 115200 baud, answers within 5 s."""
    import serial

    return serial.Serial(tty, 115200, timeout=5, write_timeout=5)


def mask_of(names: Iterable[str]) -> int:
    """Electrodes as bits."""
    return sum(1 << ELECTRODES.index(name) for name in names)
