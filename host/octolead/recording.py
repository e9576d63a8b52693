# SPDX-License-Identifier: Apache-2.0
"""A recording, as the desk sees it: sessions, leads, signals by any range, and everything that happened beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _constants as c
from . import events, native
from .calibrated import find_calibration
from .calibration import Calibration
from .chain import check_chain
from .errors import CardKeyError, SessionError, SignalRangeError, UnknownLeadError
from .findings import Findings
from .gaps import Gap, find_gaps, report_damage, report_ends, report_gaps
from .index import Index, SessionBlocks, build_index
from .leads import DERIVED, lead_name
from .reader import MISSING_RAW, BlockReader
from .seal import CardKeys
from .sources import open_source
from .timeline import (
    Anchor,
    Mark,
    Moment,
    Span,
    Timeline,
    anchors_of,
    battery_series,
    build_timeline,
    moment_of,
    temperature_series,
)


@dataclass(frozen=True)
class Session:
    """A session of a source, in short; ids in hex."""

    number: int
    session_id: str
    device_id: str
    n_frames: int
    n_blocks: int
    fs_hz: float
    start_utc: datetime | None

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame of the session to the last."""
        return self.n_frames / self.fs_hz


def open(  # noqa: A001 - octolead.open is what users call
    source: str | os.PathLike[str],
    *,
    session: str | int | None = None,
    check: bool = False,
    key: bytes | None = None,
    calibrated: bool = True,
) -> Recording:
    """Open a recording.

    Args:
        source: card image, mounted card, folder of segments, one segment, or `.olr`.
        session: which one: its number in `Recording.sessions`, or the beginning of its id in hex. Default: the latest.
        check: compute the CRC of every body now, so that `gaps` is complete. Otherwise a damaged body is found when it is read.
        key: the recorder's, 32 bytes: opens an enciphered recording; with `check` the chain is checked too.
        calibrated: apply the calibration that the blocks name, where its record lies beside the recording (`Recording.calibration`).
            One that is not sound, or not signed with `key`, is not applied, and `problems` says why. False: nominal values.

    Raises:
        SourceError: the source cannot be read or holds no recording.
        SessionError: no such session.
        CardKeyError: it is enciphered and there is no key, or the key is not its recorder's.
    """
    keys = None if key is None else CardKeys(key)
    opened = open_source(source)
    try:
        index = build_index(opened, check_bodies=check, keys=keys)
        number = _choose(index, session)
        _need_key(index, index.sessions[number])
        if keys is not None and check:
            check_chain(index, index.sessions[number], keys, index.findings)
        found = find_calibration(index, index.sessions[number], key) if calibrated else None
        return Recording(index, number, checked=check, calibration=found)
    except BaseException:
        opened.close()
        raise


def _need_key(index: Index, session: SessionBlocks) -> None:
    """Refuse by name what cannot be read without the right key."""
    path, flags = str(index.source.path), session.blocks["flags"]
    if index.keys is None:
        if (flags & c.FLAG_ENCRYPTED).all():
            words = f"{path}: session {session.session_id} is enciphered; it takes the key of recorder {session.device_id}: --key FILE"
            raise CardKeyError(words, path=path, kind="encrypted", device_id=session.device_id)
    elif (flags & c.FLAG_CHAINED).any() and not (index.book and index.book.fits(bytes.fromhex(session.session_id))):
        words = f"{path}: the key is not that of recorder {session.device_id}: no block of session {session.session_id} was sealed with it"
        raise CardKeyError(words, path=path, kind="wrong-key", device_id=session.device_id)


def _choose(index: Index, wanted: str | int | None) -> int:
    sessions = index.sessions
    if not sessions:
        reasons = [f.message for f in index.findings] + [f"byte {d.offset}: {d.message}" for d in index.damage]
        raise SessionError(
            f"{index.source.path}: no readable block in this {index.source.kind}"
            + (f": {'; '.join(reasons[:3])}" if reasons else ": nothing was recorded on it yet"),
            path=str(index.source.path),
        )
    if wanted is None:
        own = [i for i, s in enumerate(sessions) if s.device_id == index.main_device]
        return (own or list(range(len(sessions))))[-1]
    text = str(wanted).lower()
    matches = [i for i, s in enumerate(sessions) if s.session_id.startswith(text)] if isinstance(wanted, str) else []
    if not matches and text.isdigit() and int(text) < len(sessions):
        matches = [int(text)]
    if len(matches) != 1:
        held = ", ".join(f"{i}: {s.session_id}" for i, s in enumerate(sessions))
        raise SessionError(
            f"{index.source.path}: {'no' if not matches else 'more than one'} session {wanted!r}; it holds {held}",
            path=str(index.source.path),
        )
    return matches[0]


class Recording:
    """One session of a source. Made by `octolead.open`; a context manager.

    Frames are counted from the session's start. Reading is lazy, block by block; nothing that is damaged raises:
    it is missing in the signals and told in `gaps` and `problems`.
    """

    def __init__(self, index: Index, number: int, *, checked: bool = False, calibration: Calibration | None = None) -> None:
        self._index = index
        self._number = number
        self._session: SessionBlocks = index.sessions[number]
        first = self._session.blocks[0]
        n_leads = int(first["n_leads"])
        self.stored_leads: tuple[str, ...] = tuple(lead_name(int(i)) for i in first["lead_ids"][:n_leads])
        self.rate_hz = Fraction(int(first["rate_mhz"]), 1000)
        self.step_nv = Fraction(int(first["step_nv_num"]), int(first["step_nv_den"]))
        self._reader = BlockReader(index, self._session, n_leads)
        self.calibration = calibration
        self._coefficients = None if calibration is None else calibration.coefficients(self.stored_leads)
        self._timeline: tuple[int, Timeline] | None = None
        if checked:
            self._reader.check(known_only=True)

    # --- what it is ---

    @property
    def source_path(self) -> Path:
        """The file or folder it was opened from."""
        return self._index.source.path

    @property
    def block_heads(self) -> npt.NDArray[Any]:
        """Number, first frame, frames and body CRC of each block used: whether two readings are of the same blocks.

        Above the CRC stands the calibration that is applied: what was made of nominal values is not that of calibrated ones.
        """
        names = ["block_number", "first_frame", "n_frames", "body_crc32"]
        heads = np.stack([self._session.blocks[name].astype(np.int64) for name in names], axis=1)
        if self.calibration is not None:
            heads[:, 3] |= self.calibration.calibration_id << 32
        return heads

    @property
    def source_kind(self) -> str:
        """``card image``, ``mounted card``, ``segment folder``, ``segment`` or ``olr``."""
        return self._index.source.kind

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions of the source, oldest first."""
        return tuple(self._summary(i, s) for i, s in enumerate(self._index.sessions))

    @property
    def session(self) -> Session:
        """The chosen one."""
        return self.sessions[self._number]

    @property
    def session_note(self) -> str:
        """A sentence if the session was chosen among several, else ""."""
        n = len(self.sessions)
        return "" if n == 1 else f"session {self._number} of {n} (0 to {n - 1}; the latest is {n - 1})"

    def _summary(self, number: int, blocks: SessionBlocks) -> Session:
        fs_hz = int(blocks.blocks["rate_mhz"][0]) / 1000
        moment = moment_of(0, anchors_of(blocks.blocks), fs_hz)
        return Session(
            number,
            blocks.session_id,
            blocks.device_id,
            int(blocks.stops.max()),
            len(blocks.blocks),
            fs_hz,
            moment.utc if moment else None,
        )

    @property
    def session_id(self) -> str:
        """Hex."""
        return self._session.session_id

    @property
    def device_id(self) -> str:
        """Hex; zeros for an imported record."""
        return self._session.device_id

    @property
    def leads(self) -> tuple[str, ...]:
        """Stored leads and, if I and II are among them, those derived that are not stored."""
        derived = tuple(n for n in DERIVED if n not in self.stored_leads) if {"I", "II"} <= set(self.stored_leads) else ()
        return self.stored_leads + derived

    @property
    def fs_hz(self) -> float:
        """Samples per second; exact in `rate_hz`."""
        return float(self.rate_hz)

    @property
    def step_uv(self) -> float:
        """µV per stored step; exact in `step_nv`. Where LEAD_SCALE sets leads apart, see `lead_scale`."""
        return float(self.step_nv / 1000)

    @property
    def common_step_uv(self) -> float | None:
        """µV per stored step if it is the same for all leads and blocks, with 0 V at 0; else None, as where a calibration is applied."""
        if self.calibration is not None:
            return None
        blocks = self._session.blocks
        same = all((blocks[name] == blocks[name][0]).all() for name in ("step_nv_num", "step_nv_den"))
        return self.step_uv if same and not self.is_imported else None

    def lead_scale(self, lead: str) -> tuple[int, Fraction]:
        """(stored value of 0 V, exact step in nV) of a stored lead, at the session's start; nominal, whatever the calibration."""
        place = self._stored_place(lead)
        for scale in events.lead_scales(events.of_block(self._index, self._session.blocks[0])):
            if scale.lead == place:
                return scale.zero, scale.step_nv
        return 0, self.step_nv

    @property
    def first_frame(self) -> int:
        """The first frame that is there (later ones may be missing)."""
        return int(self._reader.starts[0])

    @property
    def n_frames(self) -> int:
        """Frames from the session's start to its end, missing ones included."""
        return int(self._reader.stops.max())

    @property
    def n_blocks(self) -> int:
        """Blocks used."""
        return len(self._session.blocks)

    @property
    def block_starts(self) -> npt.NDArray[np.int64]:
        """The first frame of each block, in order."""
        return self._reader.starts

    @property
    def n_bytes(self) -> int:
        """Bytes of these blocks: headers, payloads, events."""
        return int(self._session.blocks["block_bytes"].sum())

    @property
    def duration_s(self) -> float:
        """Seconds of `n_frames`."""
        return float(self.n_frames / self.rate_hz)

    @property
    def is_imported(self) -> bool:
        """Whether another maker's record was converted."""
        return bool(self._session.blocks["signal_source"][0] == c.SIGNAL_SOURCE_IMPORTED)

    @property
    def shift(self) -> int:
        """Low bits of the converter's code that were rounded away."""
        return int(self._session.blocks["shift"][0])

    @property
    def calibration_id(self) -> int:
        """Of the calibration that the recorder had when it recorded; 0 for none."""
        return int(self._session.blocks["calibration_id"][0])

    @property
    def gain(self) -> int:
        """Of the amplifier; 0 if it does not apply."""
        return int(self._session.blocks["gain"][0])

    @property
    def signal_source(self) -> str:
        """``electrodes``, ``test_signal``, …, at the start."""
        value = int(self._session.blocks["signal_source"][0])
        return c.SIGNAL_SOURCE_NAMES.get(value, f"source {value}").lower()

    # --- time ---

    @property
    def anchors(self) -> list[Anchor]:
        """All time observations."""
        return self.timeline.anchors

    @cached_property
    def _start(self) -> Moment | None:
        return moment_of(0, anchors_of(self._session.blocks), self.fs_hz)

    @property
    def start_utc(self) -> datetime | None:
        """Time of day of frame 0; None if it was never known."""
        return self._start.utc if self._start else None

    @property
    def start_uncertainty_ms(self) -> float | None:
        """Half width of `start_utc`: the anchor's own and 20 ppm of the way to it; None if not known."""
        return self._start.uncertainty_ms if self._start else None

    def time_of(self, frame: int) -> Moment | None:
        """Time of day of a frame, or None."""
        return moment_of(frame, self.anchors, self.fs_hz)

    # --- beside the samples ---

    @property
    def gaps(self) -> list[Gap]:
        """What is missing and why. Damaged bodies are among them once they were read or `check` was called."""
        return find_gaps(self._index, self._session, self._reader.bad)

    @property
    def n_unreadable(self) -> int:
        """Blocks found damaged so far."""
        return len(self._reader.bad)

    @property
    def timeline(self) -> Timeline:
        """Everything the events tell: one pass over the blocks that have some, again when a damaged block was found since."""
        n_bad = len(self._reader.bad)
        if self._timeline is None or self._timeline[0] != n_bad:
            found = list(events.of_session(self._index, self._session))
            line = build_timeline(self._session, found, self.gaps, self.fs_hz, self.stored_leads)
            self._timeline = (n_bad, line)
        return self._timeline[1]

    @property
    def marks(self) -> list[Mark]:
        """Marks, in order."""
        return self.timeline.marks

    @property
    def lead_off(self) -> list[Span]:
        """Spans in which an electrode was off."""
        return self.timeline.lead_off

    @property
    def saturation(self) -> list[Span]:
        """Spans in which a lead was at the converter's limit."""
        return self.timeline.saturation

    @property
    def notes(self) -> dict[str, str]:
        """``key=value`` notes, such as ``firmware`` and ``record``."""
        return self.timeline.notes

    @property
    def firmware(self) -> str:
        """Firmware that made it, or ""."""
        return self.notes.get("firmware", "")

    @property
    def battery(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(frames, volt)."""
        return battery_series(self._session.blocks)

    @property
    def temperature(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(frames, °C)."""
        return temperature_series(self._session.blocks)

    @property
    def problems(self) -> Findings:
        """What is known by now to be missing, damaged or odd."""
        findings = Findings(self._index.findings)
        report_gaps(self._session, self.gaps, self.fs_hz, findings)
        report_damage(self._index, findings)
        report_ends(self._session, findings, self._index.source.path.name)
        return findings

    def check(self) -> Findings:
        """Compute every body's CRC, then `problems`."""
        self._reader.check()
        return self.problems

    # --- signals ---

    def signal_raw(self, start_frame: int, stop_frame: int, leads: Sequence[str] | None = None) -> npt.NDArray[np.int32]:
        """Stored integers of frames `start_frame` to `stop_frame` (excluded).

        Args:
            start_frame: first frame.
            stop_frame: frame after the last.
            leads: stored leads by name; default all.

        Returns:
            int32 of shape (frames, leads); `MISSING_RAW` (-2**31) where a frame is missing.

        Raises:
            SignalRangeError: the range is not within 0 … n_frames.
            UnknownLeadError: no such lead, or a derived one.
        """
        self._check_range(start_frame, stop_frame)
        places = [self._stored_place(name) for name in (self.stored_leads if leads is None else leads)]
        shape = stop_frame - start_frame, len(places)
        if places == list(range(len(self.stored_leads))):
            out = np.empty(shape, np.int32)
            self._reader.fill(out, start_frame)
            return out
        out = np.full(shape, MISSING_RAW, np.int32)
        for at, _, part in self._reader.parts(start_frame, stop_frame):
            out[at : at + len(part)] = part[:, places]
        return out

    def signal_uv(self, start_frame: int, stop_frame: int, leads: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Signal in µV of frames `start_frame` to `stop_frame` (excluded).

        Derived leads: III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2.

        Args:
            start_frame: first frame.
            stop_frame: frame after the last.
            leads: stored or derived leads by name; default the stored ones.

        Returns:
            float32 of shape (frames, leads); NaN where a frame is missing.

        Raises:
            SignalRangeError, UnknownLeadError: as `signal_raw`.
        """
        self._check_range(start_frame, stop_frame)
        names = self.stored_leads if leads is None else tuple(leads)
        columns = [self._column(name) for name in names]
        weights = np.stack(columns, axis=1) if columns else np.zeros((len(self.stored_leads), 0))
        plain = all(name in self.stored_leads for name in names)
        out = np.full((stop_frame - start_frame, len(names)), np.nan, np.float32)
        places = [self.stored_leads.index(n) for n in names] if plain else []
        for at, block, part in self._reader.parts(start_frame, stop_frame):
            if plain:
                micro: Any = self._calibrated(native.to_microvolt(part, block.step_nv[0], block.step_nv[1], block.zero))
                micro = micro if names == self.stored_leads else micro[:, places]
            else:
                micro = self._calibrated((part.astype(np.float64) - block.zero) * block.step_uv) @ weights
            out[at : at + len(part)] = micro
        return out

    def _calibrated(self, microvolt: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        if self._coefficients is None:
            return microvolt
        offset_uv, gain = self._coefficients
        return np.asarray((microvolt - offset_uv) / gain, np.float64)

    def _check_range(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.n_frames:
            raise SignalRangeError(
                f"frames {start} to {stop}: the recording has frames 0 to {self.n_frames}",
                start=start,
                stop=stop,
                n_frames=self.n_frames,
            )

    def _stored_place(self, name: str) -> int:
        if name in self.stored_leads:
            return self.stored_leads.index(name)
        what = "is derived, not stored; signal_uv gives it" if name in self.leads else "is not in this recording"
        raise UnknownLeadError(f"lead {name!r} {what}; stored are {', '.join(self.stored_leads)}", lead=name, leads=self.stored_leads)

    def _column(self, name: str) -> npt.NDArray[np.float64]:
        if name not in self.leads:
            raise UnknownLeadError(f"lead {name!r} is not in this recording; it has {', '.join(self.leads)}", lead=name, leads=self.leads)
        weights = np.zeros(len(self.stored_leads))
        if name in self.stored_leads:
            weights[self.stored_leads.index(name)] = 1.0
        else:
            weights[self.stored_leads.index("I")] = DERIVED[name].of_i
            weights[self.stored_leads.index("II")] = DERIVED[name].of_ii
        return weights

    # --- raw blocks ---

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over (block number, bytes) of the blocks used, in order, as they stand in the source."""
        return self._reader.blocks()

    def release_pages(self) -> None:
        """Let the system take back the memory that the files' pages fill; they are read again where they are needed."""
        self._index.source.release_pages()

    def close(self) -> None:
        """Give the files back."""
        self._reader.clear()
        self._index.source.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<Recording {self.session_id} of device {self.device_id}: {len(self.stored_leads)} leads, {self.fs_hz:g} Hz, "
            f"{self.duration_s:.1f} s>"
        )
