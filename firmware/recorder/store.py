# SPDX-License-Identifier: Apache-2.0
"""The ring of slots on the card: written past the file system, one aligned multi-sector write a block.

`open_store` finds the ring that is there. `make_ring` makes one on a FAT32 card: segment files in /OCTOLEAD, of equal
size, at most 1 GiB each, preallocated through MicroPython's own FatFs, checked to be contiguous; their headers are
written last and segment 0's last of all, so a ring is there wholly or not at all. While recording there is no write to
the FAT or a directory.
"""

import struct
from binascii import crc32

from . import constants as c
from .errors import CardError
from .fat32 import Volume
from .ring_head import HeadSearch, passed
from .write_times import WriteTimes

DIRECTORY = "/OCTOLEAD"
MAX_SEGMENT_BYTES = 1 << 30
RESERVE_BYTES = 1 << 20  # left free for the owner's files
MIN_SLOTS = 16
TRIES = 2  # at one slot
_SYNC = 3
_EROFS = 30
_MOUNT = "/_card"


def segment_path(index):
    """Return the path of a segment file."""
    return "%s/SEG%05d.OLS" % (DIRECTORY, index)


class Store:
    """An open ring. `segments` are first sectors, `ticks` has ms() and diff()."""

    def __init__(self, device, segments, slots_per_segment, slot_bytes, ring_id, device_id, ticks):
        self.device = device
        self.segments = segments
        self.slots_per_segment = slots_per_segment
        self.n_slots = len(segments) * slots_per_segment
        self.slot_bytes = slot_bytes
        self.slot_sectors = slot_bytes // c.SECTOR_BYTES
        self.ring_id = ring_id
        self.ring_tag = ring_id[0] | ring_id[1] << 8
        self.device_id = device_id
        self.ticks = ticks
        self.statistics = WriteTimes()
        self.checkpoints = 0
        self.search_reads = 0
        self.head = None
        self.next_seq = 0

    def recover(self):
        """Find where to go on; called once after opening."""
        buffer = bytearray(self.slot_bytes)
        self.search_reads = 0
        self.head = HeadSearch(self.read, self.n_slots, self.device_id, self.ring_tag, buffer).find()
        self.next_seq = self.head.next_seq
        return self.head

    def sector_of(self, seq):
        """Return the first sector of the slot of `ring_seq` seq."""
        slot = seq % self.n_slots
        segment = slot // self.slots_per_segment
        return self.segments[segment] + (1 + slot - segment * self.slots_per_segment) * self.slot_sectors

    def read(self, slot, sector, buffer):
        """Read sectors of a ring slot into buffer (a multiple of 512 bytes)."""
        self.search_reads += len(buffer) // c.SECTOR_BYTES
        self.device.readblocks(self.sector_of(slot) + sector, buffer)

    def write(self, seq, view):
        """One write of whole sectors at the slot of `seq`, and the card's word that it is done; raises OSError."""
        ticks = self.ticks
        began = ticks.ms()
        self.device.writeblocks(self.sector_of(seq), view)
        self.sync()
        self.statistics.add(ticks.diff(ticks.ms(), began))

    def write_block(self, view, block_bytes, renumber):
        """Write the sealed block that lies at the start of `view`; return its ring_seq.

        A slot that fails TRIES times is passed over (ring_head.passed): `renumber(view, seq)` then sets the block's
        ring_seq. Raises CardError when the card does not take it at all; what no other slot would change (card gone,
        write-protected) is told at once, and the block stays as it was.
        """
        part = view[: (block_bytes + 511) // 512 * 512]
        first = self.next_seq
        for distance in [0] + passed(self.n_slots):
            seq = first + distance
            if distance:
                renumber(view, seq)
            for _ in range(TRIES if distance < 4 else 1):
                try:
                    self.write(seq, part)
                    self.next_seq = seq + 1
                    return seq
                except OSError as error:
                    if getattr(error, "whole_card", False):
                        if distance:
                            renumber(view, first)
                        raise CardError(error.message, "card_write_protected" if error.args[0] == _EROFS else "card_gone")
                    self.statistics.repeated += 1
                    reason = error
        raise CardError("the card did not take the block for ring slot %d (%r)" % (first % self.n_slots, reason), "card_write")

    def write_checkpoint(self, view, block_bytes, seq, turn):
        """Write the image of the open block `seq` at one of the two slots behind its own; False when it failed."""
        try:
            self.write(seq + 1 + (turn & 1), view[: (block_bytes + 511) // 512 * 512])
        except OSError:
            self.statistics.repeated += 1
            return False
        self.checkpoints += 1
        return True

    def sync(self):
        """Ask the card to finish what it has in its cache: only then a block counts as sealed."""
        if self.device.ioctl(_SYNC, 0):
            raise OSError(5)


def segment_header(ring_id, device_id, index, count, slot_bytes, slots_per_segment):
    """Return the first sector of a segment file."""
    sector = bytearray(c.SECTOR_BYTES)
    struct.pack_into(
        c.SEGMENT_HEADER_FORMAT,
        sector,
        0,
        c.SEGMENT_MAGIC,
        c.VERSION_MAJOR,
        c.VERSION_MINOR,
        c.SEGMENT_HEADER_SIZE,
        ring_id,
        device_id,
        index,
        count,
        slot_bytes,
        slots_per_segment,
        bytes(24),
        0,
    )
    at = c.SEGMENT_HEADER_HEADER_CRC32
    struct.pack_into("<I", sector, at, crc32(memoryview(sector)[:at]))
    return sector


def parse_segment_header(sector):
    """Return (ring_id, device_id, index, count, slot_bytes, slots_per_segment), or None when it is not sound."""
    if bytes(sector[0:4]) != c.SEGMENT_MAGIC or sector[c.SEGMENT_HEADER_VERSION_MAJOR] != c.VERSION_MAJOR:
        return None
    n = struct.unpack_from("<H", sector, c.SEGMENT_HEADER_HEADER_BYTES)[0]
    if not c.SEGMENT_HEADER_SIZE <= n <= 512:
        return None
    if crc32(memoryview(sector)[: n - 4]) != struct.unpack_from("<I", sector, n - 4)[0]:
        return None
    return struct.unpack_from("<8s8sHHII", sector, c.SEGMENT_HEADER_RING_ID)


def open_store(device, device_id, ticks):
    """Return the Store of the ring on the card, head not yet searched, or None when there is none.

    Raises CardError when there is something that is neither a ring nor nothing, or the card cannot be read where it matters.
    """
    try:
        return _open(device, device_id, ticks)
    except OSError as error:
        raise CardError(
            "the card cannot be read where its file system stands (%r): save the recordings with `octolead recover`, then take another"
            % error,
            "card_read",
        )


def _open(device, device_id, ticks):
    volume = Volume(device)
    first = volume.extent(segment_path(0), full=False)
    if first is None:
        return None
    known, header = _read_headers(device, volume)
    if header is None:
        _refuse_unknown(device, first)
        return None
    ring_id, _, _, count, slot_bytes, slots = header
    segments = []
    for index in range(count):
        extent = known.get(index)
        if extent is None:
            raise CardError("segment %d of %d is missing: save the recordings, then format the card" % (index, count), "card_damaged")
        if not extent.contiguous:
            raise CardError("%s is fragmented: save the recordings, then format the card" % segment_path(index), "card_fragmented")
        if extent.size_bytes < (slots + 1) * slot_bytes:
            raise CardError(
                "%s has %d bytes, needs %d: save the recordings, then format the card"
                % (segment_path(index), extent.size_bytes, (slots + 1) * slot_bytes),
                "card_damaged",
            )
        segments.append(extent.first_sector)
    return Store(device, segments, slots, slot_bytes, ring_id, device_id, ticks)


def _read_headers(device, volume):
    """Return {index: extent} of the segment files and the first sound header; file names say which is which."""
    sector = bytearray(c.SECTOR_BYTES)
    extents = {}
    header = None
    index = 0
    count = 1
    while index < count:
        extent = volume.extent(segment_path(index), full=False)
        if extent is not None:
            extents[index] = extent
            if extent.first_sector:
                found = _header(device, extent.first_sector, sector)
                if found is not None and header is None:
                    header = found
                    count = found[3]
        index += 1
        if header is None and extent is not None:
            count = index + 1
    return extents, header


def _header(device, first_sector, sector):
    """Return what a segment header says, or the one behind it (erase.py), or None when neither is sound or can be read."""
    for at in (first_sector, first_sector + 1):
        try:
            device.readblocks(at, sector)
        except OSError:
            continue
        found = parse_segment_header(sector)
        if found is not None:
            return found
    return None


def _refuse_unknown(device, extent):
    """A segment file without a sound header is a ring half made, unless blocks are in it."""
    if not extent.first_sector:
        return
    sector = bytearray(c.SECTOR_BYTES)
    for slot_bytes in (4096, 8192, 16384):
        device.readblocks(extent.first_sector + slot_bytes // 512, sector)
        if sector[0:4] == c.BLOCK_MAGIC:
            raise CardError("no segment header is readable but there are blocks: save the recordings, then format the card", "card_damaged")


def plan(free_bytes, slot_bytes, ring_bytes=0):
    """Return (segments, bytes of each) for a card with so much free; `ring_bytes` limits the whole."""
    usable = free_bytes - RESERVE_BYTES
    if ring_bytes and ring_bytes < usable:
        usable = ring_bytes
    count = max(1, -(-usable // MAX_SEGMENT_BYTES))
    size = usable // count // slot_bytes * slot_bytes
    if size // slot_bytes - 1 < MIN_SLOTS:
        raise CardError(
            "%d KiB free on the card, a ring takes at least %d KiB: empty or format the card"
            % (free_bytes // 1024, (RESERVE_BYTES + (MIN_SLOTS + 1) * slot_bytes) // 1024),
            "card_too_small",
        )
    return count, size


def make_ring(device, device_id, ring_id, slot_bytes, ticks, ring_bytes=0):
    """Make the segment files on a FAT32 card and return the Store."""
    volume = Volume(device)
    volume.next_cluster(volume.root)  # raises when it counts as free: the segments would be laid over it
    directory = volume.lookup(DIRECTORY)
    if directory is not None:
        volume.check_directory(directory[0])
        volume.next_cluster(directory[0])
    try:
        for from_start in (False, True):
            count, size = _allocate(device, slot_bytes, ring_bytes, from_start)
            segments = _in_one_piece(device, count, size)
            if segments:
                break
        else:
            raise CardError("no %d MiB in one piece on the card: save what is on it, then format it" % (size >> 20), "card_fragmented")
        slots = size // slot_bytes - 1
        for index in range(count - 1, -1, -1):
            device.writeblocks(segments[index], segment_header(ring_id, device_id, index, count, slot_bytes, slots))
        device.ioctl(_SYNC, 0)
    except ValueError:  # MicroPython's UnicodeError: a directory with names that are none
        raise CardError("a directory on the card is damaged: save what is on it, then format it", "card_damaged")
    except OSError as error:
        if error.args and error.args[0] in (1, 13, _EROFS):
            raise CardError("the card is write-protected: slide its lock or take another", "card_write_protected")
        raise CardError("the card failed while the ring was made (%r): take another" % error, "card_write")
    return Store(device, segments, slots, slot_bytes, ring_id, device_id, ticks)


def _in_one_piece(device, count, size):
    """Return the first sectors of the segment files, or nothing when one is not contiguous."""
    volume = Volume(device)
    segments = []
    for index in range(count):
        extent = volume.extent(segment_path(index), full=True)
        if extent is None or extent.size_bytes < size or not extent.contiguous:
            return []
        segments.append(extent.first_sector)
    return segments


def _allocate(device, slot_bytes, ring_bytes, from_start):
    """Make the segment files; a half-made ring is removed first.

    FatFs goes on behind the cluster it gave out last and wraps around in mid-file; `from_start` makes it begin at the
    card's first free cluster.
    """
    import vfs  # only MicroPython has it, and only making a ring needs it

    file_system = vfs.VfsFat(device)
    vfs.mount(file_system, _MOUNT)
    try:
        if DIRECTORY[1:] not in [entry[0] for entry in file_system.ilistdir("/")]:
            file_system.mkdir(DIRECTORY)
        for entry in list(file_system.ilistdir(DIRECTORY)):
            if entry[0].startswith("SEG"):
                file_system.remove(DIRECTORY + "/" + entry[0])
    finally:
        vfs.umount(_MOUNT)
    if from_start:
        Volume(device).forget_hint()
    file_system = vfs.VfsFat(device)
    vfs.mount(file_system, _MOUNT)
    try:
        status = file_system.statvfs("/")
        count, size = plan(status[0] * status[3], slot_bytes, ring_bytes)
        for index in range(count):
            with file_system.open(segment_path(index), "wb") as file:
                file.seek(size)
        return count, size
    finally:
        vfs.umount(_MOUNT)
