# SPDX-License-Identifier: Apache-2.0
"""One recording on the desk: what the server answers from. Knows nothing of HTTP; may be asked from several threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from threading import RLock, Thread
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .. import beside, edits
from ..analysis.analysis import Analysis
from ..analysis.kinds import KINDS
from ..analysis.store import FOLDER as ANALYSIS
from ..analysis.store import load, release_pages
from ..native.beats import CLASSES, reasons
from ..recording import Recording
from ..recording import open as open_recording
from . import signals, worker
from .facts import clean
from .pyramid import Pyramid
from .signals import Filters

_WAVES: Final = tuple((wave, side) for wave in ("p", "qrs", "t") for side in ("on", "peak", "off"))
_NO_WAVE: Final = -32768
_RELEASE_EVERY: Final = 64
_CHUNK: Final = 8192
MOST_BEATS: Final = 50_000
MOST_TILES: Final = 64

BEAT_DTYPE: Final = np.dtype(
    [
        ("frame", "<f8"), ("rr_ms", "<f4"), ("waves_ms", "<i2", (9,)), ("symbol", "u1"), ("cluster", "u1"), ("touched", "u1"),
        ("pad", "u1", (7,)),
    ]
)  # fmt: skip
"""A beat for the browser, 40 bytes; waves: on, peak, off of P, QRS and T from the beat, -32768 where there is none."""


class Desk:
    """A recording that is being looked at.

    Args:
        source: as `octolead.open` takes it.
        session: which one.
        key: of the recorder, if the recording is enciphered.
        name: to show; default what the recording calls itself.

    Raises:
        SourceError, SessionError: it cannot be opened.
    """

    def __init__(self, source: str, session: str | int | None = None, *, key: bytes | None = None, name: str = "") -> None:
        self._source, self._key, self._lock, self._asked = source, key, RLock(), 0
        self.recording: Recording = open_recording(source, session=session, key=key)
        self.folder = beside.folder_of(self.recording)
        self.name = name or self.recording.notes.get("record") or self.recording.source_path.name
        self.log = edits.EditLog(self.folder / edits.FILE)
        self._pyramid: Pyramid | None = None
        self._analysis: Analysis | None = None
        self._beats = self._base = np.zeros(0, BEAT_DTYPE)
        self.state: dict[str, Any] = {"step": "", "done": 0, "of": 1, "error": ""}
        self._process: subprocess.Popen[str] | None = None
        self._again = False
        self.version = 0

    # --- what takes long ---

    def begin(self) -> None:
        """Start to make what is not there yet; called again, it is done once more afterwards."""
        with self._lock:
            if self._process is not None:
                self._again = True
                return
            self.state = {"step": "beginning", "done": 0, "of": 1, "error": ""}
            command = [sys.executable, "-m", "octolead.view.worker", str(self.recording.source_path), self.recording.session_id]
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
            if self._process.stdin:
                self._process.stdin.write((self._key or b"").hex() + "\n")  # not an argument: those are seen by all
                self._process.stdin.close()
        Thread(target=self._listen, args=(self._process,), name="octolead-worker", daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            told = json.loads(line)
            self.state = {"step": told["step"], "done": told.get("done", 0), "of": told.get("of", 1), "error": told.get("error", "")}
            if told.get("ready"):
                self._take(told["step"])
        process.wait()
        if process.stdout:
            process.stdout.close()
        if self.state["step"] != "failed":
            self.state = {"step": "", "done": 1, "of": 1, "error": "" if not process.returncode else "the analysis was ended from outside"}
        with self._lock:
            self._process, again, self._again = None, self._again, False
        if again:
            self.begin()

    def _take(self, step: str) -> None:
        if step == "pyramid":
            fresh = Pyramid(self.folder / worker.PYRAMID)
            with self._lock:
                old, self._pyramid = self._pyramid, fresh
                self.version += 1
            if old is not None:
                old.close()
            return
        analysis = load(self.folder / ANALYSIS)
        base = compact(analysis) if analysis is not None else self._base  # long: not under the lock that tiles wait for
        with self._lock:
            self._analysis, self._base = analysis, base
            self.apply()
            self.version += 1

    def refresh(self) -> bool:
        """Look whether the file grew; True when it did."""
        fresh = open_recording(self._source, session=self.recording.session_id, key=self._key)
        with self._lock:
            if fresh.n_frames <= self.recording.n_frames:
                fresh.close()
                return False
            old, self.recording = self.recording, fresh
            old.close()
        return True

    @property
    def is_busy(self) -> bool:
        """Whether something is being made."""
        return self._process is not None

    def close(self) -> None:
        """End the worker and give the files back."""
        with self._lock:
            process, self._process, self._again = self._process, None, False
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(10)
        if self._pyramid is not None:
            self._pyramid.close()
        self.recording.close()

    # --- facts ---

    @property
    def leads(self) -> list[str]:
        """What can be shown: at most eight stored leads and the derived ones."""
        stored = self.recording.stored_leads[:8]
        return [*stored, *(n for n in self.recording.leads if n not in self.recording.stored_leads)]

    def info(self) -> dict[str, Any]:
        """What stands for the recording; no path of this machine is in it."""
        with self._lock:
            r = self.recording
            return {
                "name": self.name, "session_id": r.session_id, "device_id": r.device_id, "kind": r.source_kind,
                "fs_hz": r.fs_hz, "n_frames": r.n_frames, "leads": self.leads, "stored": list(r.stored_leads[:8]),
                "start_utc": r.start_utc.isoformat() if r.start_utc else None, "start_uncertainty_ms": r.start_uncertainty_ms,
                "step_uv": r.step_uv, "signal_source": r.signal_source, "firmware": r.firmware,
                "marks": [{"frame": m.frame, "origin": m.origin, "text": m.text} for m in r.marks],
                "gaps": [[g.start_frame, g.stop_frame, g.cause] for g in r.gaps],
                "lead_off": [[s.start_frame, s.stop_frame, s.name] for s in r.lead_off],
                "saturation": [[s.start_frame, s.stop_frame, s.name] for s in r.saturation],
                "top_level": signals.TOP, "symbols": list(CLASSES), "kinds": KINDS,
            }  # fmt: skip

    def status(self) -> dict[str, Any]:
        """How far the work is; `version` rises when something new can be asked for."""
        return {
            **self.state, "pyramid": self._pyramid is not None, "analysis": self._analysis is not None,
            "version": self.version, "n_frames": self.recording.n_frames,
        }  # fmt: skip

    def facts(self) -> bytes | None:
        """The worker's facts as they stand in the file, or None."""
        try:
            return (self.folder / worker.FACTS).read_bytes() if self._analysis is not None else None
        except OSError:
            return None

    # --- signal ---

    def tiles(self, level: int, first: int, last: int, names: Sequence[str], chosen: Filters) -> bytes:
        """Tiles `first` to `last` (see `signals.tiles`), each behind its length in bytes as uint32.

        Raises:
            IndexError, ValueError: no such tiles or lead.
        """
        if not names or any(name not in self.leads for name in names):
            raise ValueError("no such lead")
        if not 0 <= level <= signals.TOP or not 0 <= first * signals.tile_frames(level) < self.recording.n_frames:
            raise IndexError(f"tile {first} of level {level}: the recording has none")
        if not first <= last < first + MOST_TILES:
            raise ValueError(f"tiles {first} to {last}: 1 to {MOST_TILES} can be asked for at once")
        with self._lock:
            self._asked += 1
            if self._asked % _RELEASE_EVERY == 0:
                self.recording.release_pages()
            found = list(signals.tiles(self.recording, self._pyramid, level, first, last, names, chosen))
        return b"".join(len(tile).to_bytes(4, "little") + tile for tile in found)

    # --- beats ---

    def apply(self) -> None:
        """Apply the log to the beats that are shown."""
        if self._analysis is None:
            return
        labels, rows, touched = edits.edited_labels(self._analysis.found.beats.labels, self.log.active())
        out = np.zeros(len(rows), BEAT_DTYPE)
        kept = rows >= 0
        out[kept] = self._base[rows[kept]]
        out["waves_ms"][~kept] = _NO_WAVE
        out["frame"], out["symbol"], out["cluster"] = labels["frame"], labels["beat_class"], labels["cluster"]
        out["touched"] = touched
        out["rr_ms"][1:] = np.where(kept[1:] & kept[:-1], out["rr_ms"][1:], np.diff(out["frame"]) * 1000 / self.recording.fs_hz)
        self._beats = out

    def beats(self, start: int, stop: int) -> bytes:
        """Beats of a range, at most `MOST_BEATS`, 40 bytes each (`BEAT_DTYPE`)."""
        beats = self._beats
        a, b = np.searchsorted(beats["frame"], (start, stop))
        return beats[a : min(int(b), int(a) + MOST_BEATS)].tobytes()

    def beat(self, frame: int) -> dict[str, Any] | None:
        """What was measured on the beat nearest to a frame, within half a second."""
        beats, analysis = self._beats, self._analysis
        if analysis is None or not len(beats):
            return None
        place = int(np.argmin(np.abs(beats["frame"] - frame)))
        at = int(beats["frame"][place])
        if abs(at - frame) > analysis.fs_hz / 2:
            return None
        answer: dict[str, Any] = {"frame": at, "symbol": CLASSES[beats["symbol"][place]], "cluster": int(beats["cluster"][place])}
        answer |= {"touched": bool(beats["touched"][place]), "rr_ms": float(beats["rr_ms"][place])}
        row = int(np.searchsorted(analysis.frame, at))
        if row < len(analysis.frame) and analysis.frame[row] == at:
            answer |= _measured(analysis, row)
        return dict(clean(answer))

    def next_of(self, kind: str, start: int, direction: int) -> int | None:
        """Frame of the next (direction 1) or previous (-1) of a kind: a beat's symbol, ``edited``, ``mark`` or an episode's kind.

        ``episode`` is any of them.
        """
        places = self._places(kind)
        if direction > 0:
            k = int(np.searchsorted(places, start, side="right"))
            return int(places[k]) if k < len(places) else None
        k = int(np.searchsorted(places, start, side="left")) - 1
        return int(places[k]) if k >= 0 else None

    def _places(self, kind: str) -> npt.NDArray[Any]:
        if kind == "mark":
            return np.array(sorted(m.frame for m in self.recording.marks), np.int64)
        if kind in CLASSES:
            return np.asarray(self._beats["frame"][self._beats["symbol"] == CLASSES.index(kind)])
        if kind == "edited":
            return np.asarray(self._beats["frame"][self._beats["touched"] > 0])
        rows = json.loads(self.facts() or b"{}").get("episodes", [])
        return np.array(sorted(row[1] for row in rows if kind in ("episode", row[0])), np.int64)

    def superpose(self, cluster: int, lead: str, most: int) -> bytes:
        """Beats of one shape in one lead, 0.3 s before to 0.5 s after each: uint32 beats, uint32 samples, float32 µV."""
        if lead not in self.leads:
            raise ValueError("no such lead")
        fs = self.recording.fs_hz
        before, after = round(0.3 * fs), round(0.5 * fs)
        frames = self._beats["frame"][self._beats["cluster"] == cluster].astype(np.int64)
        frames = frames[(frames >= before) & (frames < self.recording.n_frames - after)]
        chosen = frames[np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).astype(int))] if len(frames) else frames
        rows = []
        for frame in chosen.tolist():
            with self._lock:  # for each anew: tiles are asked for meanwhile
                wave = signals.signal_of(self.recording, frame - before, frame + after, (lead,), Filters())[:, 0]
            rows.append(wave - np.median(wave))
        data = np.array(rows, "<f4") if rows else np.zeros((0, before + after), "<f4")
        return np.array(data.shape, "<u4").tobytes() + data.tobytes()

    # --- changes ---

    def change(self, edit: dict[str, Any], who: str) -> dict[str, Any]:
        """Write a change down and apply it.

        Raises:
            EditError: it is none.
        """
        with self._lock:
            if edit.get("op") == "undo" and "of" not in edit:
                active = self.log.active()
                edit = {"op": "undo", "of": active[-1]["n"] if active else 0}
            entry = self.log.append(edit, who)
            self.apply()
            self.version += 1
        self.begin()
        return entry


def compact(analysis: Analysis) -> npt.NDArray[Any]:
    """An analysis' beats as the browser gets them; read in pieces, for the waves of days are large."""
    waves = analysis.found.waves
    out = np.zeros(len(waves), BEAT_DTYPE)
    out["frame"], out["rr_ms"] = analysis.frame, analysis.rr_s * 1000
    out["symbol"], out["cluster"] = analysis.found.beats.labels["beat_class"], analysis.found.beats.labels["cluster"]
    for at in range(0, len(waves), _CHUNK):
        some = waves[at : at + _CHUNK]["all_leads"]
        for k, (wave, side) in enumerate(_WAVES):
            values = np.asarray(some[wave][f"{side}_ms"])
            known = np.abs(values) < 30_000
            out["waves_ms"][at : at + _CHUNK, k] = np.where(known, np.rint(np.where(known, values, 0)), _NO_WAVE)
        release_pages(waves)
    return out


def _measured(analysis: Analysis, row: int) -> dict[str, Any]:
    label, wave = analysis.found.beats.labels[row], analysis.found.waves[row]
    names = ("pr_ms", "qrs_ms", "qt_ms", "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms", "axis_deg")
    return {
        "was": CLASSES[label["beat_class"]], "confidence_percent": int(label["confidence"]), "reasons": reasons(int(label["reasons"])),
        **{name: float(wave[name]) for name in names},
        **{f"{name}_uv": {lead: float(wave[f"st_{name}_uv"][k]) for k, lead in enumerate(analysis.leads)} for name in ("j60", "j80")},
    }  # fmt: skip
