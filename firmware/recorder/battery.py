# SPDX-License-Identifier: Apache-2.0
"""Per cent of a lithium-ion cell (4.2 V) from its voltage.

The table is the one in common use for a cell at rest or under a small load, from memory; it was measured on no cell of ours. It
is good for a tenth at best, less in the cold. What is shown falls with the voltage and rises only by RISE at once, so that a
pulse of current does not make it go up and down.
"""

UNKNOWN = 255
RISE = 5
_MV = (3270, 3610, 3690, 3710, 3730, 3750, 3770, 3790, 3800, 3820, 3840, 3850, 3870, 3910, 3950, 3980, 4020, 4080, 4110, 4150, 4200)
_STEP = 5  # per cent from one entry to the next


def percent_of(battery_mv):
    """Return 0 to 100, UNKNOWN for 0 mV.

    >>> [percent_of(mv) for mv in (0, 3000, 3270, 3440, 3840, 4200, 4300)]
    [255, 0, 0, 2, 50, 100, 100]
    """
    if battery_mv <= 0:
        return UNKNOWN
    if battery_mv <= _MV[0]:
        return 0
    for i in range(1, len(_MV)):
        if battery_mv < _MV[i]:
            below = _MV[i - 1]
            return _STEP * (i - 1) + _STEP * (battery_mv - below) // (_MV[i] - below)
    return 100


def shown(before, battery_mv):
    """Return the per cent to show after `before`."""
    now = percent_of(battery_mv)
    if before == UNKNOWN or now == UNKNOWN or now < before or now >= before + RISE or now == 100:
        return now
    return before
