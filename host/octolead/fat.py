# SPDX-License-Identifier: Apache-2.0
"""A small read-only FAT32 reader: enough to find the segment files of a card image, patient with damage.

It reads the boot sector (or its backup), the first FAT (or the second), and the short names of directories.
Layout after Microsoft's "FAT: General Overview of On-Disk Format", version 1.03.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import SourceError
from .findings import Findings

SECTOR = 512
_FAT32_TYPES = (0x0B, 0x0C)
_OTHER_TYPES = {
    0x01: "FAT12",
    0x04: "FAT16",
    0x06: "FAT16",
    0x0E: "FAT16",
    0x07: "exFAT or NTFS",
    0x82: "Linux swap",
    0x83: "Linux",
    0xEE: "GPT",
}
_MASK = 0x0FFFFFFF
_BAD = 0x0FFFFFF7
_MAX_DIR_CLUSTERS = 256
_ATTR_VOLUME, _ATTR_DIRECTORY, _ATTR_LONG = 0x08, 0x10, 0x0F


@dataclass(frozen=True)
class Run:
    """A contiguous stretch of the image."""

    offset: int
    length: int


@dataclass(frozen=True)
class Entry:
    """A directory entry: short name, size in bytes, first cluster, and where the entry lies in the image."""

    name: str
    is_dir: bool
    cluster: int
    size: int
    offset: int


def looks_like_disk(data: memoryview) -> bool:
    """Whether the bytes end their first sector like a boot record does."""
    return len(data) >= SECTOR and bytes(data[510:512]) == b"\x55\xaa"


def _is_boot_sector(data: memoryview, at: int) -> bool:
    if at + SECTOR > len(data) or bytes(data[at + 510 : at + 512]) != b"\x55\xaa":
        return False
    sector_bytes, per_cluster, reserved, n_fats = struct.unpack_from("<HBHB", data, at + 11)
    return sector_bytes in (512, 1024, 2048, 4096) and per_cluster in (1, 2, 4, 8, 16, 32, 64, 128) and reserved > 0 and n_fats in (1, 2)


def _find_boot_sector(data: memoryview, name: str, findings: Findings) -> tuple[int, int]:
    """(start of the volume, boot sector to use), both in bytes."""
    if _is_boot_sector(data, 0):
        return 0, 0
    others = []
    for i in range(4):
        kind = data[446 + 16 * i + 4] if looks_like_disk(data) else 0
        first = int.from_bytes(data[446 + 16 * i + 8 : 446 + 16 * i + 12], "little") * SECTOR if kind else 0
        if kind in _FAT32_TYPES:
            if _is_boot_sector(data, first):
                return first, first
            if _is_boot_sector(data, first + 6 * SECTOR):
                findings.warning(
                    "boot-sector",
                    f"boot sector damaged, its backup at byte {first + 6 * SECTOR} used",
                    source=name,
                    offset=first,
                )
                return first, first + 6 * SECTOR
        elif kind:
            others.append(_OTHER_TYPES.get(kind, f"type 0x{kind:02x}"))
    if _is_boot_sector(data, 6 * SECTOR):
        findings.warning("boot-sector", f"boot sector damaged, its backup at byte {6 * SECTOR} used", source=name, offset=0)
        return 0, 6 * SECTOR
    held = f"; its partitions: {', '.join(others)}" if others else ""
    raise SourceError(f"{name}: no FAT32 volume in this image{held}", path=name, kind="no-volume", offset=0)


class FatVolume:
    """A FAT32 volume inside `data`.

    Args:
        data: the whole image.
        name: for messages.
        findings: what is odd goes here.

    Raises:
        SourceError: there is no FAT32 volume (kind ``no-volume``) or it is another FAT (kind ``not-fat32``).
    """

    def __init__(self, data: memoryview, name: str, findings: Findings) -> None:
        self._data, self._name, self._findings = data, name, findings
        start, boot = _find_boot_sector(data, name, findings)
        sector, per_cluster, reserved, n_fats, root_entries = struct.unpack_from("<HBHBH", data, boot + 11)
        fat16_sectors = struct.unpack_from("<H", data, boot + 22)[0]
        (fat_sectors,) = struct.unpack_from("<I", data, boot + 36)
        (root_cluster,) = struct.unpack_from("<I", data, boot + 44)
        if root_entries or fat16_sectors:
            raise SourceError(
                f"{name}: the volume at byte {start} is FAT12 or FAT16; a recorder's card is FAT32",
                path=name,
                kind="not-fat32",
                offset=start,
            )
        self.cluster_bytes: int = sector * per_cluster
        self._root: int = root_cluster
        fat_bytes = fat_sectors * sector
        first_fat = start + reserved * sector
        self._data_start: int = first_fat + n_fats * fat_bytes
        self._fats = [self._load_fat(first_fat + i * fat_bytes, fat_bytes) for i in range(n_fats)]
        self._n_clusters = max(0, (len(data) - self._data_start) // self.cluster_bytes)

    def _load_fat(self, at: int, size: int) -> np.ndarray:
        stop = min(at + size, len(self._data))
        count = max(0, (stop - at) // 4)
        return np.frombuffer(self._data, "<u4", count, at) if count else np.zeros(0, "<u4")

    def place(self, cluster: int) -> int:
        """Byte at which a cluster begins."""
        return self._data_start + (cluster - 2) * self.cluster_bytes

    def _next(self, cluster: int, fats: list[np.ndarray]) -> int:
        """The cluster after this one: the one behind it if one FAT says so, else by the first with a sensible answer; 0 if none has."""
        values = [int(fat[cluster]) & _MASK for fat in fats if cluster < len(fat)]
        sensible = [v for v in values if v > _BAD or 2 <= v < self._n_clusters + 2]
        return cluster + 1 if cluster + 1 in sensible else sensible[0] if sensible else 0

    def _chain(self, first: int, limit: int) -> tuple[list[int], bool]:
        """(clusters from `first` on, whether the chain is sound), at most `limit`; by one FAT if one is sound, else by both."""
        chain: list[int] = []
        for fats in [*([fat] for fat in self._fats), self._fats]:
            chain, sound = self._follow(first, limit, fats)
            if sound:
                return chain, True
        return chain, False

    def _follow(self, first: int, limit: int, fats: list[np.ndarray]) -> tuple[list[int], bool]:
        chain: list[int] = []
        cluster, seen = first, set()
        while 2 <= cluster < self._n_clusters + 2 and len(chain) < limit and cluster not in seen:
            chain.append(cluster)
            seen.add(cluster)
            cluster = self._next(cluster, fats)
        return chain, cluster > _BAD or len(chain) == limit

    def entries(self, directory: int | None = None) -> Iterator[Entry]:
        """Files and folders of a directory, given by its first cluster (None: the root)."""
        chain, sound = self._chain(self._root if directory is None else directory, _MAX_DIR_CLUSTERS)
        for cluster in chain:
            at = self.place(cluster)
            for offset in range(at, min(at + self.cluster_bytes, len(self._data) - 31), 32):
                if self._data[offset] == 0:
                    return
                entry = self._entry(offset)
                if entry is not None:
                    yield entry
        if not sound:
            self._findings.warning(
                "fat-chain",
                f"the cluster chain of a directory breaks off after {len(chain)} clusters",
                source=self._name,
                offset=self.place(chain[-1]) if chain else None,
            )

    def _entry(self, offset: int) -> Entry | None:
        raw = bytes(self._data[offset : offset + 32])
        attributes = raw[11]
        if raw[0] == 0xE5 or attributes & 0x3F == _ATTR_LONG or attributes & _ATTR_VOLUME:
            return None
        stem, ext = raw[:8].decode("cp437").rstrip(), raw[8:11].decode("cp437").rstrip()
        high, low, size = struct.unpack_from("<H4xHI", raw, 20)
        return Entry(f"{stem}.{ext}" if ext else stem, bool(attributes & _ATTR_DIRECTORY), high << 16 | low, size, offset)

    def find(self, directory: int | None, name: str) -> Entry | None:
        """The entry of that short name (upper case), or None."""
        return next((e for e in self.entries(directory) if e.name.upper() == name), None)

    def runs(self, entry: Entry) -> list[Run]:
        """Where a file's bytes lie.

        A chain that breaks is taken as contiguous from there on, for segment files are; what lies beyond the
        image's end is left out. Both are reported.
        """
        n = -(-entry.size // self.cluster_bytes)
        first = entry.cluster
        if n == 0 or not 2 <= first < self._n_clusters + 2:
            if entry.size:
                self._findings.error(
                    "fat-entry",
                    f"{entry.name}: its first cluster, {first}, is not on the card (2 to {self._n_clusters + 1})",
                    source=self._name,
                    offset=entry.offset,
                    frames=None,
                )
            return []
        if self._is_contiguous(first, n):
            return self._clip(entry, [Run(self.place(first), entry.size)])
        chain, sound = self._whole_chain(first, n)
        if not sound:
            self._findings.warning(
                "fat-chain",
                f"{entry.name}: its cluster chain breaks off after {len(chain)} of {n} clusters; the rest is taken to follow directly",
                source=self._name,
                offset=entry.offset,
            )
            chain += range(chain[-1] + 1, chain[-1] + 1 + n - len(chain))
        return self._clip(entry, self._merge(chain, entry.size))

    def _whole_chain(self, first: int, n: int) -> tuple[list[int], bool]:
        """(the first `n` clusters of a file, whether they are all), by one FAT if it has them all, else by both together."""
        chain: list[int] = []
        for fats in [*([fat] for fat in self._fats), self._fats]:
            chain, sound = self._follow(first, n, fats)
            if sound and len(chain) == n:
                return chain, True
        return chain, False

    def _is_contiguous(self, first: int, n: int) -> bool:
        return any(
            first + n <= len(fat) and bool(np.all((fat[first : first + n - 1] & _MASK) == np.arange(first + 1, first + n, dtype="<u4")))
            for fat in self._fats
        )

    def _merge(self, chain: list[int], size: int) -> list[Run]:
        runs: list[Run] = []
        for cluster in chain:
            at, length = self.place(cluster), min(size, self.cluster_bytes)
            if runs and runs[-1].offset + runs[-1].length == at:
                runs[-1] = Run(runs[-1].offset, runs[-1].length + length)
            else:
                runs.append(Run(at, length))
            size -= length
        return runs

    def _clip(self, entry: Entry, runs: list[Run]) -> list[Run]:
        kept = [Run(r.offset, min(r.length, len(self._data) - r.offset)) for r in runs if r.offset < len(self._data)]
        held = sum(r.length for r in kept)
        if held < entry.size:
            self._findings.error(
                "image-cut",
                f"{entry.name}: the image ends after {held} of its {entry.size} bytes",
                source=self._name,
                offset=len(self._data),
                frames=None,
            )
        return kept
