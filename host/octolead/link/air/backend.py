# SPDX-License-Identifier: Apache-2.0
"""bleak over the simulated air: a scanner and a client as bleak's own backends are, so that the code above is that of a real adapter."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, cast

from bleak.assigned_numbers import CharacteristicPropertyName, gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak.uuids import normalize_uuid_16
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy

from .thread import Air

_MTU = 517
_DISCONNECT_S = 2.0


def _uuid128(data: bytes) -> str:
    digits = data[::-1].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def advertisement_data(data: bytes, rssi: int) -> AdvertisementData:
    """What bleak makes of the bytes of an advertisement and its scan response."""
    name, services, uuids, at = None, {}, [], 0
    while at + 1 < len(data) and data[at]:
        kind, value = data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]
        if kind in (0x08, 0x09):
            name = value.decode("utf-8", "replace")
        elif kind in (0x02, 0x03):
            uuids += [normalize_uuid_16(number) for (number,) in struct.iter_unpack("<H", value)]
        elif kind in (0x06, 0x07):
            uuids += [_uuid128(value[i : i + 16]) for i in range(0, len(value), 16)]
        elif kind == 0x16:
            services[normalize_uuid_16(struct.unpack_from("<H", value)[0])] = value[2:]
    return AdvertisementData(name, {}, services, uuids, None, rssi, ())


class AirScanner(BaseBleakScanner):
    """Scans the air of a subclass."""

    air: ClassVar[Air]
    host: ClassVar[str]

    def __init__(self, detection_callback: Any, service_uuids: list[str] | None, scanning_mode: str, **kwargs: Any) -> None:
        super().__init__(detection_callback, service_uuids)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begin to scan."""
        self._loop = asyncio.get_running_loop()
        self.seen_devices = {}
        await self.air.call(self._start())

    async def _start(self) -> None:
        device = await self.air.host(self.host)
        device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await device.start_scanning()

    async def stop(self) -> None:
        """Scan no more."""
        await self.air.call(self._stop())

    async def _stop(self) -> None:
        device = await self.air.host(self.host)
        device.remove_listener(Device.EVENT_ADVERTISEMENT, self._heard)
        await device.stop_scanning()

    def _heard(self, advertisement: Advertisement) -> None:
        """In the air's thread."""
        found = advertisement_data(bytes(advertisement.data), advertisement.rssi)
        if self.is_allowed_uuid(found.service_uuids) and self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._report, str(advertisement.address), found)

    def _report(self, address: str, found: AdvertisementData) -> None:
        address = address.split("/")[0]
        device = self.create_or_update_device(address, address, found.local_name, None, found)
        self.call_detection_callbacks(device, found)


class AirClient(BaseBleakClient):
    """A connection over the air of a subclass."""

    air: ClassVar[Air]
    host: ClassVar[str]

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=kwargs.get("disconnected_callback"),
            timeout=kwargs.get("timeout", 10.0),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None

    @property
    def name(self) -> str:
        """Of the peer: its address."""
        return self.address

    @property
    def mtu_size(self) -> int:
        """As negotiated."""
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self) -> bool:
        """Whether it is."""
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, negotiate the MTU, discover what there is."""
        self._loop = asyncio.get_running_loop()
        self.services = await self.air.call(self._connect())

    async def _connect(self) -> BleakGATTServiceCollection:
        device = await self.air.host(self.host)
        try:
            connection = await device.connect(self.address, timeout=self._timeout)
        except Exception as error:
            raise BleakDeviceNotFoundError(self.address, f"{self.address} does not answer within {self._timeout:g} s") from error
        connection.on(Connection.EVENT_DISCONNECTION, self._lost)
        self._connection = connection
        peer = Peer(connection)
        try:
            return await connection.cancel_on_disconnection(self._discover(peer))
        except BaseException as error:
            self._connection = None
            with suppress(Exception):
                await asyncio.wait_for(connection.disconnect(), _DISCONNECT_S)
            raise BleakError(f"{self.address} was lost while its services were looked for") from error

    async def _discover(self, peer: Peer) -> BleakGATTServiceCollection:
        await peer.request_mtu(_MTU)
        found = BleakGATTServiceCollection()
        for service in await peer.discover_services():
            own = BleakGATTService(service, service.handle, str(_text(service.uuid)))
            found.add_service(own)
            for proxy in await peer.discover_characteristics(service=service):
                properties = cast(list[CharacteristicPropertyName], list(gatt_char_props_to_strs(int(proxy.properties))))
                characteristic = BleakGATTCharacteristic(proxy, proxy.handle, _text(proxy.uuid), properties, lambda: self.mtu_size - 3, own)
                found.add_characteristic(characteristic)
        return found

    def _lost(self, reason: int) -> None:
        """In the air's thread."""
        self._connection = None
        callback = self._disconnected_callback
        if callback is not None and self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(callback)

    async def disconnect(self) -> None:
        """End the connection."""
        connection = self._connection
        if connection is not None:
            with suppress(Exception):  # where it has ended by itself, Bumble waits for ever
                await self.air.call(asyncio.wait_for(connection.disconnect(), _DISCONNECT_S))

    async def _do(self, work: Callable[[CharacteristicProxy[bytes]], Any], characteristic: BleakGATTCharacteristic) -> Any:
        async def inside() -> Any:
            if self._connection is None:
                raise BleakError("not connected")
            return await self._connection.cancel_on_disconnection(work(characteristic.obj))

        try:
            return await self.air.call(inside())
        except asyncio.CancelledError:
            if self._connection is None:
                raise BleakError("the connection was lost") from None
            raise

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any) -> bytearray:
        """Read a value."""
        return bytearray(await self._do(lambda proxy: proxy.read_value(), characteristic))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
        """Write a value."""
        await self._do(lambda proxy: proxy.write_value(bytes(data), with_response=response), characteristic)

    async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any) -> None:
        """Subscribe."""
        loop = asyncio.get_running_loop()

        def came(value: bytes) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(callback, bytearray(value))

        await self._do(lambda proxy: proxy.subscribe(came), characteristic)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Subscribe no more."""
        await self._do(lambda proxy: proxy.unsubscribe(), characteristic)

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any) -> bytearray:
        """Not needed here."""
        raise NotImplementedError

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Not needed here."""
        raise NotImplementedError

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """The recorder has no pairing."""
        raise NotImplementedError

    async def unpair(self) -> None:
        """The recorder has no pairing."""
        raise NotImplementedError


def _text(uuid: Any) -> str:
    data = bytes(uuid)
    return normalize_uuid_16(int.from_bytes(data, "little")) if len(data) == 2 else _uuid128(data)


def backends(air: Air, host: str = "host") -> tuple[type[AirScanner], type[AirClient]]:
    """A scanner and a client for bleak, of one host in this air."""
    members = {"air": air, "host": host}
    return cast(type[AirScanner], type("Scanner", (AirScanner,), members)), cast(type[AirClient], type("Client", (AirClient,), members))
