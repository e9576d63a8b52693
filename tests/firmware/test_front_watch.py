# SPDX-License-Identifier: Apache-2.0
"""The converter while it runs and when it stops: a rate that is another one, registers that were lost; FAULT REGISTER in the record."""

import pytest
from conftest import needs_micropython, run_simulator
from recorder.capture import MASK
from recorder.front_watch import LOOK_MS, RateWatch

import octolead


class Ticks:
    now = 0

    def ms(self):
        return self.now

    def diff(self, a, b):
        return a - b


def watched(rate_hz, true_hz, seconds, first=0):
    ticks = Ticks()
    watch = RateWatch(rate_hz, ticks)
    told = []
    for ms in range(0, 1000 * seconds, 100):
        ticks.now = ms
        told.append(watch.look(first + ms * true_hz // 1000 & MASK))
    assert sum(told) == watch.wrong
    return watch.wrong


@pytest.mark.parametrize("rate_hz", [250, 500, 1000])
def test_a_sound_converter_is_never_suspected_even_where_the_counter_wraps(rate_hz):
    assert watched(rate_hz, rate_hz, 60) == 0
    assert watched(rate_hz, rate_hz, 60, first=MASK - 5000) == 0


def test_another_rate_is_seen_every_ten_seconds():
    assert watched(500, 250, 3 * LOOK_MS // 1000 + 1) == 3
    assert watched(1000, 250, LOOK_MS // 1000 + 1) == 1
    assert watched(500, 0, LOOK_MS // 1000 + 1) == 1


@needs_micropython
def test_a_register_that_was_lost_is_a_fault_at_the_end_of_the_record(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=6000, register_loss_at=3000)
    assert run.code == 0 and run.status["faults"]["register"]["count"] == 1
    assert "register LOFF" in run.status["changed_register"] and run.status["spi_violations"] == 0
    with octolead.open(tmp_path / "card.img") as recording:
        assert recording.n_frames == 6000 and recording.timeline.faults == {"register": 1}
    assert run.status["faults"]["register"]["first_frame"] == 6000


@needs_micropython
def test_a_sound_run_has_no_such_fault(tmp_path, input_500):
    run = run_simulator(tmp_path, input=input_500, frames=16000)
    assert run.code == 0 and run.status["faults"] == {} and run.status["spi_violations"] == 0
