# SPDX-License-Identifier: Apache-2.0
"""The self-test's card: writes that are read back sector by sector, and whether the far end of the card is there at all.

Written is the slot that is given out next, where no block is told any more (docs/SPEC.md 2). Every sector carries its place
and the number of its write, so one that was not written, torn, or put elsewhere shows. The far end is tried in the last free
cluster of the file system, and what stood there is put back: cards that come round before their end would lose a recording
otherwise. It finds flash that ends early and addresses of which upper bits are ignored.
"""

import struct

from .fat32 import Volume
from .write_times import WriteTimes

WRITES = 32
LIMIT_MS = 3000  # no write begins later: other things wait for the test
MANY_MS = 1000  # a write longer than this fails by itself
_FIRST = 11  # 2^11 sectors are the least that a card may come round at
_LOOK = 1024  # clusters from the end in which a free one is sought
_STAMP = "<II"


def test(store, urandom):
    """Return the part's values with `ok` and `words`."""
    if not store.n_slots:
        return {"ok": False, "words": "no card: put one in"}
    values = {"slots": store.n_slots, "slot_bytes": store.slot_bytes, "mib": store.device.ioctl(4, 0) // 2048}
    times = WriteTimes()
    try:
        values["torn"], place = _write_and_read(store, times, urandom(4))
        missing = _missing(store.device, urandom)
        if missing is not None:
            values["missing_mib"] = -(-missing // 2048)
        words = _judge(values, times, place)
    except OSError as error:
        words = "the card failed (%r): take another" % error
    except MemoryError:
        words = "no memory for two slots: restart the recorder"
    values.update({"writes": times.writes, "p50_ms": times.percentile_ms(50), "p99_ms": times.percentile_ms(99), "max_ms": times.max_ms})
    values["ok"] = not words
    if words:
        values["words"] = words
    return values


def _judge(values, times, place):
    if values["torn"]:
        return "%d sectors read back otherwise than written, the first at %d: take another card" % (values["torn"], place)
    if values.get("missing_mib"):
        return "the card says it has %d MiB, %d of them at least are not there: a forgery or broken, take another" % (
            values["mib"],
            values["missing_mib"],
        )
    if times.max_ms > MANY_MS:
        return "a write took %d ms, %d are allowed: take another card" % (times.max_ms, MANY_MS)
    return None


def _write_and_read(store, times, salt):
    """Write the slot up to WRITES times; return (sectors that were not as written, place of the first)."""
    ticks = store.ticks
    began_ms = ticks.ms()
    written = bytearray(store.slot_bytes)
    read = bytearray(store.slot_bytes)
    first = store.sector_of(store.next_seq)
    torn = place = 0
    for turn in range(WRITES):
        if ticks.diff(ticks.ms(), began_ms) > LIMIT_MS:
            break
        _fill(written, first, turn, salt)
        began = ticks.ms()
        store.device.writeblocks(first, written)
        store.sync()
        times.add(ticks.diff(ticks.ms(), began))
        store.device.readblocks(first, read)
        if read != written:
            for at in range(0, len(read), 512):
                if read[at : at + 512] != written[at : at + 512]:
                    place = place or first + at // 512
                    torn += 1
    return torn, place


def _fill(buffer, first, turn, salt):
    """Stamp both ends of each sector: one that tears in the middle is old at one of them."""
    for at in range(0, len(buffer), 512):
        struct.pack_into(_STAMP, buffer, at, first + at // 512, turn)
        struct.pack_into("4sI", buffer, at + 504, salt, turn)


def _far_sector(device):
    """Return the last sector of the last free cluster, None where there is none near the end."""
    volume = Volume(device)
    last = volume.clusters + 1
    sector = bytearray(512)
    loaded = -1
    for cluster in range(last, max(last - _LOOK, 2), -1):
        if cluster >> 7 != loaded:
            loaded = cluster >> 7
            device.readblocks(volume.fat + loaded, sector)
        if not struct.unpack_from("<I", sector, (cluster & 127) * 4)[0] & 0x0FFFFFFF:
            return volume.sector_of(cluster) + volume.cluster_sectors - 1
    return None


def _missing(device, urandom):
    """Return sectors that the card tells of and does not have, None where it cannot be tried."""
    place = _far_sector(device)
    if place is None:
        return None
    n_sectors = device.ioctl(4, 0)
    before = bytearray(512)
    stamp = urandom(16) * 32
    try:
        device.readblocks(place, before)
        device.writeblocks(place, stamp)
    except OSError as error:
        if error.args[0] != 22:
            raise
        return n_sectors - place
    true = _true_sectors(device, place, stamp)
    device.writeblocks(place, before)
    if device.ioctl(3, 0):
        raise OSError(5)
    return 0 if true is None else n_sectors - true


def _true_sectors(device, place, stamp):
    """Return a number of sectors that the card has not more of, None where `place` holds the stamp and nothing else does.

    A card that comes round at 2^k shows the stamp at the place without its upper bits, for this k and greater ones.
    """
    read = bytearray(512)
    device.readblocks(place, read)
    if read != stamp:
        return place
    power = _FIRST
    while 1 << power + 1 <= place:
        power += 1
    while power >= _FIRST:
        alias = place & (1 << power) - 1
        if alias != place:
            device.readblocks(alias, read)
            if read == stamp:
                return 1 << power
        power -= 1
    return None
