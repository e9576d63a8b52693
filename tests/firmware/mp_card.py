# SPDX-License-Identifier: Apache-2.0
"""Under MicroPython: FAT32 volumes made by us and read by FatFs, and the other way round; rings that are not sound."""

import sys

sys.path.insert(0, sys.argv[1])
FOLDER = sys.argv[2]

import struct

import vfs
from boards.sim.virtual_card import VirtualCard
from recorder.clock import SystemTicks
from recorder.errors import CardError
from recorder.fat32 import Volume
from recorder.fat32_format import format_card
from recorder.store import make_ring, open_store, segment_path

DEVICE = b"12345678"
TICKS = SystemTicks()
MIB = 1 << 20


def card(mib=40, name="card.img"):
    return VirtualCard(FOLDER + "/" + name, mib * 2048, TICKS)


def formatted(mib=40):
    device = card(mib)
    format_card(device)
    return device


def mounted(device):
    file_system = vfs.VfsFat(device)
    vfs.mount(file_system, "/m")
    return file_system


def refuses(kind, function, *arguments):
    try:
        function(*arguments)
    except CardError as error:
        assert error.kind == kind, (error.kind, error.message)
        return error.message
    raise AssertionError("no " + kind)


def ring(device, ring_bytes=0, slot_bytes=8192):
    return make_ring(device, DEVICE, b"ringring", slot_bytes, TICKS, ring_bytes)


def ok(name):
    print("ok " + name)


device = formatted()
mounted(device)
with open("/m/HELLO.TXT", "w") as file:
    file.write("x" * 5000)
with open("/m/HELLO.TXT") as file:
    assert file.read() == "x" * 5000
vfs.umount("/m")
volume = Volume(device)
assert volume.label == b"OCTOLEAD   "
assert volume.lookup("/HELLO.TXT")[1] == 5000
assert volume.lookup("/NO.TXT") is None
ok("format and mount")

mounted(device)
import os

os.mkdir("/m/OCTOLEAD")
with open("/m/OCTOLEAD/SEG00000.OLS", "wb") as file:
    file.seek(20 * MIB)
with open("/m/OCTOLEAD/A.BIN", "wb") as file:
    file.write(b"12345")
vfs.umount("/m")
extent = Volume(device).extent("/OCTOLEAD/SEG00000.OLS")
assert extent.contiguous
assert extent.size_bytes == 20 * MIB
device.writeblocks(extent.first_sector + 7, b"Z" * 512)
mounted(device)
with open("/m/OCTOLEAD/SEG00000.OLS", "rb") as file:
    file.seek(7 * 512)
    assert file.read(512) == b"Z" * 512
vfs.umount("/m")
reads = device.sectors_read
assert Volume(device).extent("/OCTOLEAD/SEG00000.OLS", full=False).contiguous
assert device.sectors_read - reads < 60, device.sectors_read - reads
ok("contiguous file")

# swap two clusters of the chain, by hand: first .. k, k+2, k+1, k+3 ..
volume = Volume(device)
first = volume.lookup("/OCTOLEAD/SEG00000.OLS")[0]
k = first + 12345
sector = bytearray(512)


def entry(cluster, value):
    device.readblocks(volume.fat + cluster // 128, sector)
    struct.pack_into("<I", sector, cluster % 128 * 4, value)
    device.writeblocks(volume.fat + cluster // 128, sector)


entry(k, k + 2)
entry(k + 2, k + 1)
entry(k + 1, k + 3)
assert not Volume(device).extent("/OCTOLEAD/SEG00000.OLS").contiguous
entry(k, k + 1)
entry(k + 1, k + 2)
entry(k + 2, k + 3 | 0x30000000)  # reserved bits are not part of the entry
assert Volume(device).extent("/OCTOLEAD/SEG00000.OLS").contiguous
ok("fragmented file")


class Partition:
    """A device that begins 2048 sectors later."""

    def __init__(self, device):
        self.device = device

    def readblocks(self, n, b, o=0):
        self.device.readblocks(n + 2048, b, o)

    def writeblocks(self, n, b, o=0):
        self.device.writeblocks(n + 2048, b, o)

    def ioctl(self, op, arg):
        return self.device.n_sectors - 2048 if op == 4 else self.device.ioctl(op, arg)


device = card(48)
format_card(Partition(device))
table = bytearray(512)
struct.pack_into("<B3sB3sII", table, 446, 0, b"", 0x0C, b"", 2048, device.n_sectors - 2048)
table[510:512] = b"\x55\xaa"
device.writeblocks(0, table)
made = ring(device)
found = open_store(device, DEVICE, TICKS)
assert found.segments == made.segments
assert found.n_slots == made.n_slots
ok("partition table")

device = card(40)
refuses("card_not_fat32", open_store, device, DEVICE, TICKS)
ok("no file system")

vfs.VfsFat.mkfs(device)
refuses("card_not_fat32", open_store, device, DEVICE, TICKS)
ok("FAT16")

device = formatted()
mounted(device)
for i in range(30):
    with open("/m/F%d" % i, "wb") as file:
        file.write(bytes(MIB))
for i in range(0, 30, 2):
    os.remove("/m/F%d" % i)
vfs.umount("/m")
assert "one piece" in refuses("card_fragmented", ring, device)
ok("fragmented card")

device = formatted()
mounted(device)
with open("/m/BIG", "wb") as file:
    file.seek(38 * MIB + 800 * 1024)
vfs.umount("/m")
refuses("card_too_small", ring, device)
ok("full card")

device = formatted()
device.read_only = True
assert "write-protected" in refuses("card_write_protected", ring, device)
ok("write-protected card")

device = formatted(40)
import recorder.store as store_module

store_module.MAX_SEGMENT_BYTES = 10 * MIB
made = ring(device)
assert len(made.segments) == 4
found = open_store(device, DEVICE, TICKS)
assert found.segments == made.segments
assert [found.sector_of(seq) for seq in (0, found.slots_per_segment, found.n_slots)] == [
    made.segments[0] + 16,
    made.segments[1] + 16,
    made.segments[0] + 16,
]
mounted(device)
os.remove("/m" + segment_path(2))
vfs.umount("/m")
assert "segment 2 of 4" in refuses("card_damaged", open_store, device, DEVICE, TICKS)
ok("missing segment")

device = formatted(40)
made = ring(device)
for first in made.segments:
    device.writeblocks(first, bytes(512))
assert open_store(device, DEVICE, TICKS) is None
made = ring(device)
ok("half-made ring")

device.writeblocks(made.segments[0], bytes(512))
found = open_store(device, DEVICE, TICKS)
assert found.n_slots == made.n_slots
assert found.segments == made.segments
ok("damaged header")

head = found.recover()
assert head.next_seq == 0
assert head.clean
assert found.search_reads <= 200
assert found.ring_id == b"ringring"
assert found.slot_bytes == 8192
ok("reopened ring")

device = formatted(40)
store_module.MAX_SEGMENT_BYTES = 1 << 30
made = ring(device)
device.writeblocks(made.segments[0], bytes(512))
device.writeblocks(made.segments[0] + 16, b"\x8fOLB" + bytes(508))
refuses("card_damaged", open_store, device, DEVICE, TICKS)
ok("unknown blocks")

device = formatted(40)
ring(device)
volume = Volume(device)
folder = bytearray(512)
device.readblocks(volume.sector_of(volume.lookup("/OCTOLEAD")[0]), folder)
folder[96:128] = b"\xff" * 32  # as an erased sector leaves it: a name that is no text
device.writeblocks(volume.sector_of(volume.lookup("/OCTOLEAD")[0]), folder)
assert "damaged" in refuses("card_damaged", ring, device)
ok("directory with names that are none")

device = formatted(40)
made = ring(device)
device.writeblocks(0, b"\xff" * 512)
assert open_store(device, DEVICE, TICKS).segments == made.segments
ok("boot sector from its backup")


class Unreadable:
    """A device that cannot read some sectors."""

    def __init__(self, device, sectors):
        self.device = device
        self.sectors = sectors
        self.ioctl = device.ioctl

    def readblocks(self, sector, buffer, offset=0):
        for bad in self.sectors:
            if sector <= bad < sector + len(buffer) // 512:
                raise OSError(5)
        self.device.readblocks(sector, buffer, offset)


device = formatted(40)
store_module.MAX_SEGMENT_BYTES = 10 * MIB
made = ring(device)
assert open_store(Unreadable(device, [0, made.segments[0], made.segments[2]]), DEVICE, TICKS).segments == made.segments
assert "octolead recover" in refuses("card_read", open_store, Unreadable(device, [Volume(device).fat]), DEVICE, TICKS)
ok("unreadable file system")

device = formatted(40)
mounted(device)
os.mkdir("/m/OCTOLEAD")
vfs.umount("/m")
volume = Volume(device)
entry_of = volume.lookup("/OCTOLEAD")[0]
for fat in (volume.fat, volume.fat + (volume.data - volume.fat) // 2):
    device.readblocks(fat, sector)
    sector[4 * entry_of : 4 * entry_of + 4] = bytes(4)
    device.writeblocks(fat, sector)
assert "FAT entry of cluster 3 is 0" in refuses("card_damaged", ring, device)
ok("a directory that the FAT says is free")

device = formatted(40)
ring(device)
volume = Volume(device)
device.readblocks(volume.sector_of(volume.root), sector)
assert sector[32:40] == b"OCTOLEAD"
for cluster in (3 ^ 4, 3 ^ 0x4000000):  # into the segment; beyond the card
    struct.pack_into("<H4xH", sector, 32 + 20, cluster >> 16, cluster & 0xFFFF)
    device.writeblocks(volume.sector_of(volume.root), sector)
    refuses("card_damaged", open_store, device, DEVICE, TICKS)
    refuses("card_damaged", ring, device)
ok("a directory that is none")
