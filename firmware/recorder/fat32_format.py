# SPDX-License-Identifier: Apache-2.0
"""Format a block device as FAT32 without a partition table. MicroPython's own mkfs makes FAT16 on small cards.

Layout: 32 reserved sectors (boot sector, FSInfo, their backups at 6 and 7), two FATs, data. The reserved area is
lengthened so that the data begin at a multiple of the cluster size (of 4 MiB on cards of 1 GiB and more): what is
aligned in a file is then aligned on the card. The block device is MicroPython's: readblocks, writeblocks, ioctl.
"""

import struct

from .errors import CardError

MIN_CLUSTERS = 65525
RESERVED = 32
_END = 0x0FFFFFFF


def cluster_sectors(n_sectors):
    """Return sectors per cluster: by size of the card as usual, but never leaving fewer than 65525 clusters."""
    mib = n_sectors // 2048
    sectors = 64
    for limit, wanted in ((260, 1), (8192, 8), (16384, 16), (32768, 32)):
        if mib <= limit:
            sectors = wanted
            break
    while sectors > 1 and n_sectors // sectors < MIN_CLUSTERS + 2048:
        sectors //= 2
    return sectors


def layout(n_sectors):
    """Return (sectors per cluster, reserved sectors, sectors of one FAT, clusters)."""
    cluster = cluster_sectors(n_sectors)
    clusters = (n_sectors - RESERVED) // cluster
    fat = (4 * (clusters + 2) + 511) // 512
    align = 8192 if n_sectors >= 2097152 else cluster if cluster > 8 else 8
    reserved = RESERVED + -(RESERVED + 2 * fat) % align
    clusters = (n_sectors - reserved - 2 * fat) // cluster
    if clusters < MIN_CLUSTERS:
        raise CardError(
            "card of %d sectors is too small for FAT32 (%d clusters, at least %d): take one of 34 MiB or more"
            % (n_sectors, clusters, MIN_CLUSTERS),
            "card_too_small",
        )
    return cluster, reserved, fat, clusters


def format_card(device, label="OCTOLEAD", serial=0):
    """Write an empty FAT32 file system over the whole device."""
    n_sectors = device.ioctl(4, 0)
    cluster, reserved, fat, clusters = layout(n_sectors)
    name = (label.upper() + " " * 11)[:11].encode()
    boot = bytearray(512)
    struct.pack_into(
        "<3s8sHBHBHHBHHHIIIHHIHH12sBBBI11s8s",
        boot,
        0,
        b"\xeb\x58\x90",
        b"OCTOLEAD",
        512,
        cluster,
        reserved,
        2,
        0,
        0,
        0xF8,
        0,
        63,
        255,
        0,
        n_sectors,
        fat,
        0,
        0,
        2,
        1,
        6,
        bytes(12),
        0x80,
        0,
        0x29,
        serial,
        name,
        b"FAT32   ",
    )
    boot[90:92] = b"\xeb\xfe"  # jump to itself: not bootable
    boot[510:512] = b"\x55\xaa"
    info = bytearray(512)
    struct.pack_into("<I", info, 0, 0x41615252)
    struct.pack_into("<III", info, 484, 0x61417272, clusters - 1, 2)
    info[510:512] = b"\x55\xaa"
    tail = bytearray(512)
    tail[510:512] = b"\x55\xaa"
    _zero(device, reserved, 2 * fat + cluster)
    first = bytearray(512)
    struct.pack_into("<III", first, 0, 0x0FFFFFF8, _END, _END)
    for start in (reserved, reserved + fat):
        device.writeblocks(start, first)
    root = bytearray(512)
    struct.pack_into("<11sB", root, 0, name, 0x08)
    device.writeblocks(reserved + 2 * fat, root)
    for start in (6, 0):  # the boot sector last: a torn format is no file system
        device.writeblocks(start + 2, tail)
        device.writeblocks(start + 1, info)
        device.writeblocks(start, boot)
    device.ioctl(3, 0)


def _zero(device, start, count):
    zeros = bytes(64 * 512)
    view = memoryview(zeros)
    while count:
        n = count if count < 64 else 64
        device.writeblocks(start, view[: n * 512])
        start += n
        count -= n
