# SPDX-License-Identifier: Apache-2.0
"""A thread in which the air is: it outlives the event loops of those who use it, as a radio outlives a program."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from bumble.device import Device
from bumble.hci import Address
from bumble.host import Host

from .box import Box
from .ether import Ether, Faults, Radio

_START_S = 10.0
T = TypeVar("T")


class Air:
    """The air around one recorder.

    Args:
        most_mtu: MTU that is granted at the most; 23 is the least there is.

    Attributes:
        port: of 127.0.0.1, where the simulator's radio connects (`radio_port`).
    """

    def __init__(self, most_mtu: int = 517) -> None:
        for name in ("bumble", "asyncio"):
            logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger("bumble").propagate = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="octolead-air", daemon=True)
        self._thread.start()
        self._most_mtu = most_mtu
        self._devices: dict[str, Device] = {}
        self.port = self.run(self._start())

    async def _start(self) -> int:
        self._ether = Ether()
        self._server = await asyncio.start_server(Box(self._ether, self._most_mtu).serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` in the air's loop and wait for it, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` in the air's loop and wait for it, from another loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def host(self, name: str) -> Device:
        """A host's Bluetooth device of this name; in the air's loop only."""
        if name not in self._devices:
            controller = Radio(name, link=self._ether)
            address = Address(f"C0:FF:EE:00:00:{len(self._devices) + 1:02X}")
            device = self._devices[name] = Device(name=name, address=address, host=Host(controller, controller))
            await device.power_on()
        return self._devices[name]

    def set_faults(self, faults: Faults) -> None:
        """From now on the air is so."""

        async def change() -> None:
            self._ether.faults = replace(faults)

        self.run(change())

    @property
    def losses(self) -> int:
        """Connections that were lost so far."""
        return self._ether.losses

    def lose(self) -> None:
        """Lose the connection, if there is one."""

        async def lose() -> None:
            self._ether.lose()

        self.run(lose())

    def close(self) -> None:
        """End it."""

        async def end() -> None:
            self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()
