# SPDX-License-Identifier: Apache-2.0
"""Charts over the time of the recording: an axis of clock times, panels of lines, bands and bars."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..paper.surface import ACCENT, MUTED, RULE, UNITS_PER_MM, Pen, Trace, Type, runs
from .sheet import Sheet
from .source import Times

_STEPS_S: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400)
_AXIS_MM: Final = 14.0
_HAIR: Final = Pen(RULE, 0.15)
Numbers = npt.NDArray[np.floating[Any]]


class Panel:
    """A box with time to the right and a quantity upwards.

    Args:
        sheet: to draw on.
        y: upper edge of the title.
        height: of the box, mm.
        low, high: of the quantity; widened to round numbers.
        n_frames: length of the recording.
        times: how frames are told.
        span: least that the scale reaches over, so that little change looks little.
    """

    TITLE_MM: Final = 5.0

    def __init__(
        self, sheet: Sheet, y: float, height: float, low: float, high: float, n_frames: int, times: Times, span: float = 0.0
    ) -> None:
        self.sheet, self.top, self.height = sheet, y + self.TITLE_MM, height
        self.left, self.width = sheet.left + _AXIS_MM, sheet.room_mm - _AXIS_MM
        self.n_frames, self.times = max(1, n_frames), times
        wider = max(0.0, span - (high - low)) / 2
        self.ticks = nice_ticks(low - wider, high + wider)
        self.low, self.high = self.ticks[0], self.ticks[-1]

    @property
    def below(self) -> float:
        """The y under the box."""
        return self.top + self.height

    def x(self, frame: float) -> float:
        """Place of a frame."""
        return self.left + self.width * frame / self.n_frames

    def y(self, value: float) -> float:
        """Place of a value."""
        return self.below - self.height * (value - self.low) / (self.high - self.low)

    def frame(self, title: str, unit: str, beside: str = "") -> None:
        """Draw title, box, lines of the scale."""
        sheet = self.sheet
        sheet.text(self.left, self.top - 1.6, title, Type(8, True))
        at = self.left + sheet.surface.text_width_mm(title, Type(8, True)) + 2
        sheet.text(at, self.top - 1.6, unit, Type(7, False, MUTED))
        if beside:
            sheet.text(self.left + self.width, self.top - 1.6, beside, Type(6.5, False, MUTED), "end")
        for tick in self.ticks:
            sheet.surface.line(self.left, self.y(tick), self.left + self.width, self.y(tick), _HAIR)
            sheet.text(self.left - 1.5, self.y(tick) + 0.9, f"{tick:g}", Type(6.5, False, MUTED), "end")
        for frame, _ in time_ticks(self.n_frames, self.times):
            sheet.surface.line(self.x(frame), self.top, self.x(frame), self.below, _HAIR)
        sheet.surface.rect(self.left, self.top, self.width, self.height, pen=Pen(MUTED, 0.2))

    def time_axis(self) -> float:
        """Write the times under the box; return the y below."""
        last = self.left - 20.0
        for frame, label in time_ticks(self.n_frames, self.times):
            at = self.x(frame)
            if at - last > 9 and at < self.left + self.width - 3:
                self.sheet.text(at, self.below + 3.2, label, Type(6.5, False, MUTED), "middle")
                last = at
        return self.below + 4.5

    def line(self, values: Numbers, pen: Pen) -> None:
        """A line through the middles of equal bins; holes stay holes, a lone bin is a dash."""
        step = self.width / max(1, len(values))
        for first, after in runs(np.isfinite(values)):
            x = self.left + (np.arange(first, after) + 0.5) * step
            y = np.array([self.y(float(v)) for v in values[first:after]])
            if after - first == 1:
                x, y = np.array([x[0] - step / 2, x[0] + step / 2]), np.repeat(y, 2)
            self.sheet.surface.trace(_points(x, y), pen)

    def band(self, low: Numbers, high: Numbers, fill: str) -> None:
        """The room between two lines."""
        step = self.width / max(1, len(low))
        for first, after in runs(np.isfinite(low) & np.isfinite(high)):
            x = self.left + np.repeat(np.arange(first, after + 1), 2)[1:-1] * step
            top = np.repeat([self.y(float(v)) for v in high[first:after]], 2)
            bottom = np.repeat([self.y(float(v)) for v in low[first:after]], 2)
            self.sheet.surface.area(_points(np.concatenate((x, x[::-1])), np.concatenate((top, bottom[::-1]))), fill)

    def bars(self, values: Numbers, fill: str, step_frames: float, share: tuple[float, float] = (0.0, 1.0)) -> None:
        """A bar for each bin, in a part of the bin's width."""
        for k, value in enumerate(values):
            if value > self.low:
                x = self.x(min((k + share[0]) * step_frames, self.n_frames))
                width = max(0.25, self.x(min((k + share[1]) * step_frames, self.n_frames)) - x)
                self.sheet.surface.rect(x, self.y(value), width, self.below - self.y(value), fill=fill)

    def marks(self, frames: list[int]) -> None:
        """Small arrows at the upper edge."""
        for frame in frames:
            at = self.x(frame)
            corners = np.array([[at - 1, self.top - 0.1], [at + 1, self.top - 0.1], [at, self.top + 2.0]])
            self.sheet.surface.area(_points(corners[:, 0], corners[:, 1]), ACCENT)


def nice_ticks(low: float, high: float, n: int = 4) -> list[float]:
    """Return round numbers, the first at most `low`, the last at least `high`.

    >>> nice_ticks(52, 138)
    [50.0, 75.0, 100.0, 125.0, 150.0]
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        low, high = 0.0, 1.0
    high = max(high, low + 1e-6 + abs(low) * 1e-6)
    rough = (high - low) / n
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(float(power * m) for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [float(k * step) for k in np.arange(first, max(last, first + 1) + 1)]


def time_ticks(n_frames: int, times: Times) -> list[tuple[float, str]]:
    """Return (frame, label) of round times of day, or of round times from the start where the day is not known."""
    duration = n_frames / times.fs_hz
    step = float(next((s for s in _STEPS_S if duration / s <= 13), _STEPS_S[-1]))
    start = times.start
    since = (start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6) if start else 0.0
    first = -(-since // step) * step - since
    out = []
    for seconds in np.arange(first, duration + 1e-9, step):
        frame = float(seconds * times.fs_hz)
        out.append((frame, _label(frame, step, times)))
    return out


def _label(frame: float, step: float, times: Times) -> str:
    moment = times.at(round(frame))
    if moment is None:
        return f"+{times.elapsed(round(frame))}"
    if moment.hour == moment.minute == moment.second == 0:
        return f"{moment:%a %d}"
    return moment.strftime("%H:%M:%S" if step < 60 else "%H:%M")


def _points(x: Numbers, y: Numbers) -> Trace:
    return np.asarray(np.rint(np.stack((x, y), axis=1) * UNITS_PER_MM), np.int64)
