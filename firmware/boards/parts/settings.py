# SPDX-License-Identifier: Apache-2.0
"""What a board knows about itself, in files of its own flash that an update of the firmware does not touch.

/settings/identity.0, .1 device id and key (docs/SPEC.md 6.9), absent until provisioned
/settings/recording.json battery_stop_mv, and the board's defaults of what the owner may choose: rate_hz, gain, shift, codec,
                         battery_low_mv; each may be absent
/settings/owner.0, .1    what the owner chose (recorder/settings.py)
/settings/calibration.0, .1  what it was calibrated to (recorder/calibration.py)
/settings/proofs, proofs_radio  wrong proofs over the cable and over the air, for the link's lock-outs
"""

import json
import os
import struct

from recorder import constants as c
from recorder.kept import Kept

FOLDER = "/settings"
IDENTITY_VERSION = 1
RECORDING = {"rate_hz": 500, "gain": 6, "shift": 6, "codec": 1, "battery_stop_mv": 3300, "battery_low_mv": 3500}


def read(name, folder=FOLDER):
    """Return the object in a settings file, {} where there is none or it cannot be read."""
    try:
        with open(folder + "/" + name) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def identity(unique_id, folder=FOLDER):
    """Return (device_id, key or None); without a sound identity the id is that of the chip, its first eight bytes."""
    data = Kept(folder + "/identity").load()
    if data and len(data) == c.DEVICE_IDENTITY_SIZE and data[0] == IDENTITY_VERSION:
        return struct.unpack(c.DEVICE_IDENTITY_FORMAT, data)[1:]
    return (unique_id + bytes(8))[:8], None


def provision(device_id, key, folder=FOLDER):
    """Keep another identity, in both copies: the old key is gone then. Raises OSError; called at the prompt only (docs/FACTORY.md)."""
    kept = Kept(folder + "/identity")
    for _ in range(2):
        kept.save(struct.pack(c.DEVICE_IDENTITY_FORMAT, IDENTITY_VERSION, device_id, key))


def recording(folder=FOLDER):
    """Return the settings of a recording: what the file says, where it says something of the right kind."""
    settings = dict(RECORDING)
    for name, value in read("recording.json", folder).items():
        if name in settings and isinstance(value, int):
            settings[name] = value
    return settings


class ProofCounter:
    """The counter of link_session.LockOut. Renamed into place: power that goes leaves the old count or the new one."""

    def __init__(self, folder=FOLDER, name="proofs"):
        self._folder = folder
        self._path = folder + "/" + name

    def load(self):
        """Return the count; 0 where there is none yet."""
        try:
            with open(self._path) as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    def save(self, value):
        """Keep it."""
        try:
            os.mkdir(self._folder)
        except OSError:
            pass  # it is there
        with open(self._path + ".new", "w") as file:
            file.write(str(value))
        os.rename(self._path + ".new", self._path)
