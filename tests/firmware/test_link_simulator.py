# SPDX-License-Identifier: Apache-2.0
"""The whole way: the firmware's link under MicroPython, a pseudo-terminal, pyserial, the asyncio API. SPEC 6, DESIGN promise 3."""

import asyncio
import contextlib
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
import serial
import spec_reader as spec
from conftest import needs_micropython

import octolead
from octolead import _constants as c
from octolead.errors import AnswerError, KeyRefusedError, LinkError, LinkLostError, LinkRefusedError
from octolead.link import Sync, connect_usb, packets
from octolead.link.bench import SimulatorBench

pytestmark = needs_micropython

KEY = bytes(range(100, 132))
CUTS = int(os.environ.get("OCTOLEAD_LINK_CUTS", "30"))
CUT_BYTES = int(os.environ.get("OCTOLEAD_LINK_CUT_BYTES", "30000"))
PAUSE_S = float(os.environ.get("OCTOLEAD_LINK_PAUSE_S", "0"))  # between syncs: the recorder goes on meanwhile, ten times as fast

LIMIT_S = 10 * CUTS


def run(folder, source, **config):
    config.setdefault("card_mib", 64)
    config.setdefault("speed", 20)
    config.setdefault("rate_hz", 500)
    return SimulatorBench(
        {"input": source, "card": str(folder / "card.img"), "link_key": KEY.hex(), "device_id": "0123456789abcdef", **config}
    )


def with_recorder(bench, work, limit_s=100):
    """Run `work(recorder)` over a freshly plugged cable."""

    async def main():
        async with asyncio.timeout(limit_s), await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
            return await work(recorder)

    return asyncio.run(main())


def card_bytes(folder, session):
    """The blocks of a session, in order, as they stand on the card."""
    with octolead.open(folder / "card.img", session=session) as recording:
        return b"".join(block for _, block in recording.blocks())


def archived(folder):
    return {path.stem: path.read_bytes() for path in (folder / "archive").glob("*.olr")}


def assert_all_home(folder, sessions):
    home = archived(folder)
    assert sorted(home) == sorted(sessions)
    for session in sessions:
        assert home[session] == card_bytes(folder, session)


def test_start_record_stop_many_times_over_the_link(tmp_path, input_500):
    sessions = []

    async def work(recorder):
        assert (await recorder.identity())["device_id"] == recorder.device_id.hex() == "0123456789abcdef"
        assert await recorder.set_time(1_700_000_000_000_000, 250) is None
        for number in range(4):
            with pytest.raises(AnswerError, match="STOP") as caught:
                await recorder.stop()
            assert caught.value.answer == c.ANSWER_WRONG_STATE
            session = await recorder.start(codec=number % 2)
            sessions.append(session.hex())
            with pytest.raises(AnswerError) as caught:
                await recorder.start()
            assert caught.value.answer == c.ANSWER_WRONG_STATE
            await asyncio.sleep(0.3)
            marked = await recorder.mark(f"mark {number} — here")
            status = await recorder.status()
            assert status.state == "recording" and status.fields["session_id"] == session
            assert status.fields["frame"] >= marked
            frames = await recorder.stop()
            assert frames > marked
        names = []
        while notice := await recorder.wait_for_notice(0.3):
            names.append(notice.name)
        assert names.count("STARTED") == names.count("STOPPED") == 4 and names.count("MARK") == 4

    with run(tmp_path, input_500) as bench:
        with_recorder(bench, work)
        bench.end()
    ring = spec.Ring(tmp_path / "card.img")
    assert len(sessions) == 4 and ring.n_slots
    for number, session in enumerate(sessions):
        with octolead.open(tmp_path / "card.img", session=session) as recording:
            assert [m.text for m in recording.marks] == [f"mark {number} — here"]
            assert recording.start_utc is not None
            assert not recording.gaps


def test_arguments_that_make_no_sense_are_answered_in_words(tmp_path, input_500):
    async def work(recorder):
        for command, arguments, answer in (
            (99, b"", c.ANSWER_UNKNOWN_COMMAND),
            (c.COMMAND_START, b"\xf4", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_START, b"\x07\0\x06\x06\0\1", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_START, b"\xf4\x01\x06\x06\x09\1", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_START, b"\xf4\x01\x06\x06\0\x09", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_MARK, b"\xff\xfe", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_MARK, b"x" * 201, c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_MARK, b"x", c.ANSWER_WRONG_STATE),
            (c.COMMAND_FETCH, bytes([9, 0, 0, 0, 10, 0, 0, 0, 0, 0]), c.ANSWER_NOT_THERE),
            (c.COMMAND_LIVE, b"\xff\x03", c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_ERASE, b"x" * 8, c.ANSWER_BAD_ARGUMENT),
            (c.COMMAND_SELF_TEST, b"x", c.ANSWER_BAD_ARGUMENT),
        ):
            with pytest.raises(AnswerError) as caught:
                await recorder.request(command, arguments)
            assert caught.value.answer == answer and caught.value.words, (command, arguments)
        assert await recorder.ping(b"still here") == b"still here"

    with run(tmp_path, input_500) as bench:
        with_recorder(bench, work)
        assert bench.end()["state"] == "idle"


def test_a_wrong_key_gets_nowhere_and_guessing_locks_the_recorder(tmp_path, input_500):
    with run(tmp_path, input_500, link_counter=str(tmp_path / "wrong"), speed=1) as bench:
        with pytest.raises(KeyRefusedError, match="0123456789abcdef"):
            asyncio.run(connect_usb(bench.plug(), bytes(32)))
        with serial.Serial(bench.plug(), timeout=5) as port:
            for _ in range(4):
                port.write(
                    packets.cobs_encode(bytes([c.PACKET_HELLO, 1]) + bytes(16)) + packets.cobs_encode(bytes([c.PACKET_PROOF]) + bytes(16))
                )
                assert port.read(40)
        time.sleep(0.3)
        with pytest.raises(LinkRefusedError, match="wait"):
            asyncio.run(connect_usb(bench.plug(), KEY))
        assert (tmp_path / "wrong").read_text() == "4"
        time.sleep(2.1)
        with_recorder(bench, lambda recorder: recorder.ping())
        assert (tmp_path / "wrong").read_text() == "0"


@pytest.mark.parametrize(("leads", "divisor"), [(0xFF, 1), (0b10010010, 2), (0b1, 4)])
def test_live_frames_are_those_that_are_recorded(tmp_path, input_500, leads, divisor):
    frames = []

    async def work(recorder):
        await recorder.start()
        live = recorder.live(leads, divisor)
        async for some in live:
            frames.append(some)
            if sum(len(f.values) for f in frames) * divisor > 700:
                break
        await live.aclose()
        await recorder.stop()

    with run(tmp_path, input_500, speed=1) as bench:
        with_recorder(bench, work)
        assert bench.end()["frames_lost"] == 0
    with octolead.open(tmp_path / "card.img") as recording:
        stored = recording.signal_raw(0, recording.n_frames)
    chosen = [k for k in range(8) if leads >> k & 1]
    for some in frames:
        assert some.first_frame % divisor == 0
        n = len(some.values)
        rows = np.asarray(stored)[some.first_frame : some.first_frame + n * divisor][:, chosen].astype(np.int64)
        assert np.array_equal(some.values, rows.reshape(n, divisor, -1).sum(1) // divisor)


def test_sync_cut_at_random_many_times_ends_byte_identical_and_loses_no_frame(tmp_path, input_500):
    """The cable is pulled after a random number of bytes, CUTS times, while the recorder records; then all is home."""
    chance = random.Random(11)
    cuts = 0
    sessions = []

    async def work(bench):
        nonlocal cuts
        async with await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
            sessions.append((await recorder.start(codec=c.CODEC_RAW24)).hex())
        began = time.monotonic()

        async def connect():
            nonlocal cuts
            size = chance.randrange(60, CUT_BYTES) if cuts < CUTS and time.monotonic() < began + LIMIT_S else None
            cuts += size is not None
            return await connect_usb(bench.plug(cut_after=size), KEY, timeout_s=20)

        report = await Sync(tmp_path / "archive", connect, patience=60).run()
        while cuts < CUTS and time.monotonic() < began + LIMIT_S:
            await asyncio.sleep(PAUSE_S)
            report = await Sync(tmp_path / "archive", connect, patience=60).run()
        async with await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
            await recorder.stop()
        await Sync(tmp_path / "archive", connect).run()
        return report

    with run(tmp_path, input_500, speed=10) as bench:
        asyncio.run(work(bench))
        status = bench.end()
    assert status["frames_lost"] == 0 and cuts == CUTS
    assert_all_home(tmp_path, sessions)


def test_what_stands_in_the_archive_is_not_fetched_again(tmp_path, input_500):
    async def work(recorder):
        session = (await recorder.start(codec=c.CODEC_RAW24)).hex()
        await asyncio.sleep(1)
        await recorder.stop()
        return session

    with run(tmp_path, input_500) as bench:

        async def connect():
            return await connect_usb(bench.plug(), KEY, timeout_s=20)

        sessions = [with_recorder(bench, work)]
        first = asyncio.run(Sync(tmp_path / "archive", connect).run())
        again = asyncio.run(Sync(tmp_path / "archive", connect).run())
        sessions.append(with_recorder(bench, work))
        path = tmp_path / "archive" / f"{sessions[0]}.olr"
        path.write_bytes(path.read_bytes() + b"\x8fOLB torn")
        third = asyncio.run(Sync(tmp_path / "archive", connect).run())
        bench.end()
    assert first.blocks > 3 and again.blocks == 0 and third.blocks > 3
    path.write_bytes(path.read_bytes()[: -len(b"\x8fOLB torn")])
    assert_all_home(tmp_path, sessions)


def test_after_a_power_cut_the_checkpoint_comes_home_too(tmp_path, input_500):
    async def work(recorder):
        session = (await recorder.start(codec=c.CODEC_ADAPTIVE)).hex()
        with contextlib.suppress(LinkError):
            for _ in range(300):
                await asyncio.sleep(0.05)
                await recorder.ping()
        return session

    with run(tmp_path, input_500, speed=10, cut_after_writes=10) as bench:
        session = with_recorder(bench, work)
        assert bench.process.wait(20) == 3
    with run(tmp_path, input_500) as bench:

        async def connect():
            return await connect_usb(bench.plug(), KEY, timeout_s=20)

        status = with_recorder(bench, lambda recorder: recorder.status())
        assert status.state == "recording"  # it went on by itself
        with_recorder(bench, lambda recorder: recorder.stop())
        asyncio.run(Sync(tmp_path / "archive", connect).run())
        bench.end()
    assert_all_home(tmp_path, [session, status.fields["session_id"].hex()])


@pytest.mark.parametrize("authenticated", [False, True])
def test_any_bytes_in_any_order_crash_nothing_and_the_recording_goes_on(tmp_path, input_500, authenticated):
    chance = random.Random(5)
    kinds = [0, *c.PACKET_NAMES, 7, 255]
    commands = [n for n in range(256) if n not in (c.COMMAND_START, c.COMMAND_STOP)]

    def junk():
        size = chance.choice((0, 1, 3, 17, 18, 40, 300, 3000))
        data = chance.randbytes(size)
        return chance.choice((data, packets.cobs_encode(bytes([chance.choice(kinds)]) + data), packets.cobs_encode(data)[:-2]))

    async def speak(recorder):
        """Sealed as it must be, senseless in every other way."""
        client = recorder._client
        for _ in range(chance.randrange(1, 12)):
            n = chance.choice((0, 1, 2, 3, 10, 200))
            if chance.random() < 0.7:
                plaintext = bytes([1, chance.randrange(256), chance.choice(commands)]) + chance.randbytes(min(n, 12))
            else:
                plaintext = bytes([chance.choice((0, 1, 2, 6, 6, 0x81, 0x86, 127))]) + chance.randbytes(n)
            await recorder._transport.send(client._sealer.seal(c.PACKET_SEALED, plaintext))
        await asyncio.sleep(0.02)

    async def work(bench):
        async with await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
            await recorder.start()
        until = time.monotonic() + 8
        while time.monotonic() < until:
            if authenticated:
                with contextlib.suppress(LinkError):
                    async with await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
                        await speak(recorder)
            else:
                with serial.Serial(bench.plug(), timeout=0, write_timeout=5) as port:
                    for _ in range(40):
                        port.write(junk())
                        await asyncio.sleep(0.002)
                        said = port.read(4096)
                        assert KEY not in said
        for _ in range(12):
            try:
                async with await connect_usb(bench.plug(), KEY, timeout_s=20) as recorder:
                    return await recorder.status(), await recorder.stop()
            except (LinkRefusedError, LinkLostError):
                await asyncio.sleep(1)
        raise AssertionError("a right host does not get in any more")

    with run(tmp_path, input_500, speed=5) as bench:
        status, _ = asyncio.run(work(bench))
        assert status.state == "recording"
        assert bench.end()["frames_lost"] == 0
    with octolead.open(tmp_path / "card.img", check=True) as recording:
        assert not recording.gaps and not [f for f in recording.problems if f.severity.name == "ERROR"]


def test_no_secret_stands_in_what_the_recorder_says_of_itself(tmp_path, input_500):
    with run(tmp_path, input_500) as bench:
        status = with_recorder(bench, lambda recorder: recorder.status())
        identity = with_recorder(bench, lambda recorder: recorder.identity())
        bench.end()
        said = repr([status.as_dict(), identity, bench.lines])
    assert KEY.hex() not in said and repr(KEY)[2:-1] not in said
    assert not list(Path(tmp_path).glob("*key*")) and os.listdir(tmp_path) == ["card.img"]


def test_a_cable_that_never_lasts_for_a_whole_block_brings_everything_home(tmp_path, input_500):
    """Each connection carries 6000 bytes, a block has 8192: what has come of a block is kept, again and again."""
    said = []

    async def work(recorder):
        session = (await recorder.start(codec=c.CODEC_RAW24)).hex()
        await asyncio.sleep(1)
        await recorder.stop()
        return session

    with run(tmp_path, input_500, speed=5) as bench:
        session = with_recorder(bench, work)

        async def connect():
            return await connect_usb(bench.plug(cut_after=6000), KEY, timeout_s=20)

        report = asyncio.run(asyncio.wait_for(Sync(tmp_path / "archive", connect, say=said.append).run(), 100))
        bench.end()
    assert report.blocks > 5 and report.reconnects > report.blocks and len(said) == report.reconnects
    assert report.came < 1.1 * report.bytes
    assert_all_home(tmp_path, [session])


def test_ctrl_c_leaves_a_sound_file_and_the_next_sync_goes_on(tmp_path, input_500):
    async def work(recorder):
        session = (await recorder.start(codec=c.CODEC_RAW24)).hex()
        await asyncio.sleep(1.5)
        return session

    with run(tmp_path, input_500, speed=5) as bench:
        session = with_recorder(bench, work)

        async def connect():
            return await connect_usb(bench.plug(bytes_per_s=40000), KEY, timeout_s=20)

        async def interrupted():
            task = asyncio.create_task(Sync(tmp_path / "archive", connect).run(follow=True))
            await asyncio.sleep(1.5)
            task.cancel()  # what asyncio.run makes of Ctrl-C
            with contextlib.suppress(asyncio.CancelledError):
                await task

        asyncio.run(interrupted())
        with octolead.open(tmp_path / "archive" / f"{session}.olr", check=True) as recording:
            assert recording.n_blocks and not [f for f in recording.problems if f.severity.name == "ERROR"]
            before = recording.n_blocks
        with_recorder(bench, lambda recorder: recorder.stop())
        report = asyncio.run(Sync(tmp_path / "archive", connect).run())
        bench.end()
    assert report.blocks > 0 and before > 0
    assert_all_home(tmp_path, [session])
