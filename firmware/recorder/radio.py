# SPDX-License-Identifier: Apache-2.0
"""The Bluetooth LE carrier: packets as attribute values (docs/SPEC.md 6.1, 6.8), over MicroPython's `bluetooth`. Hardware handed in.

The stack calls `_irq` whenever it likes; it keeps what came and leaves. Everything else is done by `pump`, in the app's own turn.

What goes out is queued by the stack below without bound and without a word. So: blocks and live frames wait for the host's
credits (link.py), at most BURST_BYTES and then BYTES_A_MS are handed down, and a connection without a session may ask for
RADIO_UNPROVEN_PACKETS answers. What waits below is bounded by these three, however slow the other end takes it.
"""

from . import constants as c
from . import radio_values as values
from .link_session import OPEN

IRQ_CONNECT = 1
IRQ_DISCONNECT = 2
IRQ_WRITE = 3
IRQ_MTU = 21

QUEUED_BYTES = 4096  # that may come between two turns of the app
BURST_BYTES = 4096
BYTES_A_MS = 40  # a little more than this radio was ever seen to carry: 36.5 kB/s
_ATT_BYTES = 14  # what a packet takes on the air beside its own bytes
_SMALLEST_MTU = 23
_LOOK_MS = 1000


class Radio:
    """One radio. `ble` is bluetooth.BLE(), `uuid` bluetooth.UUID, `ticks` has ms() and diff()."""

    def __init__(self, ble, uuid, recorder, ticks):
        self._ble = ble
        self._uuid = uuid
        self._recorder = recorder
        self._ticks = ticks
        self.connection = None
        self.max_packet = _SMALLEST_MTU - 3
        self._events = []
        self._waiting = 0
        self._overrun = False
        self._leaving = False  # it was hung up, and the stack has not said yet that it is done
        self._budget = BURST_BYTES
        self._refilled = self._looked = ticks.ms()
        self._advertised = None
        self._battery = None

    def begin(self):
        """Switch the radio on, register the services, advertise."""
        ble = self._ble
        ble.active(True)
        ble.config(mtu=c.RADIO_MTU)
        ble.irq(self._irq)
        link, heart, battery, device, clock = ble.gatts_register_services(values.services(self._uuid))
        self._in, self._out = link
        self._heart, location = heart
        self._battery_level = battery[0]
        self._clock = clock[0]
        ble.gatts_set_buffer(self._in, c.LINK_PACKET_BYTES)
        self._write(location, bytes([values.CHEST]))
        self._write(self._clock, values.current_time(None))
        for handle, value in zip(device, values.device_information(self._recorder.board, self._recorder.device_id)):
            self._write(handle, value)
        self._look_at_battery()
        self._advertise()

    # From the stack, at any moment

    def _irq(self, event, data):
        if event == IRQ_WRITE:
            connection, handle = data
            if handle == self._in and not self._overrun:
                self._keep(connection, self._ble.gatts_read(handle))
        elif event == IRQ_DISCONNECT:
            self._unsubscribe()
            self._events.append((event, data[0], 0))
        elif event == IRQ_CONNECT:
            self._events.append((event, data[0], 0))
        elif event == IRQ_MTU:
            self._events.append((event, data[0], data[1]))

    def _keep(self, connection, packet):
        self._waiting += len(packet) + _ATT_BYTES
        if self._waiting > QUEUED_BYTES:
            self._overrun = True
        else:
            self._events.append((IRQ_WRITE, connection, packet))

    def _unsubscribe(self):
        """BTstack hands the subscriptions of one host to the next; no stack else has an attribute there."""
        for handle in (self._out, self._heart, self._battery_level):
            self._write(handle + 1, b"\0\0")

    # The carrier

    def send(self, packet):
        """Take a packet; False while it must wait."""
        cost = len(packet) + _ATT_BYTES
        if self.connection is None or cost > self._budget:
            return False
        try:
            self._ble.gatts_notify(self.connection, self._out, packet)
        except OSError:  # NimBLE says so when it is full
            return False
        self._budget -= cost
        return True

    def pump(self, link):
        """Hand what came to the link; True when something did."""
        now_ms = self._ticks.ms()
        self._budget = min(BURST_BYTES, self._budget + BYTES_A_MS * self._ticks.diff(now_ms, self._refilled))
        self._refilled = now_ms
        came = bool(self._events)
        if came:
            self._take(link)
        if self._overrun:
            self._hang_up(link)
        if self._ticks.diff(now_ms, self._looked) >= _LOOK_MS:
            self._looked = now_ms
            self._look(link)
        return came

    def _take(self, link):
        events, self._events = self._events, []
        self._waiting = 0
        for event, connection, value in events:
            if event == IRQ_CONNECT:
                self._connected(link, connection)
            elif connection != self.connection:
                continue
            elif event == IRQ_WRITE:
                self._packet(link, value)
            elif event == IRQ_MTU:
                self._resize(link, value)
            else:
                self._lost(link)

    def _connected(self, link, connection):
        if self.connection is not None:
            self._disconnect(connection)
            return
        self.connection = connection
        self._leaving = False
        self._unproven = 0
        self._since = self._ticks.ms()
        self._advertised = None
        self._resize(link, _SMALLEST_MTU)

    def _resize(self, link, mtu):
        self.max_packet = max(_SMALLEST_MTU - 3, min(mtu - 3, c.LINK_PACKET_BYTES))
        link.resize(self.max_packet)

    def _packet(self, link, packet):
        if self._leaving:
            return
        link.receive(packet)
        if link.session.state == OPEN:
            self._unproven = 0
            return
        self._unproven += 1
        if self._unproven > c.RADIO_UNPROVEN_PACKETS:
            self._hang_up(link)

    def _hang_up(self, link):
        """End the connection; what it sent that was not looked at is forgotten."""
        self._overrun = False
        link.lost()
        if self.connection is not None:
            self._leaving = True
            self._disconnect(self.connection)

    def _disconnect(self, connection):
        try:
            self._ble.gap_disconnect(connection)
        except OSError:  # it is gone by itself
            pass

    def _lost(self, link):
        self.connection = None
        link.lost()
        self._advertise()

    # What everyone may see

    def _look(self, link):
        self._look_at_battery()
        self._write(self._clock, values.current_time(link.control.time.now_us()))
        if self.connection is None:
            self._advertise()
            return
        if self._leaving:
            self._disconnect(self.connection)
            return
        is_open = getattr(self._recorder, "open_heart_rate", False)
        if is_open:
            self._tell_heart()
        if link.session.state == OPEN:
            self._since = self._ticks.ms()
        elif self._ticks.diff(self._ticks.ms(), self._since) > 1000 * c.RADIO_UNPROVEN_S and not (is_open and self._is_heard()):
            self._hang_up(link)

    def _look_at_battery(self):
        percent = getattr(self._recorder, "battery_percent", values.BATTERY_UNKNOWN)
        if percent != self._battery:
            self._battery = percent
            self._write(self._battery_level, values.battery_level(percent), True)

    def _tell_heart(self):
        heart = getattr(self._recorder, "heart", None)
        if heart is not None:
            rr = heart.take_rr()[-values.MOST_RR :]
            self._write(self._heart, values.heart_rate_measurement(heart.bpm, heart.contact, rr), True)

    def _is_heard(self):
        """Whether the heart rate is subscribed to; where the stack does not tell, whoever is connected is taken to be."""
        try:
            return bool(self._ble.gatts_read(self._heart + 1)[0] & 1)
        except (OSError, IndexError):
            return True

    def _write(self, handle, value, update=False):
        try:
            self._ble.gatts_write(handle, value, update)
        except OSError:  # no memory for it now, or no such attribute: the next look tries again
            pass

    def on_air(self):
        """True while it advertises or a host is connected."""
        return self.connection is not None or self._advertised is not None

    def _advertise(self):
        """Advertise, unless just that is being advertised."""
        recorder = self._recorder
        data = values.advertisement(getattr(recorder, "open_heart_rate", False), self._battery)
        response = values.scan_response(values.name_of(recorder), recorder.device_id)
        if (data, response) == self._advertised:
            return
        try:
            self._ble.config(gap_name=values.name_of(recorder))
            self._ble.gap_advertise(1000 * c.RADIO_ADVERTISE_MS, adv_data=data, resp_data=response)
        except OSError:
            return  # the next look tries again
        self._advertised = (data, response)
