# SPDX-License-Identifier: Apache-2.0
"""A recorder that is switched on answers, says who it is, and has a card."""

import asyncio
import re
import time

import pytest

from hil_tests.bench import POWER
from octolead.errors import LinkLostError


def test_it_says_who_it_is(link):
    async def work(recorder):
        return await recorder.identity(), recorder.device_id, await recorder.ping(b"\x00\xffsame bytes")

    identity, device_id, echoed = link.run(work)
    assert identity["device_id"] == device_id.hex() and re.fullmatch("[0-9a-f]{16}", identity["device_id"])
    assert identity["board"] and re.match(r"\d+\.\d+", identity["firmware"])
    assert echoed == b"\x00\xffsame bytes"


def test_idle_it_has_a_card_and_no_fault(link):
    async def work(recorder):
        return await recorder.status(), await recorder.range()

    status, there = link.run(work)
    assert status.state == "idle" and "failure" not in status.more
    assert status.fields["card_slots"] == there.n_slots > 16
    assert there.slot_bytes in (4096, 8192, 16384) and there.oldest_seq <= there.next_seq


def test_a_session_is_open_within_a_second(link):
    async def work():
        began = time.monotonic()
        recorder = await link.connect()
        opened_s = time.monotonic() - began
        await recorder.close()
        return opened_s

    assert min(asyncio.run(work()) for _ in range(3)) < 1


@pytest.mark.needs(POWER)
def test_switched_on_it_answers_within_ten_seconds(link):
    link.bench.power(False)
    link.bench.power(True)
    began = time.monotonic()
    while True:
        try:
            assert link.run(lambda recorder: recorder.status()).state == "idle"  # nothing was recorded when power went
            break
        except LinkLostError:
            assert time.monotonic() - began < 10
    assert time.monotonic() - began < 10
