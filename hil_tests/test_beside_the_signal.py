# SPDX-License-Identifier: Apache-2.0
"""Marks, lead-off and time: at their frames, in the record and in a notice."""

import asyncio
import time

import pytest

from hil_tests.bench import BUTTON, ELECTRODE
from octolead import _constants as c


def test_a_remote_mark_stands_at_the_frame_that_was_told(link, folder):
    told = []

    async def during(recorder):
        for text in ("first", "Herzklopfen — very strong", ""):
            told.append((await recorder.mark(text), "remote", text))
            await link.pause(0.5)

    recorded = link.record(folder, 1, during)
    with link.open(recorded) as recording:
        assert [(m.frame, m.origin, m.text) for m in recording.marks] == told


@pytest.mark.needs(BUTTON)
def test_the_patient_s_button_marks_its_frame_and_tells_it(link, folder):
    seen = {}

    async def during(recorder):
        seen["before"] = await link.frame(recorder)
        await asyncio.to_thread(link.bench.button, True)
        await link.pause(1)
        await asyncio.to_thread(link.bench.button, False)
        await link.pause(1)
        seen["after"] = await link.frame(recorder)
        seen["notices"] = await notices(recorder)

    recorded = link.record(folder, 1, during)
    with link.open(recorded) as recording:
        (mark,) = recording.marks
    assert mark.origin == "patient" and seen["before"] <= mark.frame <= seen["after"]
    assert [n.frame for n in seen["notices"] if n.name == "MARK" and n.data[0] == c.MARK_ORIGIN_PATIENT] == [mark.frame]


@pytest.mark.needs(ELECTRODE)
@pytest.mark.parametrize("electrode", ["LA", "LL", "V1", "V6"])
def test_an_electrode_that_is_off_is_told_while_it_is(link, folder, electrode):
    seen = {}

    async def during(recorder):
        seen["on"] = await link.frame(recorder)
        await asyncio.to_thread(link.bench.electrode, electrode, True)
        await link.pause(3)
        seen["off"] = await recorder.status()
        await asyncio.to_thread(link.bench.electrode, electrode, False)
        await link.pause(3)
        seen["notices"] = await notices(recorder)
        seen["on again"] = await recorder.status()

    recorded = link.record(folder, 1, during)
    bit = 1 << {name: value for value, name in c.ELECTRODE_NAMES.items()}[electrode]
    assert seen["off"].fields["electrodes_off"] & bit and not seen["on again"].fields["electrodes_off"] & bit
    assert [n for n in seen["notices"] if n.name == "LEAD_OFF"]
    with link.open(recorded) as recording:
        spans = [span for span in recording.lead_off if span.name == electrode]
    assert spans and seen["on"] <= spans[0].start_frame < seen["off"].fields["frame"]
    assert spans[-1].stop_frame <= seen["on again"].fields["frame"]


async def notices(recorder):
    """Those that wait."""
    found = []
    while notice := await recorder.wait_for_notice(0.3):
        found.append(notice)
    return found


def test_the_time_that_was_told_is_that_of_its_frame(link, folder):
    """Told while it records; a second later the recorder says the time that this computer's clock has, to 0.1 s and its own doubt."""
    told = {}

    async def during(recorder):
        told["utc_us"] = time.time_ns() // 1000
        told["at"] = time.monotonic()
        told["frame"] = await recorder.set_time(told["utc_us"], 40)
        await link.pause(2)
        told["status"] = await recorder.status()
        told["later"] = time.monotonic()

    recorded = link.record(folder, 1, during)
    passed_us = (told["later"] - told["at"]) * link.bench.speed * 1e6
    off_us = told["status"].fields["utc_us"] - told["utc_us"] - passed_us
    assert abs(off_us) < (100_000 + 40_000) * link.bench.speed
    with link.open(recorded) as recording:
        anchor = recording.anchors[-1]
        assert (anchor.frame, anchor.utc_us, anchor.uncertainty_ms) == (told["frame"], told["utc_us"], 40)
        assert recording.start_utc is not None
