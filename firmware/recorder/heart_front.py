# SPDX-License-Identifier: Apache-2.0
"""The heart rate's filter: eight leads to one curve that rises at a QRS complex, and its peaks. Plain twin of heart_front_fast.

At 250 samples/s (sums of 1, 2 or 4 frames), lead by lead, with C the running sum of the samples x (modulo 2^32):

    y[n] = C[n] - 3 C[n-8] + 3 C[n-16] - C[n-24] = B[n] - 2 B[n-8] + B[n-16],    B[n] = x[n] + ... + x[n-7]

a mean over 32 ms and a second difference over 32 ms: a band around 12 Hz, nothing at 0 and 31 Hz, a delay of 11.5 samples.
The curve is the sum of |y| / 2^down over the leads whose weight is 1. A peak is its largest value, once none larger has come
for `hold` samples.

    sift(state, work, index, count, divisor, extend, down, hold) -> frames taken

takes up to `count` frames of 8 values from the int32 array `work` at element `index`, and stops behind the sample that
completes a peak: state[READY] is 1 then, and what is known of the peak stands in `state` until `clear`. Nothing is allocated.
"""

from array import array

LEADS = 8
DECIMATED_HZ = 250
PHASE = 0  # frames summed
CLOCK = 1  # decimated samples so far, modulo 2^24
PEAK = 2  # largest value of the curve since the last peak
AGE = 3  # samples since then
LAST = 4  # the curve's last value
BEFORE = 5  # its values on both sides of the peak
AFTER = 6
READY = 7
SUMS = 8  # eight running sums of the leads
TOPS = 16  # eight largest |y| since the last peak
WEIGHTS = 24  # eight, 0 or 1
RING = 32  # of 32 x 8 running sums
WORDS = RING + 32 * LEADS
CLOCK_MASK = 0xFFFFFF  # sixteen times that is a small integer on a 32-bit board


def new_state():
    """Return a state of zeros."""
    return array("i", bytes(4 * WORDS))


def clear(state):
    """Begin the next peak."""
    state[READY] = state[PEAK] = state[AGE] = 0
    for k in range(TOPS, WEIGHTS):
        state[k] = 0


def _wrapped(value):
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def sift(state, work, index, count, divisor, extend, down, hold):
    """Take frames; see above. `extend` is for the viper twin."""
    done = 0
    while done < count:
        for k in range(LEADS):
            state[SUMS + k] = _wrapped(state[SUMS + k] + work[index + k])
        index += LEADS
        done += 1
        state[PHASE] += 1
        if state[PHASE] == divisor:
            state[PHASE] = 0
            if _sample(state, down, hold):
                return done
    return done


def _sample(state, down, hold):
    clock = state[CLOCK] = (state[CLOCK] + 1) & CLOCK_MASK
    now, back8, back16, back24 = [RING + ((clock - back) & 31) * LEADS for back in (0, 8, 16, 24)]
    curve = 0
    for k in range(LEADS):
        newest = state[now + k] = state[SUMS + k]
        y = abs(_wrapped(newest - state[back24 + k] + 3 * (state[back16 + k] - state[back8 + k]))) >> down
        if y > state[TOPS + k]:
            state[TOPS + k] = y
        curve += y * state[WEIGHTS + k]
    return _peak(state, curve, hold)


def _peak(state, curve, hold):
    last = state[LAST]
    state[LAST] = curve
    if curve > state[PEAK]:
        state[PEAK] = curve
        state[BEFORE] = last
        state[AGE] = 0
        return 0
    state[AGE] += 1
    if state[AGE] == 1:
        state[AFTER] = curve
    if state[AGE] < hold:
        return 0
    state[READY] = 1
    return 1
