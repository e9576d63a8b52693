# SPDX-License-Identifier: Apache-2.0
"""What is open on the air (docs/SPEC.md 6.8): services, advertising, and the bytes of the standard characteristics. No hardware."""

import struct
import time

from . import constants as c
from .recorder import VERSION

READ = 2
WRITE_NO_RESPONSE = 4
WRITE = 8
NOTIFY = 16

BATTERY_UNKNOWN = 255
MOST_RR = 8  # RR intervals in a notification: they fit the smallest MTU
CHEST = 1
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0  # some ports count seconds from 2000


def hex_of(data):
    """Return bytes as hexadecimal digits."""
    return "".join("%02x" % byte for byte in data)


def uuid_text(data):
    """Return 16 bytes of a UUID as text."""
    digits = hex_of(data)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def services(uuid):
    """Return the services as gatts_register_services takes them; `uuid` makes a UUID of a number or a text."""

    def characteristic(name, flags):
        return (uuid(name if isinstance(name, int) else uuid_text(name)), flags)

    return (
        (
            uuid(uuid_text(c.LINK_SERVICE_UUID)),
            (characteristic(c.LINK_IN_UUID, WRITE | WRITE_NO_RESPONSE), characteristic(c.LINK_OUT_UUID, NOTIFY)),
        ),
        (
            uuid(c.GATT_HEART_RATE),
            (characteristic(c.GATT_HEART_RATE_MEASUREMENT, NOTIFY), characteristic(c.GATT_BODY_SENSOR_LOCATION, READ)),
        ),
        (uuid(c.GATT_BATTERY), (characteristic(c.GATT_BATTERY_LEVEL, READ | NOTIFY),)),
        (
            uuid(c.GATT_DEVICE_INFORMATION),
            (
                characteristic(c.GATT_MANUFACTURER_NAME, READ),
                characteristic(c.GATT_MODEL_NUMBER, READ),
                characteristic(c.GATT_SERIAL_NUMBER, READ),
                characteristic(c.GATT_FIRMWARE_REVISION, READ),
            ),
        ),
        (uuid(c.GATT_CURRENT_TIME_SERVICE), (characteristic(c.GATT_CURRENT_TIME, READ),)),
    )


def device_information(board, device_id):
    """Return the values of the Device Information service, in the order of `services`."""
    return (b"Octolead", board.encode(), hex_of(device_id).encode(), VERSION.encode())


def name_of(recorder):
    """Return the name to advertise, UTF-8, whole characters only."""
    name = getattr(recorder, "name", "") or "Octolead " + hex_of(recorder.device_id[4:])
    data = name.encode()
    end = c.RADIO_NAME_BYTES
    if len(data) > end:
        while data[end] & 0xC0 == 0x80:
            end -= 1
    return data[:end]


def _structure(kind, data):
    return bytes([len(data) + 1, kind]) + data


def advertisement(open_heart_rate, battery_percent):
    """Return the advertising data, 31 bytes at most."""
    data = _structure(0x01, b"\x06") + _structure(0x07, bytes(reversed(c.LINK_SERVICE_UUID)))
    if open_heart_rate:
        data += _structure(0x03, struct.pack("<H", c.GATT_HEART_RATE))
    if battery_percent != BATTERY_UNKNOWN:
        data += _structure(0x16, struct.pack("<HB", c.GATT_BATTERY, battery_percent))
    return data


def scan_response(name, device_id):
    """Return the scan response, 31 bytes at most."""
    return _structure(0x09, name) + _structure(0x16, struct.pack("<H", c.GATT_DEVICE_INFORMATION) + device_id)


def battery_level(percent):
    """Return the value of Battery Level: no byte while it is not known."""
    return b"" if percent == BATTERY_UNKNOWN else bytes([percent])


def heart_rate_measurement(bpm, contact, rr):
    """Return a Heart Rate Measurement; `rr` in 1/1024 s, oldest first, at most MOST_RR of them."""
    flags = 0x04 | (0x02 if contact else 0) | (0x10 if rr else 0) | (0x01 if bpm > 255 else 0)
    data = struct.pack("<BH" if bpm > 255 else "<BB", flags, bpm)
    for interval in rr:
        data += struct.pack("<H", min(interval, 0xFFFF))
    return data


def current_time(utc_us):
    """Return the value of Current Time for a UTC in microseconds, None where it is not known."""
    if utc_us is None or utc_us < 1000000 * _EPOCH_S:
        return bytes(10)
    year, month, day, hour, minute, second, weekday = time.gmtime(utc_us // 1000000 - _EPOCH_S)[:7]
    return struct.pack("<HBBBBBBBB", year, month, day, hour, minute, second, weekday + 1, 0, 0)
