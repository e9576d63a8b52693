# SPDX-License-Identifier: Apache-2.0
"""A strip of a recording on ECG paper: 25 mm/s, 10 mm/mV, 1 mm and 5 mm grid, calibration pulse, marks. Only here is matplotlib."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .leads import TWELVE_LEADS
from .recording import Recording

MM_PER_S = 25.0
MM_PER_MV = 10.0
_MM = 1 / 25.4  # inch
_LEFT_MM, _RIGHT_MM, _TOP_MM, _BOTTOM_MM = 15.0, 5.0, 10.0, 10.0
_PAPER, _FINE, _COARSE, _INK, _MARK = "#fffaf7", "#f6cfc9", "#e79a90", "#101018", "#1a5fb4"


def row_order(leads: Sequence[str]) -> list[str]:
    """Leads in the customary order: the twelve first, others after."""
    return [n for n in TWELVE_LEADS if n in leads] + [n for n in leads if n not in TWELVE_LEADS]


def draw_strip(
    recording: Recording,
    out: str | os.PathLike[str],
    *,
    start_frame: int,
    stop_frame: int,
    leads: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Draw frames `start_frame` to `stop_frame` (excluded) into a PNG or SVG file, by its suffix.

    Each lead's offset (its median over the strip) is taken away, as paper recorders with their 0.05 Hz high pass do.
    Missing frames are left blank and shaded.

    Raises:
        SignalRangeError, UnknownLeadError: as `Recording.signal_uv`.
        ValueError: the file is neither .png nor .svg, or there is nothing to draw.
    """
    path = Path(out)
    if path.suffix.lower() not in (".png", ".svg"):
        raise ValueError(f"{path.name}: a strip is a .png or an .svg file")
    names = row_order(recording.leads) if leads is None else list(leads)
    microvolt = recording.signal_uv(start_frame, stop_frame, names)
    if not microvolt.size:
        raise ValueError("nothing to draw: no frames or no leads")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    millivolt = (microvolt - _baseline(microvolt)) / 1000
    heights = [_row_mm(millivolt[:, k]) for k in range(len(names))]
    seconds = (stop_frame - start_frame) / recording.fs_hz
    width_mm, height_mm = _LEFT_MM + seconds * MM_PER_S + _RIGHT_MM, _TOP_MM + sum(h for _, h in heights) + _BOTTOM_MM
    figure = Figure(figsize=(width_mm * _MM, height_mm * _MM), facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width_mm)
    axes.set_ylim(0, height_mm)
    axes.axis("off")
    _grid(axes, width_mm, height_mm)
    _signals(axes, recording, millivolt, names, heights, height_mm)
    _gaps(axes, microvolt, recording.fs_hz, height_mm)
    _marks(axes, recording, start_frame, stop_frame, height_mm)
    _captions(axes, recording, start_frame, width_mm, height_mm, title)
    _save(figure, path)


def _baseline(microvolt: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with np.errstate(all="ignore"):
        present = ~np.isnan(microvolt).all(axis=0)
        base = np.zeros(microvolt.shape[1], np.float32)
        base[present] = np.nanmedian(microvolt[:, present], axis=0)
    return base


def _row_mm(millivolt: npt.NDArray[Any]) -> tuple[float, float]:
    """(mm above the line to the row's top, height of the row): room for what the lead does, in whole 5 mm."""
    kept = millivolt[~np.isnan(millivolt)]
    top = float(kept.max(initial=0.0)) * MM_PER_MV
    bottom = float(-kept.min(initial=0.0)) * MM_PER_MV
    above = min(max(10.0, 5 * np.ceil((top + 2) / 5)), 60.0)
    below = min(max(5.0, 5 * np.ceil((bottom + 2) / 5)), 60.0)
    return float(above), float(above + below)


def _grid(axes: Any, width_mm: float, height_mm: float) -> None:
    from matplotlib.collections import LineCollection

    for step, colour, line in ((1.0, _FINE, 0.3), (5.0, _COARSE, 0.5)):
        lines = [[(x, 0), (x, height_mm)] for x in np.arange(_LEFT_MM % step, width_mm, step)]
        lines += [[(0, y), (width_mm, y)] for y in np.arange(0, height_mm, step)]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=line, zorder=0))


def _signals(
    axes: Any,
    recording: Recording,
    millivolt: npt.NDArray[Any],
    names: Sequence[str],
    heights: Sequence[tuple[float, float]],
    height_mm: float,
) -> None:
    x = _LEFT_MM + np.arange(len(millivolt)) / recording.fs_hz * MM_PER_S
    top = height_mm - _TOP_MM
    for k, (name, (above, height)) in enumerate(zip(names, heights, strict=True)):
        zero = top - above
        axes.plot(x, zero + millivolt[:, k] * MM_PER_MV, color=_INK, linewidth=0.6, zorder=3, solid_joinstyle="round")
        axes.plot([3, 5, 5, 10, 10, 12], [zero, zero, zero + 10, zero + 10, zero, zero], color=_INK, linewidth=0.6, zorder=3)
        axes.text(_LEFT_MM + 1, zero + min(above - 3.5, 6), name, fontsize=8, fontweight="bold", color=_INK, zorder=4)
        top -= height


def _gaps(axes: Any, microvolt: npt.NDArray[Any], fs_hz: float, height_mm: float) -> None:
    missing = np.isnan(microvolt).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.view(np.int8), [0]))))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        axes.axvspan(
            _LEFT_MM + start / fs_hz * MM_PER_S,
            _LEFT_MM + stop / fs_hz * MM_PER_S,
            color="#888888",
            alpha=0.25,
            zorder=1,
        )


def _marks(axes: Any, recording: Recording, start: int, stop: int, height_mm: float) -> None:
    for mark in recording.marks:
        if start <= mark.frame < stop:
            x = _LEFT_MM + (mark.frame - start) / recording.fs_hz * MM_PER_S
            axes.plot(
                [x, x],
                [_BOTTOM_MM - 3, height_mm - _TOP_MM + 3],
                color=_MARK,
                linewidth=0.8,
                linestyle=(0, (4, 2)),
                zorder=2,
            )
            axes.text(
                x + 0.8,
                height_mm - _TOP_MM + 1.2,
                f"{mark.origin} mark{f': {mark.text}' if mark.text else ''}",
                fontsize=7,
                color=_MARK,
                zorder=4,
            )


def _captions(axes: Any, recording: Recording, start: int, width_mm: float, height_mm: float, title: str) -> None:
    moment = recording.time_of(start)
    when = moment.utc.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "time of day unknown"
    axes.text(3, height_mm - 5, title or f"session {recording.session_id}", fontsize=8, color=_INK)
    axes.text(
        width_mm - 3,
        height_mm - 5,
        f"from {start / recording.fs_hz:.3f} s   {when}",
        fontsize=8,
        color=_INK,
        ha="right",
    )
    axes.text(
        3,
        2,
        f"{MM_PER_S:g} mm/s   {MM_PER_MV:g} mm/mV   {recording.fs_hz:g} samples/s   step {recording.step_uv:.4g} µV",
        fontsize=7,
        color=_INK,
    )
    axes.text(width_mm - 3, 2, "unfiltered, offsets removed", fontsize=7, color=_INK, ha="right")


def _save(figure: Any, path: Path) -> None:
    """Write beside the file first: a strip is there whole or not at all."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(part, dpi=200, facecolor=_PAPER)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
