# SPDX-License-Identifier: Apache-2.0
"""MicroPython's machine.SDCard as the block device that the store wants: what failed raises, sync waits.

The driver below answers False where a transfer failed, which FatFs and a caller that does not look take for success.
It has no CRC errors to tell and no time limit of its own but IDF's (about a second a command).
"""

from recorder.errors import SdAbsent, SdRange, SdRefused

_SECTOR = 512


class SdMmc:
    """`make_card()` returns a machine.SDCard; the card is begun anew once when a transfer fails."""

    def __init__(self, make_card):
        self._make = make_card
        self.card = None
        self.n_sectors = 0
        self.repeated = 0
        self.started = 0

    def begin(self):
        """Initialise the card in the slot. Raises SdAbsent."""
        self._close()
        try:
            self.card = self._make()
            self.n_sectors = self.card.ioctl(4, 0) or 0
        except OSError as error:
            self._close()
            raise SdAbsent("no card answers in the slot (%r)" % error)
        if not self.n_sectors:
            self._close()
            raise SdAbsent("no card answers in the slot")
        self.started += 1

    def _close(self):
        if self.card is not None:
            self.card.deinit()  # the slot is taken as long as it lives
        self.card = None

    def readblocks(self, sector, buffer, offset=0):
        """Fill buffer from a sector on; whole sectors."""
        self._call("readblocks", "read", sector, buffer, offset)

    def writeblocks(self, sector, buffer, offset=0):
        """Write whole sectors."""
        self._call("writeblocks", "write", sector, buffer, offset)

    def _call(self, name, word, sector, buffer, offset):
        n = len(buffer) // _SECTOR
        if offset or len(buffer) % _SECTOR or sector < 0 or sector + n > self.n_sectors:
            raise SdRange("cannot %s %d bytes at sector %d of %d" % (word, len(buffer), sector, self.n_sectors))
        for again in (True, False):
            if self.card is None:
                self.begin()
            try:
                if getattr(self.card, name)(sector, buffer) is not False:
                    return
            except OSError:
                pass
            if again:
                self.repeated += 1
                self._close()
        raise SdRefused("the card did not %s %d sectors from %d on" % (word, n, sector))

    def ioctl(self, request, argument):
        """1 init, 3 sync (IDF's writes return when the card is done), 4 sectors, 5 bytes of a sector."""
        if request == 4:
            return self.n_sectors
        if request == 5:
            return _SECTOR
        return 0 if request in (1, 2, 3) else None

    def status(self):
        """Return what is known of the card."""
        return {"ready": self.card is not None, "sectors": self.n_sectors, "repeated": self.repeated, "started": self.started}
