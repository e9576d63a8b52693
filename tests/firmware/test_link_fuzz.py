# SPDX-License-Identifier: Apache-2.0
"""Any bytes and any requests in any order, before and after the handshake: see mp_link_fuzz.py for what must hold."""

import json
import os
from pathlib import Path

import pytest
from conftest import needs_micropython, run_micropython

pytestmark = needs_micropython
STEPS = int(os.environ.get("OCTOLEAD_FUZZ_STEPS", "120"))


@pytest.mark.parametrize("seed", [1, 4])
def test_nothing_a_host_does_crashes_sticks_or_tells(tmp_path, seed):
    counts = json.loads(run_micropython(Path(__file__).parent / "mp_link_fuzz.py", tmp_path, seed, STEPS).splitlines()[-1])
    print(counts)
    assert counts["requests"] > STEPS // 4 and counts["recordings"] and counts["erased"] and counts["sessions"] > 5
