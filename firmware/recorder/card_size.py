# SPDX-License-Identifier: Apache-2.0
"""Is a card as large as it says? Cards are sold that are not: they take writes beyond their flash, and lose what is there.

Writes a mark to some twenty places and reads them back, so it is for a card that is about to be formatted. It finds flash
that ends early and addresses of which upper bits are ignored; a card that remembers single writes beyond its flash and
loses them later is not found.
"""

import struct

from .errors import CardError

_FIRST = 2048  # sectors; the places are 0, the powers of two from here on, and the last sector
_MARK = "<8sI"
_NAME = b"OLsize\r\n"


def check_size(device):
    """Destroy what is on the card and return its sectors; raise CardError when not all of them are there."""
    n_sectors = device.ioctl(4, 0)
    places = [0]
    place = _FIRST
    while place < n_sectors - 1:
        places.append(place)
        place *= 2
    places.append(n_sectors - 1)
    sector = bytearray(512)
    try:
        for place in reversed(places):  # what comes round falls on a place that is marked later
            struct.pack_into(_MARK, sector, 0, _NAME, place)
            device.writeblocks(place, sector)
        true = _true(device, places, sector)
    except OSError as error:
        if error.args[0] != 22:
            raise
        true = 0
    if true < n_sectors:
        raise CardError(
            "the card says it has %d MiB, not all of them are there (at most %d): a forgery or broken, take another"
            % (n_sectors // 2048, true // 2048),
            "card_false_size",
        )
    return n_sectors


def _true(device, places, sector):
    """Return the sectors up to the first place that does not hold its mark."""
    for place in places:
        device.readblocks(place, sector)
        if struct.unpack_from(_MARK, sector, 0) != (_NAME, place):
            return place
    return places[-1] + 1
