# SPDX-License-Identifier: Apache-2.0
"""The calibration a recorder keeps (docs/SPEC.md 6.5.4): taken when it is sound and signed for this recorder, named in its blocks."""

import struct
from hashlib import sha256

from . import constants as c
from .errors import SettingError
from .link_crypto import Hmac, same

NONE = "it was never calibrated"
_SIGNED = c.CALIBRATION_SIGNATURE


def signing_key(key):
    """Return the Hmac that signs: HKDF-SHA256 (RFC 5869) of the device key."""
    return Hmac(Hmac(Hmac(b"octolead calibration").digest(key)).digest(b"sign\x01"))


def id_of(record):
    """Return the id that a record has by what stands in it."""
    found = struct.unpack_from("<I", sha256(record[c.CALIBRATION_DEVICE_ID : _SIGNED]).digest())[0] & 0x7FFFFFFF
    return found or 1


def fault_of(record, device_id, key):
    """Return words for what is wrong with a record, None when it is sound and signed for this recorder."""
    if len(record) != c.CALIBRATION_SIZE:
        return "a calibration has %d bytes, this one %d" % (c.CALIBRATION_SIZE, len(record))
    if record[:4] != c.OLC_MAGIC or struct.unpack_from("<H", record, c.CALIBRATION_RECORD_BYTES)[0] != len(record):
        return "this is no calibration"
    if record[c.CALIBRATION_VERSION_MAJOR] > c.VERSION_MAJOR:
        return "calibration of version %d, this firmware knows %d" % (record[c.CALIBRATION_VERSION_MAJOR], c.VERSION_MAJOR)
    if record[c.CALIBRATION_N_LEADS] != 8:
        return "calibration of %d leads, there are 8" % record[c.CALIBRATION_N_LEADS]
    if record[c.CALIBRATION_DEVICE_ID : c.CALIBRATION_DEVICE_ID + 8] != device_id:
        return "the calibration is of another recorder"
    if struct.unpack_from("<I", record, c.CALIBRATION_CALIBRATION_ID)[0] != id_of(record):
        return "the calibration was altered: its id is not that of its values"
    if not same(signing_key(key).digest(record[:_SIGNED])[:16], record[_SIGNED:]):
        return "the calibration is not signed with this recorder's key: calibrate again after a change of keys"
    return None


class Calibration:
    """What is kept in `kept`, a Kept; `key` is the device key or None, `words` say why there is none."""

    def __init__(self, kept, device_id, key):
        self._kept = kept
        self._device_id = device_id
        self._key = key
        self.record = None
        self.words = NONE
        found = kept.load() if kept else None
        if found and key:
            self.words = fault_of(found, device_id, key)
            self.record = found if self.words is None else None

    @property
    def id(self):
        """Its calibration_id, 0 while there is none."""
        return struct.unpack_from("<I", self.record, c.CALIBRATION_CALIBRATION_ID)[0] if self.record else 0

    def id_at(self, gain):
        """The id to put into blocks that are recorded at this gain of the amplifier."""
        return self.id if self.record and self.record[c.CALIBRATION_GAIN] == gain else 0

    def take(self, record):
        """Keep this one; raises SettingError when it is not sound, OSError when the flash fails: the one before stays then."""
        if self._key is None:
            raise SettingError("a recorder without a key keeps no calibration: provision it first")
        wrong = fault_of(record, self._device_id, self._key)
        if wrong:
            raise SettingError(wrong)
        if self._kept:
            self._kept.save(record)
        self.record = bytes(record)
        self.words = None
