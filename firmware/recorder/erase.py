# SPDX-License-Identifier: Apache-2.0
"""Begin a new ring on the card that is there: blocks of the ring before are nothing from then on.

Only the segments' headers are written, so it takes no time whatever the card holds. The samples themselves stay on the card
until they are overwritten: whoever has the card can still carve them out. Encrypt the card, or format it on a computer, where
that matters.

Power may go at any write, and any sector may tear: the new header is first put into the second sector of segment 0's slot 0,
where opening the store finds it if the first one tears. `finish_erase` at the next start puts right what a cut left behind.
"""

from . import constants as c
from .ring_head import Head
from .store import parse_segment_header, segment_header

_SYNC = 3


def _put(device, sector, data):
    device.writeblocks(sector, data)
    if device.ioctl(_SYNC, 0):
        raise OSError(5)


def _header(store, ring_id, index):
    return segment_header(ring_id, store.device_id, index, len(store.segments), store.slot_bytes, store.slots_per_segment)


def new_ring(store, urandom):
    """Give the store a new ring; nothing may be recorded. Raises OSError: then the ring is the old one or the new one."""
    ring_id = urandom(8)
    while ring_id[:2] == store.ring_id[:2]:  # the tag of every block tells the rings apart
        ring_id = urandom(8)
    first = store.segments[0]
    _put(store.device, first + 1, _header(store, ring_id, 0))
    _put(store.device, first, _header(store, ring_id, 0))
    store.ring_id = ring_id
    store.ring_tag = ring_id[0] | ring_id[1] << 8
    store.next_seq = 0
    store.head = Head(0, True)
    _settle(store)


def finish_erase(store):
    """Put right what a power cut in the middle left behind; called after a store is opened. False where the card did not let it."""
    try:
        _settle(store)
        return True
    except OSError:
        return False  # the store is sound without it; the next start tries again


def _settle(store):
    """Let all segments' headers name the store's ring, and no second header stand.

    Headers that are not sound for another reason stay as they are: that is for the person to see.
    """
    spare = bytearray(c.SECTOR_BYTES)
    store.device.readblocks(store.segments[0] + 1, spare)
    was_cut = parse_segment_header(spare) is not None
    sector = bytearray(c.SECTOR_BYTES)
    for index in range(len(store.segments)):
        first = store.segments[index]
        store.device.readblocks(first, sector)
        found = parse_segment_header(sector)
        if was_cut if found is None else found[0] != store.ring_id:
            _put(store.device, first, _header(store, store.ring_id, index))
    if was_cut:
        _put(store.device, store.segments[0] + 1, bytes(c.SECTOR_BYTES))
