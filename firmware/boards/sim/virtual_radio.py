# SPDX-License-Identifier: Apache-2.0
"""The simulator's `bluetooth`: MicroPython's BLE as the stock Pico 2 W has it, whose air is a process at the other end of a socket.

Behind the socket a Bumble device advertises, connects and speaks ATT (host/octolead/link/air/). What BTstack does and what bites
is imitated here: 512 bytes of attributes, one connection, values cut to their buffer, notifications cut to the MTU less 3 and
queued without bound and without a word, subscriptions that outlive their host. One thing is better: too many attributes raise
an error, where the real stack leaves them out silently.

A message on the socket is u16 length, u8 kind, payload.
"""

import json
import socket
import struct

SERVICES, ADVERTISE, NOTIFY, DISCONNECT, VALUE = 1, 2, 3, 4, 5
CONNECTED, DISCONNECTED, WRITE, READ, MTU, SUBSCRIBED, SENT = 16, 17, 18, 19, 20, 21, 22

IRQ_CONNECT, IRQ_DISCONNECT, IRQ_WRITE, IRQ_READ, IRQ_MTU = 1, 2, 3, 4, 21
ENOMEM, ENOTCONN, EINVAL = 12, 128, 22
FLAG_NOTIFY, FLAG_INDICATE = 0x10, 0x20

DATABASE_BYTES = 512
DEFAULT_VALUE_BYTES = 20
DEFAULT_MTU = 23
_ATTRIBUTE = 8  # size, flags, handle, 16-bit UUID
_CHUNK = 4096


class UUID:
    """bluetooth.UUID of a 16-bit number or a text."""

    def __init__(self, value):
        self.bits = 16 if isinstance(value, int) else 128
        self.text = "%04x" % value if self.bits == 16 else value


class Database:
    """Attributes as BTstack's att_db_util lays them out: handles, values, bytes taken."""

    def __init__(self):
        self.values = {}
        self.capacity = {}
        self._handle = 0
        self.bytes = 1 + 2  # version, end tag
        for _ in ("generic access", "generic attribute"):
            self.service(16)
            self.characteristic(16, 0)

    def _add(self, n):
        self.bytes += n
        if self.bytes > DATABASE_BYTES:
            raise OSError(ENOMEM)
        self._handle += 1
        return self._handle

    def _value(self, handle, capacity):
        self.values[handle] = b""
        self.capacity[handle] = capacity

    def service(self, bits):
        """Add a primary service."""
        self._add(_ATTRIBUTE + bits // 8)

    def characteristic(self, bits, flags):
        """Add a characteristic with its value, and its subscription where it notifies; return the value's handle."""
        self._add(_ATTRIBUTE + 3 + bits // 8)
        handle = self._add(_ATTRIBUTE - 2 + bits // 8)
        self._value(handle, DEFAULT_VALUE_BYTES)
        if flags & (FLAG_NOTIFY | FLAG_INDICATE):
            subscription = self._add(_ATTRIBUTE + 2)
            self._value(subscription, 2)
            self.values[subscription] = b"\0\0"
        return handle


class VirtualBle:
    """bluetooth.BLE(). `turn` is called between the app's turns: the scheduler, in which the real stack runs."""

    def __init__(self, port):
        self._address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
        self._socket = None
        self._in = b""
        self._out = []
        self._handler = None
        self._name = b"MPY BTSTACK"
        self._most_mtu = DEFAULT_MTU
        self._mtu = DEFAULT_MTU
        self._connection = None
        self.database = None
        self.queued = 0  # bytes of notifications that the stack below has not sent
        self.most_queued = 0

    # The API

    def active(self, on=None):
        """Switch on."""
        if on and self._socket is None:
            self._socket = socket.socket()
            self._socket.connect(self._address)
            self._socket.setblocking(False)
        return self._socket is not None

    def config(self, *names, mtu=None, gap_name=None):
        """Set the MTU to ask for, the GAP name."""
        if mtu is not None:
            self._most_mtu = mtu
        if gap_name is not None:
            self._name = gap_name

    def irq(self, handler):
        """Set the handler of events."""
        self._handler = handler

    def gatts_register_services(self, services):
        """Make the attribute database; return the handles of the values."""
        database = self.database = Database()
        told = []
        handles = []
        for uuid, characteristics in services:
            database.service(uuid.bits)
            mine = [database.characteristic(each[0].bits, each[1]) for each in characteristics]
            told.append([uuid.text, [[each[0].text, each[1], handle] for each, handle in zip(characteristics, mine)]])
            handles.append(tuple(mine))
        self._send(SERVICES, json.dumps({"services": told, "mtu": self._most_mtu, "name": self._name.decode()}).encode())
        return tuple(handles)

    def gatts_set_buffer(self, handle, length, append=False):
        """Set the size of a value's buffer."""
        self._check(handle)
        self.database.capacity[handle] = length

    def gatts_read(self, handle):
        """Return a value."""
        self._check(handle)
        return self.database.values[handle]

    def gatts_write(self, handle, value, send_update=False):
        """Set a value; tell whoever is subscribed."""
        self._check(handle)
        value = bytes(value)
        self.database.values[handle] = value
        self.database.capacity[handle] = max(self.database.capacity[handle], len(value))
        if not send_update:
            return
        subscription = self.database.values.get(handle + 1)
        if subscription is None or len(subscription) != 2:
            raise OSError(EINVAL)
        if self._connection is not None and subscription[0] & 1:
            self._notify(handle, value)

    def gatts_notify(self, connection, handle, value):
        """Send a notification, subscribed or not; it is cut to the MTU less 3."""
        if connection != self._connection:
            raise OSError(ENOTCONN)
        self._check(handle)
        self._notify(handle, bytes(value))

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        """Advertise; None stops."""
        if interval_us is None:
            self._send(ADVERTISE, b"")
            return
        if len(adv_data) > 31 or len(resp_data) > 31:
            raise OSError(EINVAL)
        self._send(ADVERTISE, struct.pack("<IB", interval_us, len(adv_data)) + adv_data + resp_data)

    def gap_disconnect(self, connection):
        """End the connection."""
        self._send(DISCONNECT, struct.pack("<H", connection))
        return connection == self._connection

    # The stack below

    def _check(self, handle):
        if self.database is None or handle not in self.database.values:
            raise OSError(EINVAL)

    def _notify(self, handle, value):
        value = value[: self._mtu - 3]
        self.queued += len(value)
        self.most_queued = max(self.most_queued, self.queued)
        self._send(NOTIFY, struct.pack("<HH", self._connection, handle) + value)

    def _send(self, kind, payload):
        if self._socket is not None:
            self._out.append(struct.pack("<HB", len(payload), kind) + payload)
            self._flush()

    def _flush(self):
        while self._out:
            try:
                n = self._socket.write(self._out[0])
            except OSError:
                self._gone()
                return
            if not n:
                return
            if n < len(self._out[0]):
                self._out[0] = self._out[0][n:]
                return
            self._out.pop(0)

    def _gone(self):
        """The air is no more: nobody is in range for ever."""
        self._socket.close()
        self._socket = None
        self._out = []
        if self._connection is not None:
            self._disconnected()

    def turn(self):
        """Let the stack work: what came becomes events."""
        if self._socket is None:
            return
        self._flush()
        while self._socket is not None:
            try:
                data = self._socket.read(_CHUNK)
            except OSError:
                data = b""
            if data is None:
                return
            if not data:
                self._gone()
                return
            self._in += data
            self._messages()

    def _messages(self):
        while len(self._in) >= 3:
            length, kind = struct.unpack("<HB", self._in)
            if len(self._in) < 3 + length:
                return
            payload = self._in[3 : 3 + length]
            self._in = self._in[3 + length :]
            self._message(kind, payload)

    def _message(self, kind, payload):
        if kind == CONNECTED:
            connection, address_type = struct.unpack("<HB", payload)
            self._connection = connection
            self._mtu = DEFAULT_MTU
            self._handler(IRQ_CONNECT, (connection, address_type, payload[3:]))
        elif kind == DISCONNECTED:
            self._disconnected()
        elif kind == MTU:
            self._mtu = struct.unpack("<H", payload)[0]
            self._handler(IRQ_MTU, (self._connection, self._mtu))
        elif kind == SENT:
            self.queued -= struct.unpack("<H", payload)[0]
        elif kind == READ:
            number, handle = struct.unpack("<HH", payload)
            self._handler(IRQ_READ, (self._connection, handle))
            self._send(VALUE, struct.pack("<H", number) + self.database.values.get(handle, b""))
        elif kind in (WRITE, SUBSCRIBED):
            self._written(kind, struct.unpack("<H", payload)[0], payload[2:])

    def _disconnected(self):
        connection = self._connection
        self._connection = None
        self.queued = 0
        self._handler(IRQ_DISCONNECT, (connection, 0xFF, bytes(6)))

    def _written(self, kind, handle, value):
        if handle not in self.database.values:
            return
        self.database.values[handle] = value[: self.database.capacity[handle]]
        if kind == WRITE:
            self._handler(IRQ_WRITE, (self._connection, handle))
