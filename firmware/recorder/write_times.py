# SPDX-License-Identifier: Apache-2.0
"""How long the card took for its writes: a histogram that never grows and loses no write.

Bins are one millisecond wide below 8 ms and a quarter of an octave above, up to a minute: a percentile read from it is
at most a quarter too high, never too low.
"""

from array import array

EXACT = 8
PER_OCTAVE = 4
N_BINS = 60  # up to 65535 ms


def bin_of(ms):
    """Return the bin of a time."""
    if ms >= 1 << 16:
        return N_BINS - 1
    if ms < EXACT:
        return ms
    shift = 0
    while ms >= EXACT:
        ms >>= 1
        shift += 1
    return EXACT + (shift - 1) * PER_OCTAVE + ms - PER_OCTAVE


def lower_ms(index):
    """Return the shortest time of a bin."""
    if index < EXACT:
        return index
    octave, quarter = divmod(index - EXACT, PER_OCTAVE)
    return PER_OCTAVE + quarter << octave + 1


class WriteTimes:
    """How long writes took, in milliseconds, and how many were made again."""

    def __init__(self):
        self.writes = 0
        self.last_ms = 0
        self.max_ms = 0
        self.total_ms = 0
        self.repeated = 0
        self._bins = array("I", bytes(4 * N_BINS))

    def add(self, ms):
        """Count one write."""
        self.writes += 1
        self.last_ms = ms
        self.total_ms += ms
        self._bins[bin_of(ms)] += 1
        if ms > self.max_ms:
            self.max_ms = ms

    def percentile_ms(self, percent):
        """Return the time that `percent` of the writes did not exceed (upper edge of its bin); 0 before any."""
        left = -(-self.writes * percent // 100)
        for index in range(N_BINS):
            left -= self._bins[index]
            if left <= 0 and self.writes:
                return min(lower_ms(index + 1) - 1, self.max_ms)
        return self.max_ms

    def bins(self):
        """Return [[shortest ms of the bin, writes], ...] of the bins that are not empty."""
        return [[lower_ms(i), n] for i, n in enumerate(self._bins) if n]
