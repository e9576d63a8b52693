# SPDX-License-Identifier: Apache-2.0
"""A card as bad as cards get: torn, forgetful, rotten, broken in places. It changes no file: what is written stands in memory.

It keeps VirtualCard's interface. Each write is logged, so the card after any cut is made again from the log without
recording anew: `replay` a part of it, `tear` the write under way, `forget` some of the last ones, `flip` bits.
All chance comes from a seed. The same file serves MicroPython and, where images are looked at, CPython.

Kinds of tears (TEARS), of a write of several sectors: "none" of it came; sectors up to one are new and that one is
"half" new and half old, "garbage", erased to "ones" or to "zeros"; or the new sectors are "scattered" among old ones.
"""

from .virtual_card import READ_ONLY, PowerCut, VirtualCard

TEARS = ("none", "half", "garbage", "ones", "zeros", "scattered")
SECTOR = 512
EIO = 5


class Chance:
    """Numbers that follow from a seed: xorshift, 32 bits (G. Marsaglia, doi:10.18637/jss.v008.i14)."""

    def __init__(self, seed):
        self._x = (seed * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF or 1
        for _ in range(4):
            self.below(2)

    def below(self, n):
        """Return a number from 0 to n - 1."""
        x = self._x
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._x = x
        return (x >> 3) % n

    def bytes(self, n):
        """Return n bytes."""
        return bytes(self.below(256) for _ in range(n))


def torn(load, sector, data, kind, chance):
    """Return {sector: bytes}, what of a write of `data` at `sector` is on the card; `load(sector)` gives what was there."""
    n = len(data) // SECTOR
    new = [bytes(data[i * SECTOR : (i + 1) * SECTOR]) for i in range(n)]
    if kind == "none":
        return {}
    if kind == "scattered":
        return {sector + i: new[i] for i in range(n) if chance.below(2)}
    at = (0, n - 1, chance.below(n))[chance.below(3)]
    left = {sector + i: new[i] for i in range(at)}
    if kind == "half":
        left[sector + at] = new[at][: SECTOR // 2] + load(sector + at)[SECTOR // 2 :]
    elif kind == "garbage":
        left[sector + at] = chance.bytes(SECTOR)
    else:
        left[sector + at] = (b"\xff" if kind == "ones" else b"\0") * SECTOR
    return left


def forgotten(n_writes, window, chance):
    """Return the numbers of those of the last `window` of n writes that never left the card's cache; any subset."""
    return {i for i in range(max(0, n_writes - window), n_writes) if chance.below(2)}


class FaultCard(VirtualCard):
    """Copy-on-write over an image; `note()` is kept with each write in `log`, a sync is a log entry of sector -1.

    `unreadable`, `unwritable` and `stuck` are sets of sectors: reads fail, writes fail, writes do nothing and say they did.
    """

    def __init__(self, path, ticks=None, seed=1, note=None):
        super().__init__(path, 0, ticks)
        self.chance = Chance(seed)
        self.note = note
        self.changed = {}
        self.log = []
        self.unreadable = set()
        self.unwritable = set()
        self.stuck = set()
        self.tear_kind = "none"
        self.last_tear = {}

    def load(self, sector):
        """Return what stands in a sector."""
        found = self.changed.get(sector)
        if found is None:
            self.file.seek(sector * SECTOR)
            found = self.file.read(SECTOR)
        return found

    def replay(self, entries, lost=()):
        """Write log entries again, but for those whose place among them is in `lost`."""
        for i, (sector, data, _) in enumerate(entries):
            if sector >= 0 and i not in lost:
                self._put(sector, data)

    def tear(self, entry, kind, chance):
        """Leave what is left of the write `entry` that was under way when the power went; return its sectors."""
        left = torn(self.load, entry[0], entry[1], kind, chance)
        self.changed.update(left)
        return left

    def flip(self, sector, bit):
        """Turn one bit over, of 4096 in the sector."""
        data = bytearray(self.load(sector))
        data[bit >> 3] ^= 1 << (bit & 7)
        self.changed[sector] = bytes(data)

    def damage(self, model, log, done=0):
        """Do to a card on which the first `done` entries of the log are what a model says.

        Keys: "cut", entries of the log that were written; "lost", numbers of those that never left the cache; "tear", the
        kind of tear of entry "cut"; "flips", (sector, bit); "unreadable", "unwritable", "stuck", (sector, count).
        """
        cut = model["cut"]
        lost = model.get("lost", ())
        self.replay(log[done:cut], [i - done for i in lost])
        if "tear" in model:
            self.tear(log[cut], model["tear"], self.chance)
        for sector, bit in model.get("flips", ()):
            self.flip(sector, bit)
        for name in ("unreadable", "unwritable", "stuck"):
            setattr(self, name, {s for first, n in model.get(name, ()) for s in range(first, first + n)})

    def cut(self, after_writes, tear_kind=None):
        """Lose power after so many more writes; the one after that is torn."""
        self.cut_after_writes = after_writes
        self.tear_kind = tear_kind or "none"

    def revive(self):
        """The power is back."""
        self.dead = False
        self.cut_after_writes = None

    def readblocks(self, sector, buffer, offset=0):
        """Read whole sectors; OSError(EIO) where the card is unreadable."""
        if self.dead:
            raise PowerCut("no power")
        n = len(buffer) // SECTOR
        if offset or len(buffer) % SECTOR:
            raise OSError(22)
        self.reads += 1
        self.sectors_read += n
        for i in range(n):
            if sector + i in self.unreadable:
                raise OSError(EIO)
            buffer[i * SECTOR : (i + 1) * SECTOR] = self.load(sector + i)

    def writeblocks(self, sector, buffer, offset=0):
        """Write whole sectors; the sectors before an unwritable one are on the card."""
        if self.dead:
            raise PowerCut("no power")
        if self.read_only:
            raise OSError(READ_ONLY)
        n = len(buffer) // SECTOR
        if sector < 0 or sector + n > self.n_sectors:
            raise OSError(22)
        self.writes += 1
        if self._faults:
            self._suffer()
        entry = (sector, bytes(buffer), self.note() if self.note else None)
        if self.write_ms and not self._faults:
            self.ticks.sleep_ms(self.write_ms)
        if self.cut_after_writes is not None:
            if self.cut_after_writes <= 0:
                self.last_tear = self.tear(entry, self.tear_kind, self.chance)
                self.dead = True
                raise PowerCut("power cut at write %d" % self.writes)
            self.cut_after_writes -= 1
        self.log.append(entry)
        self.sectors_written += n
        bad = [i for i in range(n) if sector + i in self.unwritable]
        self._put(sector, entry[1][: bad[0] * SECTOR] if bad else entry[1])
        if bad:
            raise OSError(EIO)

    def _put(self, sector, data):
        for i in range(len(data) // SECTOR):
            if sector + i not in self.stuck:
                self.unreadable.discard(sector + i)  # a card puts a good sector in its place
                self.changed[sector + i] = data[i * SECTOR : (i + 1) * SECTOR]

    def ioctl(self, request, argument):
        """MicroPython's block device protocol; a sync is remembered."""
        if request == 3 and not self.dead:
            self.log.append((-1, b"", None))
            return 0
        return super().ioctl(request, argument)
