# SPDX-License-Identifier: Apache-2.0
"""The radio's own decisions, without air: what is handed down, what is kept, when it hangs up; the bytes everyone may see. SPEC 6.8."""

import struct
from types import SimpleNamespace

import pytest
from boards.sim.virtual_radio import Database
from recorder import constants as c
from recorder import radio_values as values
from recorder.link_session import OPEN
from recorder.radio import BURST_BYTES, BYTES_A_MS, IRQ_CONNECT, IRQ_DISCONNECT, IRQ_MTU, IRQ_WRITE, QUEUED_BYTES, Radio

DEVICE_ID = bytes.fromhex("0123456789abcdef")


class Ticks:
    now = 0

    def ms(self):
        return self.now

    def diff(self, a, b):
        return a - b


class Ble:
    """Keeps what it is told; `full` raises as NimBLE does."""

    full = False

    def __init__(self):
        self.sent, self.ended, self.advertised, self.values, self.updated = [], [], [], {}, []

    def active(self, on):
        pass

    def config(self, **values):
        pass

    def irq(self, handler):
        self.handler = handler

    def gatts_register_services(self, services):
        self.services = services
        handles, handle = [], 0
        for _, characteristics in services:
            handle += 1
            mine = []
            for _, flags in characteristics:
                handle += 2
                mine.append(handle)
                handle += bool(flags & 0x10)
            handles.append(tuple(mine))
        return tuple(handles)

    def gatts_set_buffer(self, handle, length):
        self.buffer = (handle, length)

    def gatts_read(self, handle):
        return self.values[handle]

    def gatts_write(self, handle, value, update=False):
        self.values[handle] = bytes(value)
        if update:
            self.updated.append((handle, bytes(value)))

    def gatts_notify(self, connection, handle, value):
        if self.full:
            raise OSError(12)
        self.sent.append((connection, handle, bytes(value)))

    def gap_advertise(self, interval_us, adv_data, resp_data):
        self.advertised.append((interval_us, adv_data, resp_data))

    def gap_disconnect(self, connection):
        self.ended.append(connection)


class Link:
    def __init__(self):
        self.session = SimpleNamespace(state=0)
        self.control = SimpleNamespace(time=SimpleNamespace(now_us=lambda: None))
        self.came, self.sizes, self.losses = [], [], 0

    def receive(self, packet):
        self.came.append(bytes(packet))

    def resize(self, size):
        self.sizes.append(size)

    def lost(self):
        self.losses += 1


@pytest.fixture
def parts():
    ticks, ble, link = Ticks(), Ble(), Link()
    recorder = SimpleNamespace(device_id=DEVICE_ID, board="sim")
    radio = Radio(ble, lambda value: value, recorder, ticks)
    radio.begin()
    return SimpleNamespace(ticks=ticks, ble=ble, link=link, radio=radio, recorder=recorder)


def write(parts, packet, connection=64):
    handle = parts.ble.buffer[0]
    parts.ble.values[handle] = packet
    parts.ble.handler(IRQ_WRITE, (connection, handle))


def connect(parts, connection=64):
    parts.ble.handler(IRQ_CONNECT, (connection, 1, bytes(6)))
    parts.radio.pump(parts.link)


def test_packets_are_sized_by_the_mtu_and_never_more_than_244(parts):
    connect(parts)
    assert parts.radio.max_packet == 20 and parts.link.sizes == [20]
    for mtu, size in ((185, 182), (247, 244), (517, 244), (10, 20)):
        parts.ble.handler(IRQ_MTU, (64, mtu))
        parts.radio.pump(parts.link)
        assert parts.radio.max_packet == parts.link.sizes[-1] == size
    assert parts.ble.buffer[1] == c.LINK_PACKET_BYTES


def taken(parts, most=100):
    """How many packets the radio takes at once."""
    for n in range(most):
        if not parts.radio.send(bytes(244)):
            return n
    return most


def test_nothing_is_sent_while_nobody_is_connected_and_all_of_it_is_paced(parts):
    assert not parts.radio.send(b"x")
    connect(parts)
    sent = taken(parts)
    assert sent == BURST_BYTES // 258
    parts.ticks.now += 10
    parts.radio.pump(parts.link)
    more = taken(parts)
    assert more == (BURST_BYTES - sent * 258 + 10 * BYTES_A_MS) // 258
    parts.ticks.now += 100000
    parts.radio.pump(parts.link)
    parts.ble.full = True
    assert not parts.radio.send(b"x")  # NimBLE says that it is full; the packet waits
    parts.ble.full = False
    assert parts.radio.send(b"x")


def test_packets_come_in_order_in_the_apps_own_turn_and_only_from_who_is_connected(parts):
    connect(parts)
    write(parts, b"one")
    write(parts, b"from elsewhere", connection=65)
    write(parts, b"two")
    assert not parts.link.came
    assert parts.radio.pump(parts.link)
    assert parts.link.came == [b"one", b"two"]
    assert not parts.radio.pump(parts.link)


def test_more_than_can_be_kept_between_two_turns_ends_the_connection(parts):
    connect(parts)
    for _ in range(QUEUED_BYTES // 200):
        write(parts, bytes(200))
    parts.radio.pump(parts.link)
    assert parts.ble.ended == [64]
    parts.ticks.now += 1000
    parts.radio.pump(parts.link)
    assert parts.ble.ended == [64, 64]  # the stack did not say that it is gone: once more
    assert sum(len(packet) for packet in parts.link.came) <= QUEUED_BYTES


def test_who_asks_on_and_on_without_a_session_is_hung_up_on(parts):
    connect(parts)
    for n in range(c.RADIO_UNPROVEN_PACKETS + 1):
        assert not parts.ble.ended, n
        write(parts, b"hello")
        parts.radio.pump(parts.link)
    assert parts.ble.ended == [64]


def test_a_session_may_write_as_much_as_it_likes_and_last_for_ever(parts):
    connect(parts)
    parts.link.session.state = OPEN
    for _ in range(5 * c.RADIO_UNPROVEN_PACKETS):
        write(parts, b"request")
        parts.radio.pump(parts.link)
        parts.ticks.now += 2000
    assert not parts.ble.ended


@pytest.mark.parametrize(("is_open", "subscribed", "stays"), [(False, True, False), (True, False, False), (True, True, True)])
def test_a_connection_without_a_session_lasts_half_a_minute_unless_it_listens_to_the_heart(parts, is_open, subscribed, stays):
    parts.recorder.open_heart_rate = is_open
    connect(parts)
    heart = parts.radio._heart
    parts.ble.values[heart + 1] = bytes([subscribed, 0])
    for _ in range(c.RADIO_UNPROVEN_S + 2):
        parts.ticks.now += 1000
        parts.radio.pump(parts.link)
    assert bool(parts.ble.ended) != stays


def test_a_second_connection_is_ended_and_the_first_one_stays(parts):
    connect(parts)
    connect(parts, 65)
    assert parts.ble.ended == [65] and parts.radio.connection == 64
    parts.ble.handler(IRQ_DISCONNECT, (65, 0, bytes(6)))
    parts.radio.pump(parts.link)
    assert parts.radio.connection == 64 and not parts.link.losses


def test_after_a_loss_it_advertises_again_and_hands_no_subscription_on(parts):
    before = len(parts.ble.advertised)
    connect(parts)
    parts.ble.values[parts.radio._heart + 1] = b"\1\0"
    parts.ble.handler(IRQ_DISCONNECT, (64, 0, bytes(6)))
    assert parts.ble.values[parts.radio._heart + 1] == b"\0\0"
    parts.radio.pump(parts.link)
    assert parts.link.losses == 1 and len(parts.ble.advertised) == before + 1


def test_advertising_that_failed_is_tried_again(parts):
    connect(parts)
    right, parts.ble.gap_advertise = parts.ble.gap_advertise, None

    def refuse(*_, **__):
        raise OSError(1)

    parts.ble.gap_advertise = refuse
    parts.ble.handler(IRQ_DISCONNECT, (64, 0, bytes(6)))
    parts.radio.pump(parts.link)
    parts.ble.gap_advertise = right
    before = len(parts.ble.advertised)
    parts.ticks.now += 1000
    parts.radio.pump(parts.link)
    assert len(parts.ble.advertised) == before + 1


@pytest.mark.parametrize("name", ["", "ä" * 20, "Ward 3", "x" * 17, "1234567890123456é"])
@pytest.mark.parametrize("battery", [0, 100, values.BATTERY_UNKNOWN])
@pytest.mark.parametrize("is_open", [False, True])
def test_what_is_advertised_fits_and_is_as_the_specification_says(name, battery, is_open):
    data = values.advertisement(is_open, battery)
    recorder = SimpleNamespace(device_id=DEVICE_ID, name=name)
    response = values.scan_response(values.name_of(recorder), DEVICE_ID)
    assert len(data) <= 31 and len(response) <= 31
    found = structures(data)
    assert found[0x01] == b"\x06" and found[0x07][::-1] == c.LINK_SERVICE_UUID
    assert found.get(0x03) == (b"\x0d\x18" if is_open else None)
    assert found.get(0x16) == (None if battery == values.BATTERY_UNKNOWN else bytes([0x0F, 0x18, battery]))
    found = structures(response)
    assert found[0x16] == b"\x0a\x18" + DEVICE_ID
    told = found[0x09].decode()
    assert told == "Octolead 89abcdef" if not name else name.startswith(told) and len(told.encode()) > 15 - 10 * (len(name) < 10)


def structures(data):
    found, at = {}, 0
    while at < len(data):
        found[data[at + 1]] = data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]
    return found


@pytest.mark.parametrize(
    ("bpm", "contact", "rr", "expected"),
    [
        (0, False, [], "0400"),
        (72, True, [], "0648"),
        (72, True, [853, 840], "16485503" + "4803"),
        (300, True, [205], "172c01cd00"),
        (60, True, [70000], "163cffff"),
    ],
)
def test_heart_rate_measurements_are_those_of_the_heart_rate_service(bpm, contact, rr, expected):
    assert values.heart_rate_measurement(bpm, contact, rr).hex() == expected
    assert len(values.heart_rate_measurement(300, True, [1] * values.MOST_RR)) <= 20


def test_current_time_is_that_of_the_current_time_service():
    assert values.current_time(1_700_000_000_999_999) == struct.pack("<HBBBBBBBB", 2023, 11, 14, 22, 13, 20, 2, 0, 0)
    assert values.current_time(None) == bytes(10)


def test_an_unknown_battery_is_told_as_nothing():
    assert values.battery_level(255) == b"" and values.battery_level(7) == b"\7"


def test_the_heart_is_told_only_where_its_owner_opened_it(parts):
    parts.recorder.heart = SimpleNamespace(bpm=61, contact=True, take_rr=lambda: list(range(900, 912)))
    connect(parts)
    parts.ticks.now += 1000
    parts.radio.pump(parts.link)
    assert not [handle for handle, _ in parts.ble.updated if handle == parts.radio._heart]
    parts.recorder.open_heart_rate = True
    parts.ticks.now += 1000
    parts.radio.pump(parts.link)
    told = [value for handle, value in parts.ble.updated if handle == parts.radio._heart]
    assert told == [bytes([0x16, 61]) + struct.pack("<8H", *range(904, 912))]


def test_attributes_are_counted_as_btstack_counts_them_and_more_than_512_bytes_are_refused():
    """att_db_util.c of BTstack: 8 bytes an attribute (22 with a UUID of 128 bits) and its value; a version, an end tag.

    Its own two services, name and Service Changed: 1 + 2 + 2 x (10 + 13 + 8) = 65.
    """
    database = Database()
    assert database.bytes == 65
    for bits, flags, more in ((16, 2, 13 + 8), (16, 0x10, 13 + 8 + 10), (128, 8, 27 + 22), (128, 0x10, 27 + 22 + 10)):
        before = database.bytes
        handle = database.characteristic(bits, flags)
        assert database.bytes == before + more
        assert (handle + 1 in database.values) == (flags == 0x10)
    before = database.bytes
    database.service(16)
    database.service(128)
    assert database.bytes == before + 10 + 24
    while database.bytes + 21 <= c.ATT_DATABASE_BYTES:
        database.characteristic(16, 2)
    with pytest.raises(OSError, match="12"):
        database.characteristic(16, 2)
