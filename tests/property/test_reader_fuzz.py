# SPDX-License-Identifier: Apache-2.0
"""Invariant: whatever the bytes, reading a source ends, in bounded memory, with a typed error at worst, and never gives a
sample that was not written for that session, frame and lead. `tools/fuzz/check.py` has it in full.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import octolead
from tools.fuzz.check import FalseSampleError, HangError, check, put, time_limit
from tools.fuzz.mutate import _sign, blocks_of, mutated
from tools.fuzz.seeds import sources

ROOT = Path(__file__).resolve().parents[2]
INPUTS = 2000


@pytest.mark.parametrize("name", sources())
def test_the_seeds_are_sound_and_their_samples_carry_their_origin(tmp_path, name):
    path = put(tmp_path, sources()[name])
    assert check(path, signed=False, deep=True)
    with octolead.open(path) as recording:
        assert not recording.gaps


def test_nothing_is_found_in_two_thousand_damaged_sources():
    command = [sys.executable, "-m", "tools.fuzz", "--count", str(INPUTS), "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].startswith(f"reader: {INPUTS} inputs")


def test_a_false_sample_and_a_hang_are_noticed(tmp_path):
    data = bytearray(sources()["olr"]["a.olr"])
    at, length = blocks_of(data)[2]  # of codec 0: the first payload byte is a sample's
    data[at + 144] ^= 1
    _sign(data, at, length)
    path = put(tmp_path, {"a.olr": bytes(data)})
    assert check(path, signed=True)
    with pytest.raises(FalseSampleError):
        check(path, signed=False)
    with pytest.raises(HangError), time_limit(0.05):
        spin()


def spin():
    while time.process_time() < 1e9:
        pass


def test_an_input_follows_from_its_number():
    assert mutated(5, 17) == mutated(5, 17)
    assert mutated(5, 17) != mutated(5, 18)
