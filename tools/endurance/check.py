# SPDX-License-Identifier: Apache-2.0
"""Is every frame accounted for? What is stored is what was played at that frame; what is not there is a gap with its cause."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import octolead
from octolead.errors import SessionError
from octolead.findings import Severity
from octolead.reader import MISSING_RAW
from octolead.recording import Recording
from octolead.verify import verify

from .plan import Boot
from .played import RATE_HZ, Played

PIECE = 120_000
OPEN_FRAMES = 2 * RATE_HZ + RATE_HZ // 2  # that a power cut may cost
STALL_FRAMES = 4096 + 16 * RATE_HZ  # that wait in the ring, and that come, when a long stall ends in a cut
LIMIT_FRAMES = 16 * RATE_HZ  # that come until the watchdog bites
PLANNED = {"overflow", "slip", "card", "pause"}


class Unaccounted(AssertionError):
    """A frame, a mark or a number that is not what was played."""


@dataclass
class Account:
    """Frames of a boot by where they are: stored and equal, missing by cause, open when the power went."""

    played: int
    equal: int = 0
    tail: int = 0
    missing: Counter = field(default_factory=Counter)
    marks: int = 0
    clean_cut: bool = False

    def balance(self) -> int:
        """Frames that are nowhere."""
        return self.played - self.equal - self.tail - sum(self.missing.values())


def account(image: Path, boot: Boot, status: dict, played: Played) -> Account:
    """Compare the session of a boot with what was played; raise Unaccounted on the first thing that differs."""
    result = Account(status["frames_played"])
    try:
        recording = octolead.open(image, session=status["session_id"], check=True)
    except SessionError:
        result.tail = result.played
    else:
        with recording:
            _samples(recording, boot, played, result)
            _marks(recording, boot, result)
            _clock(recording, boot)
            result.tail = result.played - (recording.n_frames - boot.first_frame)
    _tail(boot, status, result)
    if result.balance():
        raise Unaccounted(f"boot {boot.number}: {result.balance()} of {result.played} frames are nowhere: {result}")
    return result


def _samples(recording: Recording, boot: Boot, played: Played, result: Account) -> None:
    first = boot.first_frame
    gaps = recording.gaps
    for gap in gaps:
        start = max(gap.start_frame, first)
        if gap.stop_frame > start:
            result.missing[gap.cause] += gap.stop_frame - start
    n_missing = 0
    for start in range(max(first, recording.first_frame), recording.n_frames, PIECE):
        stop = min(start + PIECE, recording.n_frames)
        stored = recording.signal_raw(start, stop)
        wanted = played.stored(boot.offset + start - first, stop - start)
        missing = stored[:, 0] == MISSING_RAW
        same = (stored == wanted).all(axis=1)
        if not (same | missing).all():
            frame = start + int((~(same | missing)).argmax())
            raise Unaccounted(f"boot {boot.number}: frame {frame} is not what was played")
        result.equal += int(same.sum())
        n_missing += int(missing.sum())
    inside = sum(g.n_frames for g in gaps if g.start_frame >= max(first, recording.first_frame))
    if n_missing != inside:
        raise Unaccounted(f"boot {boot.number}: {n_missing} frames are missing, the gaps say {inside}")


def _marks(recording: Recording, boot: Boot, result: Account) -> None:
    """Each press is a mark at its frame; one in a lost part stands at the first frame after it."""
    wanted = []
    for pressed in boot.config["marks"]:
        frame = boot.first_frame + pressed
        for gap in recording.gaps:
            if gap.start_frame <= frame < gap.stop_frame:
                frame = gap.stop_frame if gap.cause != "overwritten" else -1
        if recording.first_frame <= frame < recording.n_frames:
            wanted.append(frame)
    found = [mark.frame for mark in recording.marks if recording.first_frame <= mark.frame < recording.n_frames]
    if found != wanted:
        raise Unaccounted(f"boot {boot.number}: marks at {found}, pressed at {wanted}")
    result.marks = len(found)


def _clock(recording: Recording, boot: Boot) -> None:
    """Times of day stand as they were told, at the frames at which they were told."""
    told = {boot.first_frame + frame: utc_us for frame, utc_us, _ in boot.config["set_times"]}
    if "utc_us" in boot.config:
        told[0] = told[boot.first_frame] = boot.config["utc_us"]
    for anchor in recording.anchors:
        if told.get(anchor.frame) != anchor.utc_us and not _in_gap(recording, anchor.frame):
            raise Unaccounted(f"boot {boot.number}: frame {anchor.frame} is said to be {anchor.utc_us} µs, told was {told}")


def _in_gap(recording: Recording, frame: int) -> bool:
    return any(gap.stop_frame == frame for gap in recording.gaps)


def _tail(boot: Boot, status: dict, result: Account) -> None:
    """What the end of the boot may cost: nothing, 2.5 s, or more if a long stall was under way."""
    stalls = status["long_stalls"]
    stalled = bool(stalls) and stalls[-1][2] > result.played - 4096 - 10 * RATE_HZ
    limit = {"cut": OPEN_FRAMES + (STALL_FRAMES if stalled else 0), "hang": OPEN_FRAMES + LIMIT_FRAMES + STALL_FRAMES}
    result.clean_cut = boot.ending == "cut" and not stalled
    if not 0 <= result.tail <= limit.get(status["ended"], 0):
        raise Unaccounted(f"boot {boot.number} ({boot.ending}): the last {result.tail} of {result.played} frames are not there")


def whole_card(image: Path, torn: int) -> dict:
    """`octolead verify`: errors may only be the gaps the recorder told itself, and the torn ends of at most `torn` sessions."""
    report = verify(image)
    errors = [finding for finding in report.findings if finding.severity == Severity.ERROR]
    told = [finding for finding in errors if finding.kind == "gap" and finding.cause in PLANNED]
    torn_ends = [finding for finding in errors if finding.kind in ("body-crc", "block-header") and torn]
    others = [finding.message for finding in errors if finding not in told and finding not in torn_ends]
    if others or len(torn_ends) > torn:
        raise Unaccounted(f"octolead verify: {others or [finding.message for finding in torn_ends]}")
    return {
        "exit_code": report.exit_code,
        "sessions": len(report.sessions),
        "blocks": sum(session.n_blocks for session in report.sessions),
        "bytes": report.n_bytes,
        "gaps_told": len(told),
        "torn_ends": len(torn_ends),
    }
