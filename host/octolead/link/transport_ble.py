# SPDX-License-Identifier: Apache-2.0
"""Bluetooth LE: bleak; packets as attribute values. Only this file and the simulator's air know bleak."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from .. import _constants as c
from ..errors import LinkError, LinkLostError

SERVICE = str(uuid.UUID(bytes=c.LINK_SERVICE_UUID))
LINK_IN = str(uuid.UUID(bytes=c.LINK_IN_UUID))
LINK_OUT = str(uuid.UUID(bytes=c.LINK_OUT_UUID))
_BATTERY = str(uuid.UUID(f"0000{c.GATT_BATTERY:04x}-0000-1000-8000-00805f9b34fb"))
_DEVICE_INFORMATION = str(uuid.UUID(f"0000{c.GATT_DEVICE_INFORMATION:04x}-0000-1000-8000-00805f9b34fb"))
FIND_S = 10.0
_CONNECT_S = 10.0
_SMALLEST_PACKET = 20
_NO_ADAPTER = (
    "no Bluetooth here that can be used ({}). Is there an adapter, is it switched on, and does the system's Bluetooth service run "
    "(on Linux: bluetoothctl show)? A cable does as well: --port TTY"
)


@dataclass(frozen=True)
class Adapter:
    """Which Bluetooth: the computer's own, or the simulator's.

    Attributes:
        scanner, client: bleak's backends; None takes the system's.
    """

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None


SYSTEM = Adapter()


@dataclass(frozen=True)
class Found:
    """A recorder in range.

    Attributes:
        name: as it is advertised.
        device_id: in hexadecimal, empty where the scan response was not heard.
        battery_percent: None where it is not known.
        rssi_dbm: signal strength.
    """

    name: str
    device_id: str
    battery_percent: int | None
    rssi_dbm: int
    address: str
    device: BLEDevice

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {name: value for name, value in vars(self).items() if name != "device"}

    def is_called(self, wanted: str) -> bool:
        """Whether `wanted` is its name, its address, or the beginning or end of its device id; an empty text is any."""
        text = wanted.lower()
        if text in ("", self.name.lower(), self.address.lower()):
            return True
        return len(text) >= 4 and (self.device_id.startswith(text) or self.device_id.endswith(text))


def _found(device: BLEDevice, data: AdvertisementData) -> Found:
    battery = data.service_data.get(_BATTERY, b"")
    device_id = data.service_data.get(_DEVICE_INFORMATION, b"")
    return Found(
        data.local_name or device.name or "",
        device_id.hex() if len(device_id) == 8 else "",
        battery[0] if len(battery) == 1 and battery[0] <= 100 else None,
        data.rssi,
        device.address,
        device,
    )


async def scan(seconds: float, adapter: Adapter = SYSTEM) -> list[Found]:
    """The recorders in range, the nearest first.

    Raises:
        LinkError: there is no Bluetooth to be used.
    """
    try:
        async with BleakScanner(service_uuids=[SERVICE], backend=adapter.scanner) as scanner:
            await asyncio.sleep(seconds)
    except (BleakError, OSError, EOFError) as error:
        raise LinkError(_NO_ADAPTER.format(_words(error))) from error
    heard = scanner.discovered_devices_and_advertisement_data
    return sorted((_found(device, data) for device, data in heard.values()), key=lambda found: -found.rssi_dbm)


async def find(wanted: str, adapter: Adapter = SYSTEM, timeout_s: float = FIND_S) -> Found:
    """The recorder of this name, id or address; an empty text is whichever is heard first.

    Raises:
        LinkLostError: it is not heard.
        LinkError: there is no Bluetooth to be used.
    """
    others: set[str] = set()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), BleakScanner(service_uuids=[SERVICE], backend=adapter.scanner) as scanner:
                async for device, data in scanner.advertisement_data():
                    found = _found(device, data)
                    if found.is_called(wanted):
                        return found
                    others.add(found.name or found.address)
    except (BleakError, OSError, EOFError) as error:
        raise LinkError(_NO_ADAPTER.format(_words(error))) from error
    heard = f"; others are: {', '.join(sorted(others))}" if others else ""
    raise LinkLostError(
        f"{'no recorder' if not wanted else wanted + ': not'} heard within {timeout_s:g} s{heard}. "
        "Is it on and near, and is no one else connected to it?"
    )


def _words(error: BaseException) -> str:
    if isinstance(error, BleakBluetoothNotAvailableError):
        return f"{error.args[0]}: {error.reason.name.lower().replace('_', ' ')}"
    return str(error) or type(error).__name__


class BleTransport:
    """An open connection.

    Attributes:
        max_packet: largest packet, bytes: what the MTU leaves.
        window: packets of blocks that may be on their way.
        live_window: packets of live frames that may be on their way.
    """

    window = 64
    live_window = 8

    def __init__(self, client: BleakClient, name: str, packets: asyncio.Queue[bytes | None], max_packet: int) -> None:
        self._client = client
        self._name = name
        self._packets = packets
        self.max_packet = max_packet

    @classmethod
    async def open(cls, found: Found, adapter: Adapter = SYSTEM) -> BleTransport:
        """Connect to a recorder that was found, and subscribe.

        Raises:
            LinkLostError: it does not answer, or is none.
        """
        packets: asyncio.Queue[bytes | None] = asyncio.Queue()
        client = BleakClient(
            found.device, lambda _: packets.put_nowait(None), timeout=_CONNECT_S, backend=adapter.client, services=[SERVICE]
        )
        name = found.name or found.address
        try:
            await client.connect()
            outgoing = client.services.get_characteristic(LINK_IN)
            if outgoing is not None:
                await client.start_notify(LINK_OUT, lambda _, value: packets.put_nowait(bytes(value)))
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            await _give_up(client)
            raise LinkLostError(f"{name}: cannot be connected to: {_words(error)}") from error
        except BaseException:
            await _give_up(client)
            raise
        if outgoing is None:
            await _give_up(client)
            raise LinkLostError(f"{name}: it has no link for octolead: is it a recorder, and is its firmware new enough?")
        size = max(_SMALLEST_PACKET, min(outgoing.max_write_without_response_size, c.LINK_PACKET_BYTES))
        return cls(client, name, packets, size)

    async def send(self, packet: bytes) -> None:
        """Send one packet."""
        try:
            await self._client.write_gatt_char(LINK_IN, packet, response=False)
        except (BleakError, OSError, EOFError) as error:
            raise LinkLostError(f"{self._name}: the connection was lost ({_words(error)})") from error

    async def receive(self) -> bytes:
        """The next packet."""
        packet = await self._packets.get()
        if packet is None:
            self._packets.put_nowait(None)
            raise LinkLostError(f"{self._name}: the connection was lost")
        return packet

    async def close(self) -> None:
        """Disconnect."""
        await _give_up(self._client)


async def _give_up(client: BleakClient) -> None:
    with suppress(BleakError, OSError, EOFError, TimeoutError):
        async with asyncio.timeout(_CONNECT_S):
            await client.disconnect()
