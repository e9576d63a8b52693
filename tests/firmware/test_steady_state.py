# SPDX-License-Identifier: Apache-2.0
"""What the steady state costs: no allocation per frame, a little per block; and how fast an hour goes by."""

from pathlib import Path

from conftest import needs_micropython, run_micropython

pytestmark = needs_micropython


def test_nothing_is_allocated_per_frame():
    print(run_micropython(Path(__file__).parent / "mp_steady.py", 2000, heap="1m"))
