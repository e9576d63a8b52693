# SPDX-License-Identifier: Apache-2.0
"""SETTINGS, SELF_TEST, ERASE and the notices of heart and battery over the link (SPEC 6.5), in the simulator and from the command line."""

import asyncio
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import needs_micropython, run_micropython

import octolead
from octolead import _constants as c
from octolead.cli.app import cli
from octolead.errors import AnswerError
from octolead.link import connect_usb
from octolead.link.bench import SimulatorBench
from octolead.simulator import write_input

pytestmark = needs_micropython
KEY = bytes(range(7, 39))


def bench(folder, source, **config):
    config = {"card_mib": 64, "card": str(folder / "card.img"), "settings": str(folder / "settings"), **config}
    return SimulatorBench({"input": source, "link_key": KEY.hex(), **config})


def with_recorder(bench, work):
    async def main():
        async with asyncio.timeout(100), await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
            return await work(recorder)

    return asyncio.run(main())


def test_power_cut_at_every_write_of_an_erase_leaves_one_ring_whole(tmp_path):
    said = run_micropython(Path(__file__).parent / "mp_erase.py", tmp_path)
    assert said.count("cuts left the old ring") == 2


def test_settings_are_kept_and_hold(tmp_path, input_250):
    async def change(recorder):
        assert (await recorder.settings())["rate_hz"] == 500
        with pytest.raises(AnswerError, match="pause_ms: 1500 to 30000") as caught:
            await recorder.settings({"rate_hz": 1000, "pause_ms": 1})
        assert caught.value.answer == c.ANSWER_BAD_ARGUMENT
        with pytest.raises(AnswerError, match="JSON"):
            await recorder.request(c.COMMAND_SETTINGS, b"{rate")
        return await recorder.settings({"rate_hz": 250, "codec": 0, "name": "Zoë"})

    async def look(recorder):
        found = await recorder.settings()
        session = await recorder.start_as_set()
        await asyncio.sleep(1)
        await recorder.stop()
        return found, session

    with bench(tmp_path, input_250) as first:
        changed = with_recorder(first, change)
        first.end()
    with bench(tmp_path, input_250) as second:
        found, session = with_recorder(second, look)
        second.end()
    assert found == changed and found["name"] == "Zoë"
    with octolead.open(tmp_path / "card.img", session=session.hex()) as recording:
        assert recording.rate_hz == 250


def test_a_self_test_finds_what_is_wrong(tmp_path, input_500):
    async def work(recorder):
        idle = await recorder.self_test()
        await recorder.start()
        busy = await recorder.self_test()
        await asyncio.sleep(0.5)
        frames = await recorder.stop()
        return idle, busy, frames

    with bench(tmp_path, input_500) as sound:
        idle, busy, frames = with_recorder(sound, work)
        assert sound.end()["frames_lost"] == 0
    assert idle["ok"] and idle["converter"]["frames"] > 50 and idle["converter"]["electrodes_off"] == 0
    assert idle["card"]["writes"] == 32 and idle["took_ms"] < 5000
    assert busy["ok"] and busy["converter"]["ok"] is None and busy["card"]["ok"] is None and frames > 100
    with octolead.open(tmp_path / "card.img") as recording:
        assert recording.n_frames == frames and not recording.gaps


@pytest.mark.parametrize(
    ("config", "part", "words"),
    [({"chip_id": 0x90}, "converter", "0x90"), ({"card_faults": [{"write": 2, "count": 99, "error": 5}]}, "card", "take another")],
)
def test_a_self_test_names_the_part_that_failed(tmp_path, input_500, config, part, words):
    with bench(tmp_path, input_500, card_bus="block", **config) as broken:
        found = with_recorder(broken, lambda recorder: recorder.self_test())
        broken.end()
    assert not found["ok"] and not found[part]["ok"] and words in found[part]["words"]
    assert [name for name in ("converter", "card", "memory") if found[name]["ok"] is False] == [part]


def test_erase_asks_for_the_newest_session_and_takes_all_of_them(tmp_path, input_500):
    async def work(recorder):
        sessions = []
        for _ in range(2):
            sessions.append(await recorder.start())
            await asyncio.sleep(0.4)
            with pytest.raises(AnswerError) as caught:
                await recorder.erase(sessions[-1])
            assert caught.value.answer == c.ANSWER_WRONG_STATE
            await recorder.stop()
        for wrong in (sessions[0], bytes(8), b"x"):
            with pytest.raises(AnswerError) as caught:
                await recorder.erase(wrong)
            assert caught.value.answer == c.ANSWER_BAD_ARGUMENT
        before = await recorder.range()
        await recorder.erase(sessions[1])
        after = await recorder.range()
        assert before.next_seq >= 2 and after.next_seq == after.oldest_seq == 0 and after.ring_id[:2] != before.ring_id[:2]
        assert (await recorder.status()).more["newest_session"] == "00" * 8
        session = await recorder.start()
        await asyncio.sleep(0.4)
        await recorder.stop()
        return session

    with bench(tmp_path, input_500) as one:
        session = with_recorder(one, work)
        one.end()
    with octolead.open(tmp_path / "card.img") as recording:  # one session, or it would ask which
        assert recording.session_id == session.hex()


def test_a_slow_heart_a_pause_and_an_empty_battery_are_told(tmp_path):
    """20 s: 30 beats a minute, then none; the loop begins anew."""
    t = np.arange(20 * 500) / 500
    beats = sum(1e6 * np.exp(-(((t - at) / 0.012) ** 2)) for at in np.arange(0.5, 12, 2))
    nanovolt = np.rint(beats[:, None] * np.ones(8) + np.random.default_rng(1).normal(0, 4e3, (len(t), 8))).astype(np.int32)
    write_input(tmp_path / "in.olnv", nanovolt, 500)

    async def work(recorder):
        await recorder.settings({"rate_low_bpm": 40, "pause_ms": 4000, "battery_low_mv": 3600})
        await recorder.start()
        notices = {}
        while not {"RATE", "PAUSE", "BATTERY"} <= set(notices):
            notice = await recorder.wait_for_notice(20)
            assert notice, notices
            notices.setdefault(notice.name, notice)
        status = await recorder.status()
        await recorder.stop()
        return notices, status

    with bench(tmp_path, str(tmp_path / "in.olnv"), speed=5, battery_mv=3590) as one:
        notices, status = with_recorder(one, work)
        one.end()
    assert struct.unpack("<H", notices["RATE"].data)[0] == 30
    assert 4250 <= struct.unpack("<H", notices["PAUSE"].data)[0] < 6000
    assert 6700 < notices["PAUSE"].frame < 9000  # the last beat is at 10.5 s
    assert struct.unpack("<H", notices["BATTERY"].data)[0] == 3590
    assert status.fields["battery_percent"] == 4


def test_from_the_command_line(tmp_path):
    def call(*arguments, code=0, **more):
        result = CliRunner().invoke(cli, [*map(str, arguments), "--sim", str(tmp_path / "card.img")], **more)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    assert json.loads(call("settings", "gain=12", "open_heart_rate=on", "--json"))["gain"] == 12
    assert "open_heart_rate  true" in call("settings")
    result = CliRunner().invoke(cli, ["settings", "gain=13", "--sim", str(tmp_path / "card.img")])
    assert isinstance(result.exception, AnswerError) and "gain: one of 1, 2, 3, 4, 6, 8, 12, got 13" in str(result.exception)
    assert "Card: hours" in call("selftest", "--quick", code=1)  # the card is a small one
    call("erase", code=1, input="n\n")
    assert json.loads(call("erase", "--yes", "--json")) == {"erased": True}
