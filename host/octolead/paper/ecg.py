# SPDX-License-Identifier: Apache-2.0
"""A strip of ECG on paper: grid, calibration pulse, one row a lead, gaps, electrodes that are off, beats, marks and seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .surface import ACCENT, BLUE, GREY_FILL, INK, MUTED, ORANGE, Anchor, Pen, Surface, Type, envelope, runs, trace_of

MM_PER_S: Final = 25.0
MM_PER_MV: Final = 10.0
PULSE_MM: Final = 15.0
"""Room at the left for the lead's name and the calibration pulse: 1 mV, 5 mm (200 ms) wide."""
ABOVE_MM: Final = 4.5
"""Room above the grid for beats."""
BELOW_MM: Final = 4.5
"""Room below it for seconds and marks."""
_MAX_SAMPLES_PER_MM: Final = 20
_BEAT_COLOURS: Final = {"V": "#b00020", "S": BLUE, "F": ORANGE, "/": "#6a3d9a", "Q": INK}
_TRACE: Final = Pen(INK, 0.22)


@dataclass(frozen=True)
class Strip:
    """Frames of some leads.

    Attributes:
        start_frame: frame of the first row; may be before the recording, or end after it: that is missing then.
        fs_hz: frames a second.
        leads: names of the columns.
        microvolt: shape (frames, leads), NaN where a value is missing.
        off: (lead, first frame, frame after the last) of electrodes off.
    """

    start_frame: int
    fs_hz: float
    leads: tuple[str, ...]
    microvolt: npt.NDArray[np.float32]
    off: tuple[tuple[str, int, int], ...] = ()

    @property
    def stop_frame(self) -> int:
        """The frame after the last."""
        return self.start_frame + len(self.microvolt)

    @property
    def millivolt(self) -> npt.NDArray[np.float64]:
        """The same in mV."""
        return np.asarray(self.microvolt / 1000, np.float64)

    @property
    def width_mm(self) -> float:
        """On paper, without the calibration pulse."""
        return len(self.microvolt) / self.fs_hz * MM_PER_S

    def x_mm(self, frame: int) -> float:
        """How far a frame is from the first one, on paper."""
        return (frame - self.start_frame) / self.fs_hz * MM_PER_S

    def cut(self, start: int, stop: int) -> Strip:
        """Return frames `start` to `stop` of it."""
        return Strip(
            start, self.fs_hz, self.leads, self.microvolt[start - self.start_frame : stop - self.start_frame],
            tuple((lead, max(a, start), min(b, stop)) for lead, a, b in self.off if a < stop and b > start),
        )  # fmt: skip


@dataclass(frozen=True)
class Beats:
    """Beats to name above a strip: frames, symbols, and the interval before each in seconds (NaN: not known)."""

    frame: npt.NDArray[np.int64]
    symbol: npt.NDArray[np.str_]
    rr_s: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flag:
    """A place to point at: a frame and what is there."""

    frame: int
    words: str


Clock = Callable[[int], str]
Rows = Sequence[tuple[float, float]]
"""For each lead (mm from the row's top to its zero, height of the row)."""


def baseline_uv(microvolt: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the median of each lead, 0 where it has no value."""
    base = np.zeros(microvolt.shape[1], np.float32)
    present = ~np.isnan(microvolt).all(axis=0)
    if present.any():
        base[present] = np.nanmedian(microvolt[:, present], axis=0)
    return base


def equal_rows(millivolt: npt.NDArray[np.float64], height_mm: float) -> list[tuple[float, float]]:
    """Return rows of one height, each zero (in whole mm) where what the lead does is in the middle."""
    return [(round((height_mm + high + low) / 2), height_mm) for low, high in _extents_mm(millivolt)]


def shared_rows(millivolt: npt.NDArray[np.float64], height_mm: float) -> list[tuple[float, float]]:
    """Return rows that fill `height_mm`: a lead that does more gets more, what is left over is shared equally."""
    extents = _extents_mm(millivolt)
    needed = sum(high - low for low, high in extents)
    spare = (height_mm - needed) / max(1, len(extents))
    out, edge = [], 0.0
    for low, high in extents:
        height = high - low + spare if spare >= 0 else (high - low) * height_mm / needed
        zero = round(edge + (height + high + low) / 2) - edge  # on a line of the grid
        out.append((zero, height))
        edge += height
    return out


def _extents_mm(millivolt: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """From the lowest to the highest of each lead, but for single samples."""
    found = []
    for column in millivolt.T:
        known = column[~np.isnan(column)]
        low, high = (np.percentile(known, (0.05, 99.95)) * MM_PER_MV).tolist() if len(known) else (0.0, 0.0)
        found.append((min(low, 0.0), max(high, 0.0)))
    return found


def fitted_rows(millivolt: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return rows with room for what each lead does, in whole 5 mm, 15 to 120 mm."""
    out = []
    for column in millivolt.T:
        known = column[~np.isnan(column)]
        top, bottom = float(known.max(initial=0.0)) * MM_PER_MV, float(-known.min(initial=0.0)) * MM_PER_MV
        above = min(max(10.0, 5 * np.ceil((top + 2) / 5)), 60.0)
        below = min(max(5.0, 5 * np.ceil((bottom + 2) / 5)), 60.0)
        out.append((float(above), float(above + below)))
    return out


def draw(
    surface: Surface, strip: Strip, x: float, y: float, rows: Rows,
    *, beats: Beats | None = None, flags: Sequence[Flag] = (), clock: Clock | None = None,
) -> float:  # fmt: skip
    """Draw a strip whose grid has its upper left corner at (x, y + ABOVE_MM); return the y below it."""
    top, height = y + ABOVE_MM, sum(h for _, h in rows)
    width = PULSE_MM + strip.width_mm
    surface.grid(x, top, width, height)
    left = x + PULSE_MM
    surface.clip(x, top, width, height)
    _gaps(surface, strip, left, top, height)
    _rows(surface, strip, left, top, rows)
    surface.unclip()
    if beats is not None:
        _beats(surface, strip, left, y, beats)
    _seconds(surface, strip, left, top + height, clock)
    for flag in flags:
        _flag(surface, strip, left, top, height, flag)
    return top + height + BELOW_MM


def draw_pulse(surface: Surface, x: float, zero: float) -> None:
    """The calibration pulse: 1 mV for 200 ms."""
    places = [(6.0, 0.0), (7.5, 0.0), (7.5, MM_PER_MV), (12.5, MM_PER_MV), (12.5, 0.0), (14.0, 0.0)]
    points = np.array(places)
    surface.trace(np.rint(np.stack((x + points[:, 0], zero - points[:, 1]), axis=1) * 100).astype(np.int64), _TRACE)


def draw_trace(surface: Surface, millivolt: npt.NDArray[np.float64], fs_hz: float, x: float, zero: float, pen: Pen = _TRACE) -> None:
    """One lead from `x` on, at 25 mm/s and 10 mm/mV, with holes where values are missing."""
    values, step = np.asarray(millivolt, np.float64), MM_PER_S / fs_hz
    if fs_hz > MM_PER_S * _MAX_SAMPLES_PER_MM:  # finer than ink: least and greatest of each 0.1 mm
        columns = max(1, round(len(values) * step * _MAX_SAMPLES_PER_MM / 2))
        step = len(values) * step / (2 * columns)
        values = envelope(values, columns).ravel()
    for first, after in runs(~np.isnan(values)):
        places = x + np.arange(first, after) * step
        surface.trace(trace_of(places, zero - values[first:after] * MM_PER_MV), pen)


def _rows(surface: Surface, strip: Strip, left: float, top: float, rows: Rows) -> None:
    millivolt, pulse = strip.millivolt, -np.inf
    for k, (lead, (above, height)) in enumerate(zip(strip.leads, rows, strict=True)):
        if top + above - MM_PER_MV > pulse:  # where rows are narrow, one pulse stands for several
            pulse = top + above
            draw_pulse(surface, left - PULSE_MM, pulse)
        draw_trace(surface, millivolt[:, k], strip.fs_hz, left, top + above)
        surface.text(left - PULSE_MM + 0.6, top + above + 1.0, lead, Type(8 if len(lead) < 3 else 7.4 if len(lead) < 4 else 6.2, True))
        for off, start, stop in strip.off:
            if off == lead:
                surface.rect(left + strip.x_mm(start), top + height - 1.4, strip.x_mm(stop) - strip.x_mm(start), 1.0, fill=ORANGE)
                surface.text(left + strip.x_mm(start) + 0.5, top + height - 2.0, "electrode off", Type(6, False, ORANGE))
        top += height


def _gaps(surface: Surface, strip: Strip, left: float, top: float, height: float) -> None:
    for first, after in runs(np.asarray(np.isnan(strip.microvolt).all(axis=1))):
        start, stop = (left + k / strip.fs_hz * MM_PER_S for k in (first, after))
        surface.rect(start, top, stop - start, height, fill=GREY_FILL)
        if stop - start > 14:
            surface.text((start + stop) / 2, top + 5, "not recorded", Type(7, False, MUTED), "middle")


def _beats(surface: Surface, strip: Strip, left: float, y: float, beats: Beats) -> None:
    first, after = np.searchsorted(beats.frame, (strip.start_frame, strip.stop_frame))
    for k in range(int(first), int(after)):
        at, symbol = left + strip.x_mm(int(beats.frame[k])), str(beats.symbol[k])
        surface.text(at, y + 3.4, symbol, Type(7, symbol != "N", _BEAT_COLOURS.get(symbol, MUTED)), "middle")
        rr_mm = beats.rr_s[k] * MM_PER_S
        if rr_mm > 11 and at - rr_mm / 2 > left + 4:
            surface.text(at - rr_mm / 2, y + 3.4, f"{1000 * beats.rr_s[k]:.0f}", Type(5.5, False, MUTED), "middle")


def _seconds(surface: Surface, strip: Strip, left: float, y: float, clock: Clock | None) -> None:
    first = -(-strip.start_frame // strip.fs_hz)
    for second in range(int(first), int(strip.stop_frame / strip.fs_hz) + 1):
        at = strip.x_mm(round(second * strip.fs_hz))
        is_long = clock is not None and second % 5 == 0
        surface.line(left + at, y, left + at, y + (1.4 if is_long else 0.8), Pen(MUTED, 0.15))
        if clock is not None and is_long and second >= 0:
            anchor: Anchor = "start" if at < 6 else "end" if at > strip.width_mm - 6 else "middle"
            surface.text(left + at, y + 3.6, clock(round(second * strip.fs_hz)), Type(6, False, MUTED), anchor)


def _flag(surface: Surface, strip: Strip, left: float, top: float, height: float, flag: Flag) -> None:
    """A line at exactly the frame, its words in a box under the grid."""
    if not strip.start_frame <= flag.frame < strip.stop_frame:
        return
    at = left + strip.x_mm(flag.frame)
    surface.line(at, top, at, top + height + 1.0, Pen(ACCENT, 0.3, (1.2, 0.8)))
    style = Type(6.5, True, "#ffffff")
    width = surface.text_width_mm(flag.words, style) + 2
    x = min(max(at - width / 2, left), left + strip.width_mm - width)
    surface.rect(x, top + height + 0.8, width, 3.4, fill=ACCENT)
    surface.text(x + width / 2, top + height + 3.3, flag.words, style, "middle")
