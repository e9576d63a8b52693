# SPDX-License-Identifier: Apache-2.0
"""What a board knows about itself, in files of its own flash that an update of the firmware does not touch.

/settings/identity.json  {"device_id": 16 hexadecimal digits, "key": 64, absent until provisioned}
/settings/recording.json battery_stop_mv, and the board's defaults of what the owner may choose: rate_hz, gain, shift, codec,
                         battery_low_mv; each may be absent
/settings/owner.0, .1    what the owner chose (recorder/settings.py)
/settings/proofs, proofs_radio  wrong proofs over the cable and over the air, for the link's lock-outs
"""

import json
import os

FOLDER = "/settings"
RECORDING = {"rate_hz": 500, "gain": 6, "shift": 6, "codec": 1, "battery_stop_mv": 3300, "battery_low_mv": 3500}


def read(name, folder=FOLDER):
    """Return the object in a settings file, {} where there is none or it cannot be read."""
    try:
        with open(folder + "/" + name) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def hexadecimal(text, n_bytes):
    """Return the bytes of a string of hexadecimal digits, None when it is none of that length."""
    try:
        if len(text) != 2 * n_bytes:
            return None
        return bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))
    except (TypeError, ValueError):
        return None


def identity(unique_id, folder=FOLDER):
    """Return (device_id, key or None); without a file the id is that of the chip, its first eight bytes."""
    found = read("identity.json", folder)
    device_id = hexadecimal(found.get("device_id"), 8) or (unique_id + bytes(8))[:8]
    return device_id, hexadecimal(found.get("key"), 32)


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
