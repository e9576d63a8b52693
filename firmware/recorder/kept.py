# SPDX-License-Identifier: Apache-2.0
"""A few bytes that outlive the power, in two files of the box's own flash that are written in turn.

    0   4s   OLK1
    4   u32  number of the save
    8   u16  bytes that follow
    10  ..   the bytes
        u32  CRC-32 over all before it

A save overwrites the older file, or the one that is not sound. Power that goes in the middle of it leaves the other:
`load` gives what was saved before or what was being saved, never something else.
"""

import os
import struct
from binascii import crc32

_MAGIC = b"OLK1"
_HEAD = "<4sIH"
_HEAD_BYTES = 10
MOST_BYTES = 1024


def _parse(data):
    """Return (number, bytes) of a file's content, or None when it is not sound."""
    if len(data) < _HEAD_BYTES + 4 or data[:4] != _MAGIC:
        return None
    _, number, n = struct.unpack_from(_HEAD, data)
    end = _HEAD_BYTES + n
    if end + 4 > len(data) or struct.unpack_from("<I", data, end)[0] != crc32(data[:end]):
        return None
    return number, data[_HEAD_BYTES:end]


class Kept:
    """The files `path`.0 and `path`.1; `opened(path, mode)` is for tests."""

    def __init__(self, path, opened=open):
        self._paths = (path + ".0", path + ".1")
        self._open = opened

    def _read(self, path):
        try:
            with self._open(path, "rb") as file:
                return _parse(file.read(_HEAD_BYTES + MOST_BYTES + 4))
        except OSError:
            return None

    def _newest(self):
        """Return (place, number, bytes) of the newest sound file; place is -1 when there is none."""
        best = (-1, 0, None)
        for place in range(2):
            found = self._read(self._paths[place])
            if found and (best[0] < 0 or found[0] > best[1]):
                best = (place, found[0], found[1])
        return best

    def _make_folder(self):
        folder = self._paths[0].rsplit("/", 1)[0]
        if "/" in self._paths[0] and folder:
            try:
                os.mkdir(folder)
            except OSError:
                pass  # it is there, or writing says what is wrong

    def load(self):
        """Return the bytes that were saved last, None when nothing ever was."""
        return self._newest()[2]

    def save(self, data):
        """Keep these bytes; raises OSError when the flash does not take them, and what was kept before stays."""
        place, number, _ = self._newest()
        content = struct.pack(_HEAD, _MAGIC, number + 1, len(data)) + data
        self._make_folder()
        with self._open(self._paths[0 if place else 1], "wb") as file:
            file.write(content + struct.pack("<I", crc32(content)))
        if hasattr(os, "sync"):
            os.sync()
