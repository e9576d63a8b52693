# SPDX-License-Identifier: Apache-2.0
"""A card that is an image file: counts what is read and written, stalls, fails, and loses power where it is told to.

Faults are dicts: {"write": n, "stall_ms": t} makes the n-th write (from 1) take t; {"write": n, "error": 5} refuses it
with that errno, {"torn_sectors": k} takes only the first k sectors and says that all is well, {"count": k} more of them;
{"at_ms": t, "stall_ms": d} stalls the first write after t ms of the clock; {"hang": true} instead of a stall never comes
back: only a reset ends it.
"""

import os
from array import array

READ_ONLY = 30
LONG_STALL_MS = 1000
STALLS_KEPT = 64


class PowerCut(Exception):
    """The simulated supply went; nothing after this reaches the card."""


class VirtualCard:
    """Block device over a file of n_sectors * 512 bytes (sparse when made here)."""

    def __init__(self, path, n_sectors=0, ticks=None, faults=(), write_ms=0, read_only=False):
        if n_sectors:
            with open(path, "wb") as file:
                file.seek(n_sectors * 512 - 1)
                file.write(b"\0")
        self.file = open(path, "r+b")
        self.file.seek(0, 2)
        self.n_sectors = self.file.tell() // 512
        self.ticks = ticks
        self.write_ms = write_ms
        self.read_only = read_only
        self.set_faults(faults)
        self.cut_after_writes = None
        self.torn_sectors = None
        self.dead = False
        self.wraps_at = 0  # sectors that are really there, where it says it has more
        self.reads = 0
        self.sectors_read = 0
        self.writes = 0
        self.sectors_written = 0

    def set_faults(self, faults):
        """Install faults; writes are counted from here."""
        self.writes = 0
        self._stalls = array("q", [0] * (3 * STALLS_KEPT))  # write, began, ended; made once, so that the heap stands still
        self.n_stalls = 0
        self._faults = [dict(fault) for fault in faults if "write" in fault]
        self._timed = sorted([dict(fault) for fault in faults if "at_ms" in fault], key=lambda fault: fault["at_ms"])
        self._next = 0  # of the timed ones
        self._began_ms = self.ticks.ms() if self.ticks else 0

    def cut(self, after_writes, torn_sectors=None):
        """Lose power after so many more writes; the one after that leaves `torn_sectors` sectors on the card."""
        self.cut_after_writes = after_writes
        self.torn_sectors = torn_sectors

    def readblocks(self, sector, buffer, offset=0):
        """Read whole sectors."""
        if self.dead:
            raise PowerCut("no power")
        self.reads += 1
        self.sectors_read += len(buffer) // 512
        if self.wraps_at:
            sector %= self.wraps_at
        self.file.seek(sector * 512 + offset)
        if self.file.readinto(buffer) != len(buffer):
            raise OSError(5)

    def writeblocks(self, sector, buffer, offset=0):
        """Write whole sectors, as one multi-sector write."""
        if self.dead:
            raise PowerCut("no power")
        if self.read_only:
            raise OSError(READ_ONLY)
        n = len(buffer) // 512
        if sector < 0 or sector + n > self.n_sectors:
            raise OSError(22)
        self.writes += 1
        taken = n
        if self._faults or self._timed:
            taken = self._suffer(n)
        elif self.write_ms:
            self.ticks.sleep_ms(self.write_ms)
        if self.wraps_at:
            sector %= self.wraps_at
        self.file.seek(sector * 512)
        if self.cut_after_writes is not None:
            if self.cut_after_writes <= 0:
                if self.torn_sectors:
                    self.file.write(memoryview(buffer)[: min(self.torn_sectors, n) * 512])
                self.file.flush()
                self.dead = True
                raise PowerCut("power cut at write %d" % self.writes)
            self.cut_after_writes -= 1
        self.sectors_written += n
        self.file.write(buffer if taken == n else memoryview(buffer)[: taken * 512])

    def _suffer(self, n):
        """What befalls this write of n sectors; return how many of them it takes."""
        passed_ms = self.ticks.diff(self.ticks.ms(), self._began_ms)
        self.ticks.sleep_ms(self.write_ms)
        if self._next < len(self._timed) and self._timed[self._next]["at_ms"] <= passed_ms:
            fault = self._timed[self._next]
            self._next += 1
            self._delay(fault)
        for fault in self._faults:
            first = fault["write"]
            if first <= self.writes < first + fault.get("count", 1):
                self._delay(fault)
                if "error" in fault:
                    raise OSError(fault["error"])
                n = min(n, fault.get("torn_sectors", n))
        return n

    def _delay(self, fault):
        began = self.ticks.us()
        self.ticks.sleep_ms(fault.get("stall_ms", 0))
        while fault.get("hang"):
            self.ticks.sleep_ms(1000)
        if fault.get("stall_ms", 0) >= LONG_STALL_MS:
            at = self.n_stalls % STALLS_KEPT * 3
            self._stalls[at] = self.writes
            self._stalls[at + 1] = began
            self._stalls[at + 2] = self.ticks.us()
            self.n_stalls += 1

    def long_stalls(self):
        """Return (write, began, ended) of the last STALLS_KEPT writes that took a second and more, in microseconds of the clock."""
        first = max(0, self.n_stalls - STALLS_KEPT)
        return [tuple(self._stalls[i % STALLS_KEPT * 3 : i % STALLS_KEPT * 3 + 3]) for i in range(first, self.n_stalls)]

    def ioctl(self, request, _):
        """MicroPython's block device protocol."""
        if request == 3:
            if not self.dead:
                self.file.flush()
            return 0
        if request == 4:
            return self.n_sectors
        if request == 5:
            return 512
        return 0

    def close(self):
        """Close the image."""
        self.file.close()


def exists(path):
    """True when there is a file of that name."""
    try:
        os.stat(path)
        return True
    except OSError:
        return False
