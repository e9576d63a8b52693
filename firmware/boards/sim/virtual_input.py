# SPDX-License-Identifier: Apache-2.0
"""The signal at the virtual electrodes: an .olnv file, played in a loop.

0   4s   OLNV
4   u16  version, 1
6   u16  leads, 8: I II V1..V6
8   u32  rate, mHz
12  u32  frames
16  i32  nanovolt, frame after frame, lead after lead (little-endian)

So that no two laps are alike, lap number n can be raised by ((n * 5077) % 8191 - 4095) * `lap_nv` on every lead: a frame
that turns up in the wrong place is then seen to be wrong, however long the run.
"""

import struct

import micropython
from recorder.errors import RecorderError

HEADER_BYTES = 16
LEADS = 8


@micropython.viper
def _raise(nv_: object, n: int, by: int):
    nv = ptr32(nv_)
    i = 0
    while i < n:
        nv[i] = nv[i] + by
        i += 1


class InputError(RecorderError):
    """The input file is not what the simulator plays."""

    kind = "input"


class Input:
    """An open .olnv file; frames are read as they are needed, so its length does not matter.

    Frame 0 of the run is frame `offset` of the endless loop.
    """

    def __init__(self, path, offset=0, lap_nv=0):
        self.offset = offset
        self.lap_nv = lap_nv
        try:
            self.file = open(path, "rb")
        except OSError as error:
            raise InputError("%s: cannot be opened (%r)" % (path, error))
        header = self.file.read(HEADER_BYTES)
        if len(header) != HEADER_BYTES or header[:4] != b"OLNV":
            raise InputError("%s: not an .olnv file" % path)
        version, leads, self.rate_mhz, self.n_frames = struct.unpack("<HHII", header[4:])
        if version != 1 or leads != LEADS:
            raise InputError("%s: version %d with %d leads, this plays version 1 with %d" % (path, version, leads, LEADS))
        self.file.seek(0, 2)
        size = self.file.tell()
        if not self.n_frames or size < HEADER_BYTES + 32 * self.n_frames:
            raise InputError(
                "%s: %d frames need %d bytes, the file has %d" % (path, self.n_frames, HEADER_BYTES + 32 * self.n_frames, size)
            )
        self._next = -1

    def read(self, frame, view, n):
        """Read up to n frames from `frame` of the loop on into the memoryview of int32 `view`; return how many."""
        frame += self.offset
        at = frame % self.n_frames
        if n > self.n_frames - at:
            n = self.n_frames - at
        if at != self._next:
            self.file.seek(HEADER_BYTES + 32 * at)
        self.file.readinto(view[: n * LEADS])
        self._next = at + n
        if self.lap_nv:
            _raise(view, n * LEADS, (frame // self.n_frames * 5077 % 8191 - 4095) * self.lap_nv)
        return n


class Silence:
    """No input: 0 V on every lead, at any rate."""

    rate_mhz = 0

    def read(self, _, view, n):
        """Fill with zeros."""
        for i in range(n * LEADS):
            view[i] = 0
        return n
