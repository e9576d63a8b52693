# SPDX-License-Identifier: Apache-2.0
"""Power goes at any moment; hours go by."""

import time

import pytest

import octolead
from hil_tests.bench import POWER
from hil_tests.link import Recorded
from octolead import _constants as c
from octolead.verify import verify

UNSEALED_S = 2.5


@pytest.mark.needs(POWER)
@pytest.mark.parametrize(("codec", "after_s"), [(c.CODEC_ADAPTIVE, 7), (c.CODEC_RAW24, 6)])
def test_a_power_cut_costs_no_more_than_two_and_a_half_seconds_and_it_goes_on_by_itself(link, folder, codec, after_s):
    """The moment of the cut is the last answer before it; the look at the counter and the hand take their time, too."""

    async def until_the_cut(recorder):
        first = (await recorder.range()).next_seq
        session = (await recorder.start(codec=codec)).hex()
        await link.pause(after_s)
        return first, session, await link.frame(recorder)

    async def afterwards(recorder):
        status = await recorder.status()
        await link.pause(2)
        frames = await recorder.stop()
        return status, frames, await link.bring_home(recorder, folder, first)

    first, session, frame = link.run(until_the_cut)
    link.bench.power(False)
    link.bench.power(True)
    status, frames, path = link.run(afterwards)
    assert status.state == "recording"
    report = verify(path, key=link.key)
    assert report.exit_code == 0, report.findings
    assert all(s.chain.n_wrong == 0 for s in report.sessions)
    with octolead.open(path, session=session, key=link.key) as cut:
        assert cut.n_frames > frame - UNSEALED_S * cut.fs_hz
        assert not cut.gaps
    resumed = Recorded(status.fields["session_id"].hex(), path, frames, first)
    with link.open(resumed) as recording:
        assert recording.n_frames == frames
        assert recording.timeline.start_reason == "resumed" and recording.notes["follows"] == session


def test_a_long_run_loses_nothing(link, folder, minutes):
    """A mark every half minute; the rate over all of it within 0.2 % of this computer's clock; no frame lost, no fault."""
    marks, clock = [], {}

    async def during(recorder):
        clock["began"], clock["first"] = time.monotonic(), await link.frame(recorder)
        for number in range(max(1, round(minutes * 2))):
            await link.pause(30)
            marks.append((await recorder.mark(f"half minute {number}"), f"half minute {number}"))
        clock["last"], clock["ended"] = await link.frame(recorder), time.monotonic()
        clock["status"] = await recorder.status()

    async def work(recorder):
        session = (await recorder.start()).hex()
        first = (await recorder.range()).next_seq
        await during(recorder)
        frames = await recorder.stop()
        return Recorded(session, await link.bring_home(recorder, folder, first), frames, first)

    recorded = link.run(work, limit_s=60 + 70 * minutes)
    passed_s = (clock["ended"] - clock["began"]) * link.bench.speed
    assert (clock["last"] - clock["first"]) / 500 == pytest.approx(passed_s, rel=0.002, abs=(0.05 + link.bench.lag_s) * link.bench.speed)
    status = clock["status"]
    assert status.fields["frames_lost"] == status.fields["faults"] == 0
    with link.open(recorded) as recording:
        assert recording.n_frames == recorded.n_frames and not recording.gaps
        assert [(m.frame, m.text) for m in recording.marks] == marks
