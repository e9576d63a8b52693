# SPDX-License-Identifier: Apache-2.0
"""Invariants: what is encoded is what is read; no damage to a file ever yields a wrong sample."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import octolead
from octolead.encode import encode
from octolead.imported import ImportedSignal
from octolead.reader import MISSING_RAW
from octolead.verify import verify
from tests.unit import making

LEADS = making.EIGHT
FRAMES = making.some_frames(600, 3, seed=11)


@st.composite
def signals(draw):
    n, leads = draw(st.integers(1, 3000)), draw(st.integers(1, 8))
    kind, seed = draw(st.sampled_from(["walk", "noise", "flat", "extremes"])), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    raw = {
        "walk": np.cumsum(rng.integers(-30, 31, (n, leads)), axis=0),
        "noise": rng.integers(-(2**23), 2**23, (n, leads)),
        "flat": np.full((n, leads), draw(st.integers(-(2**23), 2**23 - 1))),
        "extremes": rng.choice([-(2**23), 2**23 - 1, 0, 1, -1], (n, leads)),
    }[kind].astype(np.int32)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, n - 1))
        raw[start : start + draw(st.integers(1, 400))] = MISSING_RAW
    if (raw == MISSING_RAW).all():
        raw[0] = 5
    steps = tuple(draw(st.fractions(Fraction(1, 1000), 10**7, max_denominator=10**6)) for _ in range(leads))
    zero = tuple(draw(st.integers(-5000, 5000)) for _ in range(leads))
    limits = tuple(draw(st.sampled_from([None, (-(2**23), 2**23 - 1), (-50, 50)])) for _ in range(leads))
    rate = Fraction(draw(st.integers(1, 2_000_000)), 1000)
    return ImportedSignal(raw, LEADS[:leads], tuple(f"n{i}" for i in range(leads)), zero, steps, rate, limits)


@settings(max_examples=60, deadline=None)
@given(signals(), st.sampled_from([4096, 5120, 8192, 16384]))
def test_whatever_is_encoded_is_read_back_identically(signal, slot_bytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.olr"
        encode(signal, path, slot_bytes=slot_bytes)
        with octolead.open(path, check=True) as recording:
            assert recording.n_frames == signal.n_frames
            np.testing.assert_array_equal(recording.signal_raw(0, signal.n_frames), signal.raw)
            assert recording.rate_hz == signal.rate_hz
            for k, lead in enumerate(recording.stored_leads):
                assert recording.lead_scale(lead) == (signal.zero[k], signal.step_nv[k])
        report = verify(path)
        missing = int(signal.missing()[:, 0].sum())
        assert sum(s.n_missing for s in report.sessions) == missing
        assert report.exit_code == (1 if missing else 0)


def mutate(data: bytearray, draw) -> None:
    """One damage: bits flipped, bytes cut out, put in, zeroed, copied from elsewhere, or the end cut off."""
    kind = draw(st.sampled_from(["flip", "cut out", "insert", "zero", "copy", "truncate"]))
    at = draw(st.integers(0, len(data) - 1))
    n = draw(st.integers(1, 3000))
    if kind == "flip":
        data[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == "cut out":
        del data[at : at + n]
    elif kind == "insert":
        data[at:at] = draw(st.binary(min_size=1, max_size=64))
    elif kind == "zero":
        data[at : at + n] = bytes(len(data[at : at + n]))
    elif kind == "copy":
        source = draw(st.integers(0, len(data) - 1))
        part = data[source : source + n]
        data[at : at + len(part)] = part
    else:
        del data[at:]


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_a_damaged_olr_gives_the_original_sample_or_none(data):
    raw = bytearray(b"".join(making.blocks(FRAMES, per_block=60)))
    for _ in range(data.draw(st.integers(1, 3))):
        if raw:
            mutate(raw, data.draw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.olr"
        path.write_bytes(raw)
        try:
            recording = octolead.open(path)
        except octolead.SourceError:
            return
        with recording:
            n = recording.n_frames
            assert n <= len(FRAMES)
            got = recording.signal_raw(0, n)
            there = got[:, 0] != MISSING_RAW
            np.testing.assert_array_equal(got[there], FRAMES[:n][there])
            assert sum(g.n_frames for g in recording.gaps) == int((~there).sum())
            assert recording.marks == []
        if int(there.sum()) < len(FRAMES):
            report = verify(path)
            assert report.findings, "frames are gone and nothing was said"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_ring_gives_the_original_sample_or_none(data):
    with tempfile.TemporaryDirectory() as folder:
        ring = making.write_ring(Path(folder) / "r", dict(enumerate(making.blocks(FRAMES, per_block=60))), n_segments=2, slots=8)
        for _ in range(data.draw(st.integers(1, 4))):
            path = ring / data.draw(st.sampled_from(["SEG00000.OLS", "SEG00001.OLS"]))
            raw = bytearray(path.read_bytes())
            if raw:
                mutate(raw, data.draw)
                path.write_bytes(raw)
        try:
            recording = octolead.open(ring)
        except octolead.SourceError:
            return
        with recording:
            got = recording.signal_raw(0, recording.n_frames)
            there = got[:, 0] != MISSING_RAW
            np.testing.assert_array_equal(got[there], FRAMES[: len(got)][there])
        verify(ring)
