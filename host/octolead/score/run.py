# SPDX-License-Identifier: Apache-2.0
"""Scoring of whole databases: one record after the other, then the sums."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from ..errors import OctoleadError, SourceError
from .annotations import Annotations, Beats, read_annotations
from .beats import LEARNING_S, BeatScore, score_beats
from .detectors import DETECTORS, Detector
from .pwaves import P_REFERENCE, PScore, score_p
from .records import BEAT_REFERENCE, Record, choose, records_of, signal_uv
from .rhythm import AfScore, Stretches, af_stretches, score_af
from .waves import NONE, Lead, WaveScore, score_lead, waves_of

REFERENCE: Final = "reference"
"""In place of a detector: the reference's own beats and classes, to score what is found from them."""
WHAT: Final = ("beats", "waves", "rhythm")
T = TypeVar("T")
_NOISE_STEP: Final = re.compile(r"^(.+)e(_?)(\d\d?)$")


@dataclass(frozen=True)
class Options:
    """What to score and how.

    Attributes:
        detector: name in `DETECTORS`, or `REFERENCE`; not looked at where `annotator` is given.
        annotator: extension of files with the annotations to score.
        reference: extension of the reference's beats and rhythms.
        what: which of `WHAT`; what a record has no reference for is passed over.
        leads: which leads the detector is given: "0", "all", numbers or names.
        escapes_as: class of escape beats, N or S.
        without_paced: leave records with paced beats out of the sums of VEB and SVEB.
        records: only these.
    """

    detector: str = "octolead"
    annotator: str | None = None
    reference: str = BEAT_REFERENCE
    what: tuple[str, ...] = WHAT
    leads: str = "0"
    escapes_as: str = "N"
    without_paced: bool = False
    records: tuple[str, ...] = ()


@dataclass
class RecordScore:
    """What came out for one record; None where it was not scored."""

    record: Record
    beats: BeatScore | None = None
    beats_after: BeatScore | None = None
    classes: bool = False
    paced: bool = False
    af: AfScore | None = None
    waves: dict[str, WaveScore] = field(default_factory=dict)
    p_waves: PScore | None = None
    detector_s: float = 0.0

    @property
    def snr_db(self) -> int | None:
        """Signal to noise of a record of the noise stress test, from its name: 118e_6 is -6 dB."""
        found = _NOISE_STEP.match(self.record.name)
        return int(("-" if found[2] else "") + found[3]) if found and self.record.database.startswith("nst") else None


@dataclass
class DatabaseScore:
    """All records of one database, and those that failed, with the reason."""

    name: str
    options: Options
    records: list[RecordScore] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    from_reference_beats: bool = False


def score(sources: Sequence[str], options: Options, progress: Callable[[int, int], None] | None = None) -> list[DatabaseScore]:
    """Score databases.

    Raises:
        SourceError: a source holds nothing to score.
        DetectorMissing: the detector is not there.
    """
    plans = [(source, records_of(source, options.records)) for source in sources]
    total, done = sum(len(records) for _, records in plans), 0
    results = []
    for _, records in plans:
        result = DatabaseScore(records[0].database, options)
        for record in records:
            try:
                scored = score_record(record, options)
            except SourceError as error:
                result.problems.append(f"{record.name}: {error}")
                scored = None
            if scored is not None:
                result.records.append(scored)
                result.from_reference_beats |= not _has_test(record, options)
            done += 1
            if progress:
                progress(done, total)
        results.append(result)
    if not any(r.records or r.problems for r in results):
        raise SourceError(f"{', '.join(sources)}: no record has references for {', '.join(options.what)}", kind="missing")
    return results


def score_record(record: Record, options: Options) -> RecordScore | None:
    """Score one record; None if there is no reference for anything that was asked for."""
    result = RecordScore(record)
    reference = read_annotations(record.path, options.reference) if options.reference in record.annotators else None
    if reference is not None and {"beats", "rhythm"} & set(options.what):
        _score_beats_and_rhythm(record, reference, options, result)
    if "waves" in options.what and record.wave_references and _may_mark_waves(options):
        _score_waves(record, options, result)
    if "waves" in options.what and P_REFERENCE in record.annotators and record.has_signal and _may_mark_waves(options):
        _score_p_waves(record, reference, options, result)
    scored = result.beats is not None or result.af is not None or result.waves or result.p_waves is not None
    return result if scored else None


def _may_mark_waves(options: Options) -> bool:
    """Among other things, waves are passed over where the detector has none; asked for alone, that is an error."""
    if options.annotator is None and options.detector == REFERENCE:
        return False
    return options.annotator is not None or DETECTORS[options.detector].waves is not None or options.what == ("waves",)


def _has_test(record: Record, options: Options) -> bool:
    """Whether there is anything but the reference's own beats."""
    return options.annotator is not None or (record.has_signal and options.detector != REFERENCE)


def _score_beats_and_rhythm(record: Record, reference: Annotations, options: Options, result: RecordScore) -> None:
    rhythms = reference.rhythms(reference.stop) or ([(0, reference.stop, "N")] if record.is_free_of_af else [])
    wants_rhythm = "rhythm" in options.what and bool(rhythms)
    wants_beats = "beats" in options.what and _has_test(record, options) and len(reference.beats()) > 0
    if not (wants_rhythm or wants_beats):
        return
    test: Annotations | None = None
    if options.annotator is not None:
        if options.annotator not in record.annotators:
            raise SourceError(f"no annotations {record.name}.{options.annotator}", path=str(record.path), kind="missing")
        test = read_annotations(record.path, options.annotator)
        beats, result.classes = Beats(*_beats_and_vf(test)), True
    elif _has_test(record, options):
        detector = DETECTORS[options.detector]
        beats, result.classes = _detect(record, detector, options, result), detector.classifies
    else:
        beats = reference.beats()
    if wants_beats:
        result.paced = "/" in reference.symbol
        end, clock, escapes = record.n_frames or None, record.fs_hz, options.escapes_as
        result.beats = score_beats(reference, beats, clock, stop_frame=end, escapes_as=escapes)
        result.beats_after = score_beats(reference, beats, clock, start_s=LEARNING_S, stop_frame=end, escapes_as=escapes)
    if wants_rhythm:
        result.af = _score_rhythm(record, reference, rhythms, test, beats)


def _beats_and_vf(test: Annotations) -> tuple[Any, Any]:
    """Beats of a test annotator; what it itself marks as VF has none."""
    beats = test.beats()
    return beats.frame, beats.symbol


def _detect(record: Record, detector: Detector, options: Options, result: RecordScore) -> Beats:
    signal = signal_uv(record, choose(record, options.leads))
    began = time.perf_counter()
    beats = _guarded(record, detector.name, lambda: detector.beats(signal, record.fs_hz))
    result.detector_s = time.perf_counter() - began
    return beats


def _guarded(record: Record, name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except OctoleadError:
        raise
    except Exception as error:  # a peer may raise anything on a signal it was not made for
        raise SourceError(f"detector {name} failed: {error}", path=str(record.path), kind="failed") from error


def _score_rhythm(
    record: Record, reference: Annotations, rhythms: list[tuple[int, int, str]], test: Annotations | None, beats: Beats
) -> AfScore:
    """AF from the first rhythm to the last annotation; the test's own rhythms if it has any, else found from its beats' intervals."""
    from ..af import detect_af

    stop = reference.stop
    found: Stretches
    if test is not None and test.rhythms(stop):
        found = af_stretches(test, stop)
    else:
        found = np.array([(e.start_frame, e.stop_frame) for e in detect_af(beats.frame, record.fs_hz, beats.classes()).episodes], np.int64)
    return score_af(af_stretches(reference, stop), found.reshape(-1, 2), (rhythms[0][0], stop), record.fs_hz)


def _score_waves(record: Record, options: Options, result: RecordScore) -> None:
    wanted = record.wave_references
    whole = [lead for lead in wanted.values() if lead is None]
    leads = choose(record, options.leads) if whole else [lead for lead in wanted.values() if lead is not None]
    tests = _test_waves(record, options, leads, result)
    for (extension, lead), test in zip(wanted.items(), tests, strict=False):
        reference = waves_of(read_annotations(record.path, extension))
        name = record.leads[lead] if lead is not None else f"lead {options.leads}"
        result.waves[name] = score_lead(reference, test, record.fs_hz, skips_beats=lead is None)


def _score_p_waves(record: Record, reference: Annotations | None, options: Options, result: RecordScore) -> None:
    """P peaks of the first lead that is looked at."""
    found = _test_waves(record, options, choose(record, options.leads), result)[0]["P"]
    left_out = reference.vf() if reference is not None else np.zeros((0, 2), np.int64)
    truth = read_annotations(record.path, P_REFERENCE).frame
    result.p_waves = score_p(truth, found.peak[found.peak != NONE], record.fs_hz, left_out)


def _test_waves(record: Record, options: Options, leads: list[int], result: RecordScore) -> list[Lead]:
    if options.annotator is not None:
        return [waves_of(read_annotations(record.path, options.annotator))] * len(leads)
    detector = DETECTORS[options.detector]
    if detector.waves is None:
        raise SourceError(f"detector {detector.name} marks no waves; choose another, or --what beats", kind="missing")
    delineate = detector.waves
    signal = signal_uv(record, leads)
    began = time.perf_counter()
    found = _guarded(record, detector.name, lambda: delineate(signal, record.fs_hz))
    result.detector_s += time.perf_counter() - began
    return found


def gross(records: Iterable[RecordScore], part: str, *, without_paced: bool = False) -> BeatScore:
    """The sum of a database: `part` is "beats" or "beats_after"."""
    total = BeatScore()
    for record in records:
        scored: BeatScore | None = getattr(record, part)
        if scored is not None and not (without_paced and record.paced):
            total += scored
    return total


def gross_af(records: Iterable[RecordScore]) -> AfScore:
    """The sum of a database, in seconds."""
    return sum((r.af for r in records if r.af is not None), AfScore())


def gross_p_waves(records: Iterable[RecordScore]) -> PScore:
    """The sum of a database."""
    return sum((r.p_waves for r in records if r.p_waves is not None), PScore())


def gross_waves(records: Sequence[RecordScore]) -> dict[str, WaveScore]:
    """The sum over records of each lead, and of all ("all leads")."""
    result: dict[str, WaveScore] = {}
    for record in records:
        for lead, scored in record.waves.items():
            result[lead] = result.get(lead, WaveScore()) + scored
    if len(result) > 1:
        result["all leads"] = sum(result.values(), WaveScore())
    return result
