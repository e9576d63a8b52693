# SPDX-License-Identifier: Apache-2.0
"""The heart rate found on the box: beats of the frames that are recorded, RR intervals, and how long no beat has come.

    heart.begin(signal)              a session begins
    heart.take(work, count, state)   the session's frames, eight stored values each; state: electrodes off | saturated << 16
    heart.skip()                     frames were left out (a gap, or the ring of frames is filling): no interval across
    heart.end()
    heart.bpm                        1/min, the mean of the last eight intervals; 0 unknown
    heart.contact                    True while at least one lead can be looked at
    heart.take_rr()                  RR intervals since the last call, in 1/1024 s, the newest 16
    heart.quiet_ms()                 how long no beat has come, with electrodes on

A lead counts while its electrodes are on and it is not saturated, and while its beats stand out of its other peaks at least a
third as well as the best lead's do. A beat is known 250 ms after it came. Nothing is allocated per frame or per beat.
"""

import sys
from array import array

from . import constants as c
from . import heart_front as plain
from .heart_rules import MOST, SECOND, TIME_MASK, BeatRules

try:
    from . import heart_front_fast as fast
except ImportError:  # no viper
    fast = plain

RR_KEPT = 16
MEAN_OF = 8
KNOWN_MS = 5000  # bpm is unknown so long after the last beat
_EXTEND = 32 if sys.maxsize >> 32 else 0
_HOLD = 50  # samples, 200 ms: no two beats within
_MOST_UNIT_NV = 1000
_FLOOR_NV = 45000
_CHOOSE_EVERY = 32  # peaks
_WORSE = 3  # times less than the best lead stands out: not looked at
_HARDLY_WORSE = 4  # the same for one that is looked at
_V_LEADS = 0xFC
_MOST_INTERVAL = 63 * SECOND


def usable(state):
    """Return the leads (a bit each) that electrodes and converter allow; V leads need all of the Wilson terminal."""
    leads = 0
    if not state & 1 << c.ELECTRODE_RA:
        if not state & 1 << c.ELECTRODE_LA:
            leads = 1
        if not state & 1 << c.ELECTRODE_LL:
            leads |= 2
    if leads == 3:
        leads |= _V_LEADS & ~(state >> c.ELECTRODE_V1 << 2)
    return leads & ~(state >> 16)


class HeartRate:
    """One for all sessions."""

    def __init__(self):
        self._front = plain.new_state()
        self._rules = BeatRules(self._beat)
        self._tops = array("i", bytes(4 * plain.LEADS))  # of beats, lead by lead, in sixteenths
        self._others = array("i", bytes(4 * plain.LEADS))  # of other peaks
        self._intervals = array("i", bytes(4 * MEAN_OF))
        self._rr = array("i", bytes(4 * RR_KEPT))
        self._running = False
        self._clear()

    def _clear(self):
        self.bpm = 0
        self.contact = False
        self.beats = 0
        self._state = -1
        self._leads = 0  # usable
        self._chosen = 0
        self._last = -1
        self._quiet_from = -1
        self._n_rr = 0
        self._n_intervals = 0
        self._peaks = 0
        self._settling = True

    def begin(self, signal):
        """Forget all, and take frames of `signal` (recorder.Signal) from now on."""
        self._clear()
        front = self._front
        for i in range(plain.WORDS):
            front[i] = 0
        for k in range(plain.LEADS):
            self._tops[k] = self._others[k] = 0
        self._divisor = signal.rate_hz // plain.DECIMATED_HZ
        step_nv = 2400000000 * (1 << signal.shift) // (signal.gain * 0x7FFFFF)
        whole = 8 * self._divisor  # frames that the filter adds up
        self._down = 0
        while step_nv << self._down + 1 <= whole * _MOST_UNIT_NV:
            self._down += 1
        self._floor = max(1, _FLOOR_NV * whole // (step_nv << self._down))
        self._of_person = signal.source_id == c.SIGNAL_SOURCE_ELECTRODES
        self._rules.begin(self._floor)
        self._running = True

    def end(self):
        """No more frames come."""
        self._clear()
        self._running = False

    def take(self, work, count, state):
        """Take `count` frames from the start of `work`."""
        if state != self._state:
            self._change(state)
        front = self._front
        index = 0
        while count:
            n = fast.sift(front, work, index, count, self._divisor, _EXTEND, self._down, _HOLD)
            count -= n
            index += n * plain.LEADS
            if front[plain.READY]:
                self._peak(front)
                plain.clear(front)
        if self.bpm and self.quiet_ms() > KNOWN_MS:
            self.bpm = 0

    def skip(self):
        """Frames were left out: the filter settles anew, and no interval is told across."""
        self._last = -1
        self._n_intervals = 0
        self._rules.forget()
        self._settle()

    def take_rr(self):
        """Return the RR intervals since the last call, in 1/1024 s."""
        intervals = [self._rr[i] for i in range(self._n_rr)]
        self._n_rr = 0
        return intervals

    def quiet_ms(self):
        """Return milliseconds since the last beat, or since electrodes are on; 0 while they are not."""
        if not self.contact or self._quiet_from < 0:
            return 0
        return ((self._front[plain.CLOCK] << 4) - self._quiet_from & TIME_MASK) >> 2

    def status(self):
        """Return plain values for the recorder's status."""
        return {"bpm": self.bpm, "contact": self.contact, "leads": self._chosen, "beats": self.beats}

    # Leads

    def _change(self, state):
        """Electrodes or saturation changed."""
        self._state = state
        leads = usable(state)
        before = self._leads
        if leads == before:
            return
        self._leads = leads
        self.contact = self._of_person and leads != 0
        if not leads:
            self.bpm = self._chosen = 0
        else:
            self._choose()
        if not leads or not before:
            self.skip()

    def _settle(self):
        """Look at nothing until the filter has only new samples in it, one peak long."""
        front = self._front
        for k in range(plain.LEADS):
            front[plain.WEIGHTS + k] = 0
        plain.clear(front)
        self._settling = True
        self._quiet_from = -1

    def _stands_out(self, k):
        return self._tops[k] * 8 // (self._others[k] + 64)

    def _choose(self):
        """Look at the leads in which beats stand out; at all of the usable ones while none is known to."""
        best = 0
        for k in range(plain.LEADS):
            if self._leads >> k & 1:
                best = max(best, self._stands_out(k))
        chosen = 0
        for k in range(plain.LEADS):
            times = _HARDLY_WORSE if self._chosen >> k & 1 else _WORSE
            if self._leads >> k & 1 and self._stands_out(k) * times >= best:
                chosen |= 1 << k
        if chosen != self._chosen:
            self._look_at(chosen)

    def _look_at(self, chosen):
        self._chosen = chosen
        beats = others = 0
        for k in range(plain.LEADS):
            if chosen >> k & 1:
                beats += self._tops[k] >> 4
                others += self._others[k] >> 4
            if not self._settling:
                self._front[plain.WEIGHTS + k] = chosen >> k & 1
        if beats > self._floor:
            self._rules.rescale(beats, others)
        elif not self._settling:
            self._rules.begin(self._floor)

    # Peaks and beats

    def _peak(self, front):
        if self._settling:
            self._settling = False
            for k in range(plain.LEADS):
                front[plain.WEIGHTS + k] = self._chosen >> k & 1
            self._quiet_from = front[plain.CLOCK] << 4
            return
        value = front[plain.PEAK]
        before = front[plain.BEFORE]
        after = front[plain.AFTER]
        bend = before - 2 * value + after
        fraction = 8 * (before - after) // bend if bend else 0  # sixteenths, by a parabola
        time = ((front[plain.CLOCK] - front[plain.AGE]) * 16 + fraction) & TIME_MASK
        self._learn(front, self._rules.peak(time, value))

    def _learn(self, front, is_beat):
        """Follow, lead by lead, how high beats and other peaks are."""
        levels = self._tops if is_beat else self._others
        by = 3 if is_beat else 4
        for k in range(plain.LEADS):
            levels[k] += (min(front[plain.TOPS + k], MOST) * 16 - levels[k]) >> by
        self._peaks += 1
        if self._peaks == _CHOOSE_EVERY:
            self._peaks = 0
            self._choose()

    def _beat(self, time):
        self.beats += 1
        if self._last >= 0:
            self._interval(min((time - self._last) & TIME_MASK, _MOST_INTERVAL))
        self._last = self._quiet_from = time

    def _interval(self, interval):
        if self._n_rr == RR_KEPT:
            for i in range(RR_KEPT - 1):
                self._rr[i] = self._rr[i + 1]
            self._n_rr -= 1
        self._rr[self._n_rr] = (interval * 32 + 62) // 125
        self._n_rr += 1
        self._intervals[self._n_intervals % MEAN_OF] = interval
        self._n_intervals += 1
        n = min(self._n_intervals, MEAN_OF)
        if n > 1:
            total = 0
            for i in range(n):
                total += self._intervals[i]
            self.bpm = (60 * SECOND * n + (total >> 1)) // total
