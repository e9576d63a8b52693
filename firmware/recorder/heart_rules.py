# SPDX-License-Identifier: Apache-2.0
"""Which peaks of the heart rate's curve are beats: levels that follow the beats and the noise between them, and a search back.

After the rules of Hamilton and Tompkins (doi:10.1109/TBME.1986.325695) and of Pan and Tompkins (doi:10.1109/TBME.1985.325532):
medians of the last eight beats and of the last eight other peaks, a threshold between the two, a look back where a beat is
overdue. Departures: amplitudes of a sum over leads, not squared; two seconds of learning are judged in retrospect; after
three seconds without a beat the levels are found anew, if what is there is at least an eighth of what beats were.

Times are sixteenths of a sample at 250 samples/s, modulo 2^28; values are small integers, nothing is allocated.
"""

from array import array

SECOND = 4000  # sixteenths of a sample
TIME_MASK = 0x0FFFFFFF
KEPT = 8  # beats and other peaks that the levels follow
LEARN = 2 * SECOND
_WAITING = 64  # peaks since the last beat, for the search back
_THRESHOLD = 4  # sixteenths of the way from noise to beats
_SEARCH = 7  # sixteenths of the threshold, for what is found by the search back
_EARLY = 90 * 16  # 360 ms: a T wave stands here
_T_WAVE = 10  # sixteenths of the beat before, that a peak which is early must reach
_LATE = 24  # sixteenths of an interval: a beat is overdue
_SILENCE = 3 * SECOND
_FADED = 8  # levels found anew are at least so many times less than before
MOST = 0x3FFFFF  # larger values are taken for this: products stay small integers


def _filled(values, value):
    for i in range(len(values)):
        values[i] = value


class BeatRules:
    """`on_beat(time)` is called for every beat, in order."""

    def __init__(self, on_beat):
        self._on_beat = on_beat
        self._beats = array("i", bytes(4 * KEPT))
        self._others = array("i", bytes(4 * KEPT))
        self._intervals = array("i", bytes(4 * KEPT))
        self._sorted = array("i", bytes(4 * KEPT))
        self._times = array("i", bytes(4 * _WAITING))
        self._values = array("i", bytes(4 * _WAITING))
        self.begin(0)

    def begin(self, floor):
        """Learn anew; a beat is more than `floor`."""
        self.floor = floor
        self._learning = True
        self._replaying = False
        self._n = 0  # peaks that wait
        self._places = [0, 0, 0]  # of the next beat, other peak, interval
        _filled(self._intervals, SECOND)
        self.forget()

    def forget(self):
        """The next beat is the first after a gap: nothing reaches across."""
        self._last = -1
        self._last_value = 0
        if not self._learning:
            self._n = 0

    def rescale(self, beats, others):
        """Leads were chosen: beats are so high from now on, and other peaks so."""
        if not self._learning:
            _filled(self._beats, beats)
            _filled(self._others, others)
            self._levels()

    def peak(self, time, value):
        """Judge a peak; True when it is a beat by itself."""
        if value > MOST:
            value = MOST
        if not self._learning:
            return self._judge(time, value)
        self._wait(time, value)
        if (time - self._times[0]) & TIME_MASK >= LEARN:
            self._learn()
        return False

    # Levels

    def _median(self, values):
        ordered = self._sorted
        for i in range(KEPT):
            value = values[i]
            k = i
            while k and ordered[k - 1] > value:
                ordered[k] = ordered[k - 1]
                k -= 1
            ordered[k] = value
        return (ordered[KEPT // 2 - 1] + ordered[KEPT // 2]) >> 1

    def _levels(self):
        self._level = level = self._median(self._beats)
        noise = min(self._median(self._others), level)
        self._threshold = max(noise + ((level - noise) * _THRESHOLD >> 4), self.floor)

    def _keep(self, values, which, value):
        place = self._places[which]
        values[place] = value
        self._places[which] = (place + 1) % KEPT

    def _learn(self):
        """The second largest peak of two seconds is a beat; judge them all by it."""
        first = second = 0
        for i in range(self._n):
            value = self._values[i]
            if value > first:
                second = first
                first = value
            elif value > second:
                second = value
        if second <= self.floor:
            self._n = 0
            return
        self._learning = False
        self._start_from(second)

    def _start_from(self, level):
        _filled(self._beats, level)
        _filled(self._others, level >> 4)
        self._levels()
        self._judge_again(0)

    # Peaks

    def _since(self, time):
        return (time - self._last) & TIME_MASK

    def _judge(self, time, value):
        since = self._since(time) if self._last >= 0 else LEARN
        if value > self._threshold and not (since < _EARLY and value * 16 < self._last_value * _T_WAVE):
            self._accept(time, value)
            return True
        self._keep(self._others, 1, value)
        self._levels()
        self._wait(time, value)
        if not self._replaying:
            if self._last < 0:
                self._silent((time - self._times[0]) & TIME_MASK)
            elif not self._look_back(since):
                self._silent(since)
        return False

    def _accept(self, time, value):
        if self._last >= 0:
            interval = self._since(time)
            if SECOND // 5 < interval < 2 * SECOND:
                self._keep(self._intervals, 2, interval)
        self._last = time
        self._last_value = value
        self._keep(self._beats, 0, value)
        self._levels()
        self._n = 0
        self._on_beat(time)

    def _wait(self, time, value):
        if self._n == _WAITING:
            half = _WAITING // 2
            for i in range(half):
                self._times[i] = self._times[i + half]
                self._values[i] = self._values[i + half]
            self._n = half
        self._times[self._n] = time
        self._values[self._n] = value
        self._n += 1

    def _judge_again(self, first):
        """Judge what waits from `first` on; what is no beat waits on. It is written no further than it was read."""
        n = self._n
        self._n = 0
        self._replaying = True
        for i in range(first, n):
            self._judge(self._times[i], self._values[i])
        self._replaying = False

    def _look_back(self, since):
        """Take the largest of what waits where a beat is overdue; True when there was one."""
        usual = self._median(self._intervals)
        if since * 16 <= usual * _LATE:
            return False
        earliest = max(_EARLY, usual * 6 >> 4)
        best = -1
        most = max(self._threshold * _SEARCH >> 4, self.floor)
        for i in range(self._n):
            if self._values[i] > most and self._since(self._times[i]) > earliest:
                best = i
                most = self._values[i]
        if best < 0:
            return False
        n = self._n
        self._accept(self._times[best], most)
        self._n = n
        self._judge_again(best + 1)
        return True

    def _silent(self, since):
        """No beat for so long: find the levels anew."""
        if since <= _SILENCE:
            return
        most = 0
        for i in range(self._n):
            if self._values[i] > most and (self._last < 0 or self._since(self._times[i]) > _EARLY):
                most = self._values[i]
        if most > self.floor and most * _FADED > self._level:
            self._start_from(most)
