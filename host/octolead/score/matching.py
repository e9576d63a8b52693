# SPDX-License-Identifier: Apache-2.0
"""One-to-one matching of reference and test events in time, the walk of WFDB's `bxb`.

ANSI/AAMI EC57 (2012) 4.3; G. B. Moody, `bxb` in the WFDB applications, https://physionet.org/physiotools/wag/bxb-1.htm
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.int64]
_NEVER = 1 << 62


@dataclass(frozen=True)
class Matches:
    """What belongs together, as places in the two arrays that were given.

    Attributes:
        pairs: int64 (n, 2): place in the reference, place in the test.
        missed: places in the reference without partner.
        extra: places in the test without partner.
    """

    pairs: Frames
    missed: Frames
    extra: Frames


def match(ref: Frames, test: Frames, window: int) -> Matches:
    """Pair events at most `window` frames apart, each with the nearest that is free.

    The earlier of the two current events is paired with the other one if that lies in the window, and no later event of its own kind
    lies nearer to it (the later one must be nearer or as near to take it away).

    Args:
        ref: rising frames of the reference.
        test: rising frames of what is scored.
        window: the largest distance that is a match, in frames.

    >>> match(np.array([100, 200]), np.array([95, 190, 204]), 15).pairs.tolist()
    [[0, 0], [1, 2]]
    """
    r, t = [*ref.tolist(), _NEVER, 2 * _NEVER], [*test.tolist(), _NEVER, 2 * _NEVER]
    if window < 0 or any(np.any(np.diff(x) < 0) for x in (ref, test)):
        raise ValueError(f"window is {window}, and frames must rise")
    i = j = 0
    pairs: list[tuple[int, int]] = []
    missed: list[int] = []
    extra: list[int] = []
    n_ref, n_test = len(ref), len(test)
    while i < n_ref or j < n_test:
        distance = t[j] - r[i]
        if distance < 0:
            if -distance <= window and -distance < abs(r[i] - t[j + 1]):
                pairs.append((i, j))
                i, j = i + 1, j + 1
            else:
                extra.append(j)
                j += 1
        elif distance <= window and distance < abs(t[j] - r[i + 1]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        else:
            missed.append(i)
            i += 1
    return Matches(np.array(pairs, np.int64).reshape(-1, 2), np.array(missed, np.int64), np.array(extra, np.int64))


def window_frames(window_ms: float, fs_hz: float) -> int:
    """A window in frames, rounded down as WFDB's `strtim` does.

    >>> window_frames(150, 360), window_frames(150, 250)
    (54, 37)
    """
    return int(window_ms * fs_hz / 1000 + 1e-9)
