# SPDX-License-Identifier: Apache-2.0
"""WFDB annotation files as arrays: beats with AAMI classes, stretches of ventricular fibrillation, rhythms.

Symbols: https://physionet.org/physiotools/wag/annot-5.htm and https://archive.physionet.org/physiobank/annotations.shtml
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SourceError

Frames = npt.NDArray[np.int64]

CLASSES: Final = "NSVFQ"
"""AAMI EC57: normal, supraventricular ectopic, ventricular ectopic, fusion, unclassifiable (and paced)."""

AAMI: Final = {
    **dict.fromkeys("NLRBejn.", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    "F": "F",
    **dict.fromkeys("/fQ?", "Q"),
}
"""MIT symbols as AAMI classes. Escape beats (e j n) are N, as de Chazal 2004 and those after him count them; `bxb` counts them as S."""

ESCAPES: Final = "ejn"


@dataclass(frozen=True)
class Annotations:
    """One annotation file.

    Attributes:
        frame: int64, the sample each annotation stands at, rising.
        symbol: the MIT symbol of each, or what a detector said.
        aux: the text of each, without padding.
    """

    frame: Frames
    symbol: npt.NDArray[np.str_]
    aux: tuple[str, ...]

    @property
    def stop(self) -> int:
        """One after the last annotation: some databases stop annotating hours before the record ends."""
        return int(self.frame[-1]) + 1 if len(self.frame) else 0

    def beats(self) -> Beats:
        """The beats among them. Those between `[` and `]` do not count, as in `bxb`."""
        is_beat = np.isin(self.symbol, list(AAMI))
        inside = inside_any(self.frame, self.vf())
        keep = is_beat & ~inside
        return Beats(self.frame[keep], self.symbol[keep])

    def vf(self) -> Frames:
        """Stretches of ventricular fibrillation or flutter, int64 (n, 2), both ends within; one without end ends at the last int64."""
        found: list[tuple[int, int]] = []
        start: int | None = None
        for frame, symbol in zip(self.frame.tolist(), self.symbol.tolist(), strict=True):
            if symbol == "[" and start is None:
                start = frame
            elif symbol == "]" and start is not None:
                found.append((start, frame))
                start = None
        if start is not None:
            found.append((start, np.iinfo(np.int64).max))
        return np.array(found, np.int64).reshape(-1, 2)

    def rhythms(self, stop: int) -> list[tuple[int, int, str]]:
        """(start, stop, name) of each rhythm, e.g. "AFIB"; the last one lasts until `stop`."""
        marks = [
            (int(f), text[1:])
            for f, symbol, text in zip(self.frame, self.symbol, self.aux, strict=True)
            if symbol in '+"' and text.startswith("(") and len(text) > 1
        ]
        if not marks:
            return []
        ends = [frame for frame, _ in marks[1:]] + [max(stop, marks[-1][0])]
        return [(start, end, name) for (start, name), end in zip(marks, ends, strict=True) if end > start]


@dataclass(frozen=True)
class Beats:
    """Beats: `frame` int64, rising; `symbol` the MIT symbol of each."""

    frame: Frames
    symbol: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.frame)

    def classes(self, escapes_as: str = "N") -> npt.NDArray[np.str_]:
        """The AAMI class of each: one of N S V F Q.

        >>> Beats(np.arange(4), np.array(["L", "a", "E", "f"])).classes().tolist()
        ['N', 'S', 'V', 'Q']
        """
        mapping = AAMI | dict.fromkeys(ESCAPES, escapes_as)
        return np.array([mapping[s] for s in self.symbol.tolist()], "U1")


def inside_any(frames: Frames, stretches: Frames) -> npt.NDArray[np.bool_]:
    """Which frames lie in one of the stretches (n, 2), both ends within."""
    inside = np.zeros(len(frames), np.bool_)
    for start, stop in stretches.tolist():
        inside |= (frames >= start) & (frames <= stop)
    return inside


def read_annotations(record: Path, extension: str) -> Annotations:
    """Read `record.extension`.

    Raises:
        SourceError: the file is missing or no annotation file.
    """
    import wfdb

    file = record.with_name(f"{record.name}.{extension}")
    if not file.is_file():
        raise SourceError(f"{file}: no such annotation file", path=str(file), kind="missing")
    try:
        found = wfdb.rdann(str(record), extension)
    except Exception as error:  # the reader raises whatever the bytes lead it to
        raise SourceError(f"{file}: not a readable annotation file: {error}", path=str(file), kind="damaged") from error
    frame = np.asarray(found.sample, np.int64).reshape(-1)
    symbol = np.array(found.symbol if len(frame) else [], "U4")
    aux = tuple((text or "").strip("\x00 \t") for text in found.aux_note or [""] * len(frame))
    order = np.argsort(frame, kind="stable")
    return Annotations(frame[order], symbol[order], tuple(aux[i] for i in order.tolist()))
