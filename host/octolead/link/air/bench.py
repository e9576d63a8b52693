# SPDX-License-Identifier: Apache-2.0
"""The simulated recorder on the air, and on its cable beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..bench import SimulatorBench
from ..transport_ble import Adapter
from .backend import backends
from .ether import Faults
from .thread import Air


class RadioBench(SimulatorBench):
    """A simulated recorder with a radio. `config` as in firmware/README.md, without `link_port` and `radio_port`.

    Attributes:
        air: what is between it and hosts.
        adapter: of a host near by.
    """

    def __init__(self, config: Mapping[str, Any], *, most_mtu: int = 517) -> None:
        self.air = Air(most_mtu)
        self.adapter = self.host("host")
        try:
            super().__init__({**config, "radio_port": self.air.port})
        except BaseException:
            self.air.close()
            raise

    def host(self, name: str) -> Adapter:
        """The adapter of a host of this name."""
        return Adapter(*backends(self.air, name))

    def set_faults(self, *, cut_after: int | None = None, bytes_per_s: float | None = None, delay_s: float = 0.0) -> None:
        """Make the air bad (ether.Faults)."""
        self.air.set_faults(Faults(cut_after, bytes_per_s, delay_s))

    def close(self) -> None:
        """Kill what is left."""
        super().close()
        self.air.close()
