# SPDX-License-Identifier: Apache-2.0
"""Find where a file lies on a FAT32 card by reading it sector by sector: volume, directory, chain.

Short names only (/OCTOLEAD/SEGnnnnn.OLS), with or without a partition table. The number of sectors read is bounded:
a directory by MAX_DIRECTORY_SECTORS, a chain by its length (full) or QUICK_SAMPLES entries (quick).
"""

import struct
from array import array

from .errors import CardError

MAX_DIRECTORY_SECTORS = 1024
QUICK_SAMPLES = 16
BACKUP = 6  # sectors from a boot sector to its copy
_CHAIN_SECTORS = 8
_ENTRY_MASK = 0x0FFFFFFF


class Extent:
    """Where a file lies: first sector, size in bytes, whether its clusters follow one another."""

    def __init__(self, first_sector, size_bytes, contiguous):
        self.first_sector = first_sector
        self.size_bytes = size_bytes
        self.contiguous = contiguous


class Volume:
    """A FAT32 volume on a block device."""

    def __init__(self, device):
        self.device = device
        self._sector = bytearray(512)
        start = 0
        if not self._boot(0):
            boot = self._read(0)
            if boot[510:512] != b"\x55\xaa" or not struct.unpack_from("<I", boot, 454)[0]:
                raise CardError("no FAT32 volume on the card: format it", "card_not_fat32")
            start = struct.unpack_from("<I", boot, 454)[0]
            if not self._boot(start):
                raise CardError("the card's first partition is not FAT32: format the card", "card_not_fat32")
        boot = self._sector
        self.cluster_sectors = boot[13]
        reserved, n_fats = struct.unpack_from("<HB", boot, 14)
        fat_sectors, _, _, self.root, info = struct.unpack_from("<IHHIH", boot, 36)
        self.info = start + info
        total = struct.unpack_from("<I", boot, 32)[0]
        self.start = start
        self.fat = start + reserved
        self.data = self.fat + n_fats * fat_sectors
        self.clusters = (start + total - self.data) // self.cluster_sectors
        self.label = bytes(boot[71:82])

    def _boot(self, start):
        """Read the boot sector of a volume, or its backup; False when neither is one."""
        for sector in (start, start + BACKUP):
            try:
                if _is_boot(self._read(sector)):
                    return True
            except OSError:
                pass  # unreadable: the backup may not be
        return False

    def _read(self, sector):
        self.device.readblocks(sector, self._sector)
        return self._sector

    def forget_hint(self):
        """Let the next allocation begin at the card's first free cluster: FSInfo's hint becomes "unknown"."""
        info = self._read(self.info)
        if info[0:4] == b"RRaA" and info[484:488] == b"rrAa":
            info[492:496] = b"\xff\xff\xff\xff"
            self.device.writeblocks(self.info, info)

    def sector_of(self, cluster):
        """Return the first sector of a cluster."""
        return self.data + (cluster - 2) * self.cluster_sectors

    def next_cluster(self, cluster):
        """Return the chain's next cluster, or 0 at its end; raise when the entry makes no sense."""
        self._read(self.fat + (cluster >> 7))
        entry = struct.unpack_from("<I", self._sector, (cluster & 127) * 4)[0] & _ENTRY_MASK
        if entry >= 0x0FFFFFF8:
            return 0
        if not 2 <= entry < self.clusters + 2:
            raise CardError("FAT entry of cluster %d is %d: the file system is damaged, format the card" % (cluster, entry), "card_damaged")
        return entry

    def _entries(self, cluster):
        left = MAX_DIRECTORY_SECTORS
        while cluster and left:
            first = self.sector_of(cluster)
            for sector in range(first, first + self.cluster_sectors):
                left -= 1
                self._read(sector)
                for at in range(0, 512, 32):
                    kind = self._sector[at]
                    if kind == 0:
                        return
                    if kind != 0xE5 and self._sector[at + 11] & 0x08 == 0:
                        yield at
            cluster = self.next_cluster(cluster)

    def check_directory(self, cluster):
        """Raise when no directory begins there: what stands in it would be taken for names, and a card for an empty one."""
        if not 2 <= cluster < self.clusters + 2 or self._read(self.sector_of(cluster))[0:11] != b".          ":
            raise CardError("the directory at cluster %d is none: save the recordings, then format the card" % cluster, "card_damaged")

    def lookup(self, path):
        """Return (first cluster, size in bytes, is a directory) of `/A/B.C`, or None."""
        found = (self.root, 0, True)
        for part in path.strip("/").split("/"):
            name, _, extension = part.upper().partition(".")
            short = ("%-8s%-3s" % (name, extension)).encode()
            cluster = found[0]
            if cluster != self.root:
                self.check_directory(cluster)
            found = None
            for at in self._entries(cluster):
                if self._sector[at : at + 11] == short:
                    high, low, size = struct.unpack_from("<H4xHI", self._sector, at + 20)
                    found = (high << 16 | low, size, bool(self._sector[at + 11] & 0x10))
                    break
            if found is None:
                return None
        return found

    def extent(self, path, full=True):
        """Return the Extent of a file or None; `full` looks at every entry of its chain, else at a few of them."""
        found = self.lookup(path)
        if found is None:
            return None
        first, size, _ = found
        if not first:
            return Extent(0, size, False)
        bytes_per = self.cluster_sectors * 512
        count = (size + bytes_per - 1) // bytes_per
        check = self._contiguous if full or count <= QUICK_SAMPLES else self._sampled
        return Extent(self.sector_of(first), size, check(first, count))

    def _sampled(self, first, count):
        """Look at evenly spaced entries and at the last one: a moved file shows, one odd cluster may not."""
        for i in range(QUICK_SAMPLES):
            cluster = first + (count - 2) * i // (QUICK_SAMPLES - 1)
            if self.next_cluster(cluster) != cluster + 1:
                return False
        return self.next_cluster(first + count - 1) == 0

    def _contiguous(self, first, count):
        """Compare the chain with first, first + 1, ... several sectors of the FAT at a time."""
        last = first + count - 1
        buffer = bytearray(_CHAIN_SECTORS * 512)
        cluster = first
        while cluster < last:
            sector = cluster >> 7
            until = min((sector + _CHAIN_SECTORS) << 7, last)
            sectors = (until - 1 >> 7) - sector + 1
            view = memoryview(buffer)[: sectors * 512]
            self.device.readblocks(self.fat + sector, view)
            at = (cluster - (sector << 7)) * 4
            wanted = array("I", range(cluster + 1, until + 1))
            got = memoryview(buffer)[at : at + 4 * (until - cluster)]
            if bytes(got) != bytes(wanted) and not _same(got, wanted):
                return False
            cluster = until
        return self.next_cluster(last) == 0


def _same(got, wanted):
    """Compare entry by entry without the four reserved bits."""
    for i in range(len(wanted)):
        if struct.unpack_from("<I", got, 4 * i)[0] & _ENTRY_MASK != wanted[i]:
            return False
    return True


def _is_boot(sector):
    return (
        sector[510:512] == b"\x55\xaa"
        and sector[82:90] == b"FAT32   "
        and sector[11:13] == b"\x00\x02"
        and sector[13] != 0
        and sector[22:24] == b"\0\0"
    )
