# SPDX-License-Identifier: Apache-2.0
"""`octolead.open`: samples, time, marks, spans, and what is missing."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import numpy as np
import pytest

import octolead
from octolead import _constants as c
from octolead import events
from octolead.native import Event
from tests.unit import making


@pytest.fixture
def frames():
    return making.some_frames(1000)


def test_an_olr_gives_back_every_stored_integer(tmp_path, frames):
    path = making.write_olr(tmp_path / "a.olr", making.blocks(frames))
    with octolead.open(path) as recording:
        assert recording.n_frames == 1000
        assert recording.duration_s == 2.0
        np.testing.assert_array_equal(recording.signal_raw(0, 1000), frames)
        np.testing.assert_array_equal(recording.signal_raw(150, 351, ["V6", "I"]), frames[150:351, [7, 0]])
        assert recording.gaps == []
        assert recording.problems.worst < octolead.Severity.ERROR


def test_microvolt_is_step_times_stored_and_derived_leads_follow_einthoven(tmp_path, frames):
    path = making.write_olr(tmp_path / "a.olr", making.blocks(frames))
    with octolead.open(path) as recording:
        assert recording.leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "III", "aVR", "aVL", "aVF")
        assert recording.step_nv == 2500
        one, two, three, avr, avl, avf = recording.signal_uv(0, 1000, ["I", "II", "III", "aVR", "aVL", "aVF"]).T
        np.testing.assert_allclose(one, frames[:, 0] * 2.5)
        np.testing.assert_allclose(three, two - one)
        np.testing.assert_allclose(avr, -(one + two) / 2)
        np.testing.assert_allclose(avl, one - two / 2)
        np.testing.assert_allclose(avf, two - one / 2)


def test_a_lead_scale_event_sets_zero_and_step_of_its_lead(tmp_path):
    frames = making.some_frames(200, 2)
    from fractions import Fraction

    scale = events.encode_lead_scale(events.LeadScale(1, 7, Fraction(1000, 3)))
    event = Event(c.EVENT_LEAD_SCALE, 0, scale[4:])
    path = making.write_olr(tmp_path / "a.olr", making.blocks(frames, events={0: [event], 1: [event]}))
    with octolead.open(path) as recording:
        assert recording.lead_scale("II") == (7, Fraction(1000, 3))
        assert recording.lead_scale("I") == (0, Fraction(2500))
        np.testing.assert_allclose(recording.signal_uv(0, 200, ["II"])[:, 0], (frames[:, 1] - 7) / 3, rtol=1e-6)


def test_a_missing_block_is_a_gap_with_its_place_and_reads_as_missing(tmp_path, frames):
    parts = making.blocks(frames)
    path = making.write_olr(tmp_path / "a.olr", parts[:3] + parts[5:])
    with octolead.open(path) as recording:
        (gap,) = recording.gaps
        assert (gap.start_frame, gap.stop_frame, gap.cause) == (300, 500, "missing")
        assert "blocks 3 to 4" in gap.message
        raw = recording.signal_raw(250, 550)
        assert (raw[50:250] == octolead.MISSING_RAW).all()
        np.testing.assert_array_equal(raw[250:], frames[500:550])
        assert np.isnan(recording.signal_uv(299, 301)[1]).all()


def test_a_gap_event_names_the_cause(tmp_path, frames):
    gap = Event(c.EVENT_GAP, 0, struct.pack("<BQ", c.GAP_CAUSE_OVERFLOW, 40))
    parts = making.blocks(frames[:200], stopped=False) + making.blocks(frames[240:], start=240, first_number=2, events={0: [gap]})
    with octolead.open(making.write_olr(tmp_path / "a.olr", parts)) as recording:
        (found,) = recording.gaps
        assert (found.start_frame, found.n_frames, found.cause) == (200, 40, "overflow")


def test_overlapping_blocks_keep_the_earlier_frames(tmp_path, frames):
    parts = [making.block(frames[:100], 0, 0), making.block(frames[:100] + 5, 1, 60, flags=c.FLAG_LAST)]
    with octolead.open(making.write_olr(tmp_path / "a.olr", parts)) as recording:
        raw = recording.signal_raw(0, 160)
        np.testing.assert_array_equal(raw[:100], frames[:100])
        np.testing.assert_array_equal(raw[100:], frames[40:100] + 5)
        assert [f.kind for f in recording.problems] == ["overlap"]


def test_a_counter_beyond_32_bits(tmp_path, frames):
    start = 2**32 + 12345
    with octolead.open(making.write_olr(tmp_path / "a.olr", making.blocks(frames, start=start, first_number=9))) as recording:
        assert recording.first_frame == start
        np.testing.assert_array_equal(recording.signal_raw(start + 10, start + 20), frames[10:20])
        assert (recording.signal_raw(start - 3, start) == octolead.MISSING_RAW).all()


def test_marks_notes_and_spans_come_from_events(tmp_path, frames):
    found = {
        0: [Event(c.EVENT_NOTE, 0, b"firmware=1.2.3"), Event(c.EVENT_MARK, 42, b"\x00")],
        3: [
            Event(c.EVENT_LEAD_OFF, 10, struct.pack("<H", 1 << c.ELECTRODE_V3)),
            Event(c.EVENT_SATURATED, 20, b"\x02"),
            Event(c.EVENT_SATURATED, 30, b"\x00"),
            Event(c.EVENT_MARK, 50, b"\x01dizzy"),
        ],
    }
    off = {"lead_off": 1 << c.ELECTRODE_V3}
    parts = making.blocks(frames, events=found)
    parts[4] = making.block(frames[400:500], 4, 400, **off)
    with octolead.open(making.write_olr(tmp_path / "a.olr", parts)) as recording:
        assert [(m.frame, m.origin, m.text) for m in recording.marks] == [(42, "patient", ""), (350, "remote", "dizzy")]
        assert recording.firmware == "1.2.3"
        assert recording.lead_off == [octolead.Span("V3", 310, 500)]
        assert recording.saturation == [octolead.Span("II", 320, 330)]


def test_time_is_unknown_until_an_anchor_tells_it_and_its_uncertainty_grows(tmp_path, frames):
    with octolead.open(making.write_olr(tmp_path / "a.olr", making.blocks(frames))) as recording:
        assert recording.start_utc is None
        assert recording.time_of(0) is None
    anchor = {"anchor_frame": 500_000, "anchor_utc_us": 1_700_000_000_000_000, "anchor_uncertainty_ms": 50}
    with octolead.open(making.write_olr(tmp_path / "b.olr", making.blocks(frames, **anchor))) as recording:
        assert recording.start_utc == datetime.fromtimestamp(1_700_000_000 - 1000, UTC)
        assert recording.start_uncertainty_ms == pytest.approx(50 + 1000 * 1000 * 20e-6)


def test_ranges_and_leads_that_are_not_there_are_named(tmp_path, frames):
    with octolead.open(making.write_olr(tmp_path / "a.olr", making.blocks(frames))) as recording:
        with pytest.raises(octolead.SignalRangeError, match="0 to 1000"):
            recording.signal_raw(0, 1001)
        with pytest.raises(octolead.UnknownLeadError, match="derived"):
            recording.signal_raw(0, 1, ["III"])
        with pytest.raises(octolead.UnknownLeadError, match="V9"):
            recording.signal_uv(0, 1, ["V9"])


def test_the_latest_of_several_sessions_is_the_default_and_any_can_be_chosen(tmp_path, frames):
    older = making.blocks(frames[:300], session_id=b"\x01" * 8)
    newer = making.blocks(frames[300:], session_id=b"\x02" * 8)
    path = making.write_olr(tmp_path / "a.olr", older + newer)
    with octolead.open(path) as recording:
        assert len(recording.sessions) == 2
        assert recording.session_id == "02" * 8
        assert "session 1 of 2" in recording.session_note
    with octolead.open(path, session="0101") as recording:
        assert recording.n_frames == 300
    with octolead.open(path, session=0) as recording:
        assert recording.n_frames == 300
    with pytest.raises(octolead.SessionError, match="no session"):
        octolead.open(path, session="ff")
