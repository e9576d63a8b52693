# SPDX-License-Identifier: Apache-2.0
"""What a carrier must be for the rest of this room: packets out, packets in, whole. USB is one; others stand beside it."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """An open connection that moves whole packets.

    Attributes:
        max_packet: largest packet it takes, bytes.
        window: packets of blocks that may be on their way.
        live_window: packets of live frames that may be on their way; on a slow carrier many are old ones.
    """

    max_packet: int
    window: int
    live_window: int

    async def send(self, packet: bytes) -> None:
        """Send one packet; waits while the carrier is full.

        Raises:
            LinkLostError: the connection is gone.
        """

    async def receive(self) -> bytes:
        """The next packet.

        Raises:
            LinkLostError: the connection is gone.
        """

    async def close(self) -> None:
        """Give the connection back; never raises."""
