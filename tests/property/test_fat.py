# SPDX-License-Identifier: Apache-2.0
"""Invariant: whatever stands in a card's file system, reading it ends, and with nothing but a SourceError."""

from __future__ import annotations

import contextlib
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octolead.errors import SourceError
from octolead.fat import FatVolume
from octolead.findings import Findings
from tests.unit import making

METADATA = 700 * 1024  # boot sectors, both FATs and the first directories of the 40 MiB image


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    if not shutil.which("mkfs.vfat") or not shutil.which("mcopy"):
        pytest.skip("no mkfs.vfat or mtools on this machine")
    folder = tmp_path_factory.mktemp("fat")
    ring = making.write_ring(folder / "OCTOLEAD", dict(enumerate(making.blocks(making.some_frames(500)))))
    path = folder / "card.img"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    subprocess.run(["mkfs.vfat", "-F", "32", "-s", "1", str(path)], check=True, capture_output=True)
    subprocess.run(["mcopy", "-s", "-i", str(path), str(ring), "::"], check=True)
    return bytearray(path.read_bytes())


def walk(data):
    volume = FatVolume(memoryview(data), "card.img", Findings())
    folder = volume.find(None, "OCTOLEAD")
    for entry in volume.entries(folder.cluster if folder else None):
        for run in volume.runs(entry):
            assert 0 <= run.offset <= run.offset + run.length <= len(data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.one_of(st.integers(0, 1023), st.integers(16384, 16384 + 4096), st.integers(0, METADATA)), st.binary(min_size=1, max_size=8)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_damaged_file_system_never_hangs_or_raises_anything_else(image, changes):
    before = [(at, bytes(image[at : at + len(new)])) for at, new in changes]
    try:
        for at, new in changes:
            image[at : at + len(new)] = new
        with contextlib.suppress(SourceError):
            walk(image)
    finally:
        for at, old in reversed(before):
            image[at : at + len(old)] = old
