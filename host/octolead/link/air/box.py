# SPDX-License-Identifier: Apache-2.0
"""The recorder's antenna: what firmware/boards/sim/virtual_radio.py says over its socket, done by a Bumble device."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import suppress
from typing import Any

from bumble import gatt
from bumble.device import Connection, Device
from bumble.hci import HCI_CONNECTION_TIMEOUT_ERROR, Address
from bumble.host import Host

from .ether import Ether, Radio

SERVICES, ADVERTISE, NOTIFY, DISCONNECT, VALUE = 1, 2, 3, 4, 5
CONNECTED, DISCONNECTED, WRITE, READ, MTU, SUBSCRIBED, SENT = 16, 17, 18, 19, 20, 21, 22
ADDRESS = Address("C0:0C:70:1E:AD:01")
_READ_S = 5.0
_DISCONNECT_S = 1.0


class Box:
    """One recorder on the air. `most_mtu` is what the host's stack would grant at the most."""

    def __init__(self, ether: Ether, most_mtu: int) -> None:
        self._ether = ether
        self._most_mtu = most_mtu
        self._writer: asyncio.StreamWriter | None = None
        self._device: Device | None = None
        self._characteristics: dict[int, gatt.Characteristic[bytes]] = {}
        self._connection: Connection | None = None
        self._number = 0
        self._reads: dict[int, asyncio.Future[bytes]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what the firmware says until its process ends."""
        self._writer = writer
        self._ether.sent = lambda size: self._tell(SENT, struct.pack("<H", size))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length, kind = struct.unpack("<HB", await reader.readexactly(3))
                await self._do(kind, await reader.readexactly(length))
        self._writer = None
        writer.close()

    def _tell(self, kind: int, payload: bytes) -> None:
        if self._writer is not None:
            self._writer.write(struct.pack("<HB", len(payload), kind) + payload)

    async def _do(self, kind: int, payload: bytes) -> None:
        if kind == SERVICES:
            await self._power_on(json.loads(payload))
        elif kind == NOTIFY:
            number, handle = struct.unpack_from("<HH", payload)
            await self._notify(number, handle, payload[4:])
        elif kind == VALUE:
            waiting = self._reads.pop(struct.unpack_from("<H", payload)[0], None)
            if waiting and not waiting.done():
                waiting.set_result(payload[2:])
        elif kind == ADVERTISE and self._device is not None:
            await self._advertise(self._device, payload)
        elif kind == DISCONNECT and self._connection is not None and struct.unpack("<H", payload)[0] == self._number:
            with suppress(Exception):  # it may be gone by itself meanwhile, and Bumble waits for ever then
                await asyncio.wait_for(self._connection.disconnect(), _DISCONNECT_S)

    async def _power_on(self, told: dict[str, Any]) -> None:
        controller = Radio("recorder", link=self._ether)
        self._ether.recorder = controller
        device = self._device = Device(name=told["name"], address=ADDRESS, host=Host(controller, controller))
        device.gatt_server.max_mtu = min(told["mtu"], self._most_mtu)
        for uuid, characteristics in told["services"]:
            device.add_service(gatt.Service(uuid, [self._characteristic(*each) for each in characteristics]))
        device.on(Device.EVENT_CONNECTION, self._connected)
        await device.power_on()

    def _characteristic(self, uuid: str, flags: int, handle: int) -> gatt.Characteristic[bytes]:
        async def read(connection: Connection) -> bytes:
            return await self._read(handle)

        def write(connection: Connection, value: bytes) -> None:
            if connection is self._connection:
                self._tell(WRITE, struct.pack("<H", handle) + value)

        def subscribed(connection: Connection, notify: bool, indicate: bool) -> None:
            self._tell(SUBSCRIBED, struct.pack("<HBB", handle + 1, notify + 2 * indicate, 0))

        characteristic: gatt.Characteristic[bytes] = gatt.Characteristic(
            uuid,
            gatt.Characteristic.Properties(flags),
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            gatt.CharacteristicValue(read=read, write=write),
        )
        characteristic.on(characteristic.EVENT_SUBSCRIPTION, subscribed)
        self._characteristics[handle] = characteristic
        return characteristic

    async def _read(self, handle: int) -> bytes:
        number = len(self._reads)
        while number in self._reads:
            number += 1
        future = self._reads[number] = asyncio.get_running_loop().create_future()
        self._tell(READ, struct.pack("<HH", number, handle))
        return await asyncio.wait_for(future, _READ_S)

    async def _advertise(self, device: Device, payload: bytes) -> None:
        if not payload:
            await device.stop_advertising()
            return
        interval_us, n = struct.unpack_from("<IB", payload)
        await device.start_advertising(
            advertising_data=payload[5 : 5 + n],
            scan_response_data=payload[5 + n :],
            advertising_interval_min=interval_us / 1000,
            advertising_interval_max=interval_us / 1000,
        )

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        self._number = self._number % 0xEFF + 1
        self._tell(CONNECTED, struct.pack("<HB", self._number, 1) + bytes(connection.peer_address))

        def mtu() -> None:
            self._tell(MTU, struct.pack("<H", connection.att_mtu))

        def lost(reason: int = HCI_CONNECTION_TIMEOUT_ERROR) -> None:
            if self._connection is connection:
                self._connection = None
                self._tell(DISCONNECTED, struct.pack("<H", self._number))

        connection.on(Connection.EVENT_CONNECTION_ATT_MTU_UPDATE, mtu)
        connection.on(Connection.EVENT_DISCONNECTION, lost)

    async def _notify(self, number: int, handle: int, value: bytes) -> None:
        connection = self._connection
        if connection is None or number != self._number or self._device is None:
            return
        with suppress(Exception):  # lost in this moment: nothing is told of it, as below a real stack
            await self._device.gatt_server.notify_subscriber(connection, self._characteristics[handle], value, force=True)
