# SPDX-License-Identifier: Apache-2.0
"""The whole way over the air: the firmware's radio under MicroPython, Bumble's link layer and ATT, bleak, the API. SPEC 6.1, 6.8."""

import asyncio
import contextlib
import itertools
import os
import random
import struct
import time

import numpy as np
import pytest

pytest.importorskip("bumble", reason="no Bumble (extra air)")

from bumble.core import UUID
from bumble.device import Peer
from bumble.profiles.battery_service import BatteryServiceProxy
from bumble.profiles.device_information_service import DeviceInformationServiceProxy
from bumble.profiles.heart_rate_service import HeartRateServiceProxy
from conftest import needs_micropython

import octolead
from octolead import _constants as c
from octolead.errors import AnswerError, KeyRefusedError, LinkError, LinkLostError, LinkRefusedError
from octolead.link import Sync, connect_ble, connect_usb
from octolead.link.air.bench import RadioBench
from octolead.link.air.box import ADDRESS
from octolead.link.transport_ble import BleTransport, find, scan

pytestmark = needs_micropython

KEY = bytes(range(100, 132))
DEVICE_ID = "0123456789abcdef"
CUTS = int(os.environ.get("OCTOLEAD_BLE_CUTS", "3"))
BURST_BYTES = 4096  # radio.py


def run(folder, source, *, most_mtu=517, **config):
    config.setdefault("speed", 10)
    config = {"rate_hz": 500, "card_mib": 64, "input": source, "card": str(folder / "card.img"), **config}
    return RadioBench({"link_key": KEY.hex(), "device_id": DEVICE_ID, **config}, most_mtu=most_mtu)


def connect(bench, host="host"):
    return connect_ble(DEVICE_ID, KEY, adapter=bench.host(host), timeout_s=20)


def with_recorder(bench, work, limit_s=60):
    async def main():
        async with asyncio.timeout(limit_s), await connect(bench) as recorder:
            return await work(recorder)

    return asyncio.run(main())


def assert_all_home(folder, sessions):
    home = {path.stem: path.read_bytes() for path in (folder / "archive").glob("*.olr")}
    assert sorted(home) == sorted(sessions)
    for session in sessions:
        with octolead.open(folder / "card.img", session=session) as recording:
            assert home[session] == b"".join(block for _, block in recording.blocks())


async def record(recorder, seconds=0.5):
    session = (await recorder.start(codec=c.CODEC_RAW24)).hex()
    await asyncio.sleep(seconds)
    await recorder.stop()
    return session


def as_stranger(bench, work, host="stranger"):
    """Run `work(connection, peer)` with Bumble alone, without bleak and without a key."""

    async def main():
        device = await bench.air.host(host)
        connection = await device.connect(ADDRESS, timeout=10)
        peer = Peer(connection)
        try:
            await peer.request_mtu(247)
            await peer.discover_services()
            await peer.discover_characteristics()
            return await work(connection, peer)
        finally:
            with contextlib.suppress(Exception):  # it waits for ever for the end of what has ended
                await asyncio.wait_for(connection.disconnect(), 0.5)

    return asyncio.run_coroutine_threadsafe(main(), bench.air._loop).result(60)


def test_a_recorder_is_heard_found_and_used_over_the_air(tmp_path, input_500):
    async def work(recorder):
        assert recorder._transport.max_packet == c.LINK_PACKET_BYTES
        await recorder.start(codec=c.CODEC_RAW24)
        marked = await recorder.mark("on the air — ä")
        status = await recorder.status()
        assert status.state == "recording" and status.fields["frame"] >= marked
        names = []
        while not {"STARTED", "MARK"} <= set(names):
            names.append((await recorder.wait_for_notice(5)).name)
        return await recorder.stop(), status.fields["battery_percent"]

    with run(tmp_path, input_500, battery_mv=3900) as bench:
        assert with_recorder(bench, lambda recorder: recorder.settings({"name": "Ward 3"}))["name"] == "Ward 3"
        frames, battery_percent = with_recorder(bench, work)
        time.sleep(1.2)  # what is advertised is renewed once a second
        for wanted in ("ward 3", DEVICE_ID[:6], DEVICE_ID[-8:], str(ADDRESS).split("/")[0], ""):
            asyncio.run(find(wanted, bench.adapter))
        (heard,) = asyncio.run(scan(1.5, bench.adapter))
        assert (heard.name, heard.device_id, heard.battery_percent) == ("Ward 3", DEVICE_ID, battery_percent)
        assert 10 < battery_percent < 100
        with pytest.raises(LinkLostError, match="Ward 3"):
            asyncio.run(find("another", bench.adapter, 0.8))
        with pytest.raises(KeyRefusedError, match=DEVICE_ID):
            asyncio.run(connect_ble("", bytes(32), adapter=bench.adapter))
        status = bench.end()
    assert status["att_bytes"] == 425 <= c.ATT_DATABASE_BYTES  # SPEC 6.8
    with octolead.open(tmp_path / "card.img") as recording:
        assert recording.n_frames == frames and [mark.text for mark in recording.marks] == ["on the air — ä"]


def test_the_smallest_mtu_there_is_carries_everything_but_live_frames_of_all_leads(tmp_path, input_500):
    async def work(recorder):
        assert recorder._transport.max_packet == 20
        session = (await recorder.start(codec=c.CODEC_ADAPTIVE)).hex()
        await recorder.mark("x" * 150)
        await asyncio.sleep(0.2)
        with pytest.raises(AnswerError, match="room for 6 bytes") as caught:
            await recorder.request(c.COMMAND_LIVE, b"\xff\1")
        assert caught.value.answer == c.ANSWER_BAD_ARGUMENT
        await recorder.stop()
        return session

    with run(tmp_path, input_500, most_mtu=23) as bench:
        session = with_recorder(bench, work)
        asyncio.run(asyncio.wait_for(Sync(tmp_path / "archive", lambda: connect(bench)).run(), 60))
        bench.end()
    assert_all_home(tmp_path, [session])


def test_sync_cut_at_random_packets_ends_byte_identical_and_loses_no_frame(tmp_path, input_500):
    """The connection is lost after a random number of packets, CUTS times, while the recorder records."""
    chance = random.Random(3)
    sessions = []

    async def work(bench):
        async with await connect(bench) as recorder:
            sessions.append((await recorder.start(codec=c.CODEC_RAW24)).hex())

        async def again():
            bench.set_faults(cut_after=chance.randrange(1, 120) if bench.air.losses < CUTS else None)
            return await connect(bench)

        while bench.air.losses < CUTS:
            await Sync(tmp_path / "archive", again, patience=60).run()
        async with await again() as recorder:
            await recorder.stop()
        return await Sync(tmp_path / "archive", again, patience=60).run()

    with run(tmp_path, input_500, speed=1) as bench:
        asyncio.run(asyncio.wait_for(work(bench), 60 + 10 * CUTS))
        status = bench.end()
        assert bench.air.losses == CUTS
    assert status["frames_lost"] == 0
    assert_all_home(tmp_path, sessions)


def test_over_5_kb_a_second_what_waits_in_the_stack_is_bounded_and_live_frames_are_true(tmp_path, input_500):
    """The phone that manages 5 kB/s: frames of eight leads do not all fit. They are left out, never piled up, never false."""
    frames = []

    async def work(recorder):
        await recorder.start()
        bench.set_faults(bytes_per_s=5000, delay_s=0.05)
        live = recorder.live(0xFF, 1)
        async with asyncio.timeout(3):
            with contextlib.suppress(TimeoutError):
                async for some in live:
                    frames.append(some)
                    await asyncio.sleep(0)
        began = time.monotonic()
        await recorder.ping()
        assert time.monotonic() - began < 2.5  # not behind seconds of old frames
        bench.set_faults()
        await live.aclose()
        await recorder.stop()

    with run(tmp_path, input_500, speed=1) as bench:
        with contextlib.suppress(TimeoutError):
            with_recorder(bench, work)
        status = bench.end()
    assert status["frames_lost"] == 0
    assert status["notify_bytes_queued_max"] <= BURST_BYTES + BleTransport.live_window * c.LINK_PACKET_BYTES
    assert len(frames) > 20
    left_out = sum(b.first_frame - a.first_frame - len(a.values) for a, b in itertools.pairwise(frames))
    assert left_out > 0
    with octolead.open(tmp_path / "card.img") as recording:
        stored = np.asarray(recording.signal_raw(0, recording.n_frames))
    for some in frames:
        assert np.array_equal(some.values, stored[some.first_frame : some.first_frame + len(some.values)])


def test_a_second_host_waits_until_the_first_one_is_gone(tmp_path, input_500):
    async def main(bench):
        async with await connect(bench) as recorder:
            await recorder.start()
            assert await scan(0.8, bench.host("other")) == []
            with pytest.raises(LinkLostError, match="no one else connected"):
                await find("", bench.host("other"), 0.8)
            assert (await recorder.status()).state == "recording"
        async with await connect(bench, "other") as recorder:
            assert (await recorder.status()).state == "recording"
            bench.air.lose()
            with pytest.raises(LinkLostError, match="the connection was lost"):
                await recorder.ping()
        async with await connect(bench) as recorder:
            await recorder.stop()

    with run(tmp_path, input_500) as bench:
        asyncio.run(asyncio.wait_for(main(bench), 60))
        bench.end()


def test_any_fitness_app_reads_heart_rate_battery_and_device_information(tmp_path, input_500):
    """Bumble's own profiles, unmodified. Subscriptions are not handed on to the next host, as the stock stack would."""

    async def listen(connection, peer):
        got = []
        heart = peer.create_service_proxy(HeartRateServiceProxy)
        assert await heart.body_sensor_location.read_value() == HeartRateServiceProxy.SERVICE_CLASS.BodySensorLocation.CHEST
        await heart.heart_rate_measurement.subscribe(got.append)
        battery = peer.create_service_proxy(BatteryServiceProxy)
        assert 10 < await battery.battery_level.read_value() < 100
        told = peer.create_service_proxy(DeviceInformationServiceProxy)
        assert await told.manufacturer_name.read_value() == "Octolead"
        assert await told.serial_number.read_value() == DEVICE_ID
        (current,) = peer.get_characteristics_by_uuid(UUID.from_16_bits(c.GATT_CURRENT_TIME))
        year, month = struct.unpack("<HB", (await current.read_value())[:3])
        assert (year, month) == (2023, 11)
        await asyncio.sleep(2.1)
        return got

    async def hear_only(connection, peer):
        """A second host that did not subscribe: Bumble hands over whatever comes."""
        got = []
        heart = peer.create_service_proxy(HeartRateServiceProxy)
        connection.gatt_client.notification_subscribers.setdefault(heart.heart_rate_measurement.handle, set()).add(got.append)
        await asyncio.sleep(2.1)
        return got

    async def begin(recorder):
        await recorder.settings({"open_heart_rate": True})
        await recorder.set_time(1_700_000_000_000_000, 50)
        await recorder.start(codec=c.CODEC_RAW24)

    with run(tmp_path, input_500, battery_mv=3900) as bench:
        with_recorder(bench, begin)
        time.sleep(1.2)  # values are renewed once a second; by then the heart has beaten a dozen times
        got = as_stranger(bench, listen)
        assert len(got) >= 2
        for one in got:
            assert one.heart_rate == 66 and one.sensor_contact_detected  # conftest.write_olnv: 1.1 beats a second
            assert one.rr_intervals and all(abs(rr - 1 / 1.1) < 0.02 for rr in one.rr_intervals)
        assert as_stranger(bench, hear_only, "third") == []
        bench.end()


def test_a_heart_that_its_owner_did_not_open_is_not_told(tmp_path, input_500):
    async def listen(connection, peer):
        got = []
        heart = peer.create_service_proxy(HeartRateServiceProxy)
        await heart.heart_rate_measurement.subscribe(got.append)
        await asyncio.sleep(2.1)
        return got

    with run(tmp_path, input_500) as bench:
        with_recorder(bench, lambda recorder: recorder.start(codec=c.CODEC_RAW24))
        assert as_stranger(bench, listen) == []
        bench.end()


@pytest.mark.parametrize("authenticated", [False, True])
def test_any_bytes_to_any_characteristic_crash_nothing_tell_nothing_and_the_recording_goes_on(tmp_path, input_500, authenticated):
    chance = random.Random(7)
    kinds = [0, *c.PACKET_NAMES, 7, 255]
    told = []
    link_out = UUID.from_bytes(c.LINK_OUT_UUID[::-1])

    async def write_junk(connection, peer):
        writable = [each for service in peer.services for each in service.characteristics]
        for one in peer.get_characteristics_by_uuid(link_out):
            await one.subscribe(told.append)
        for _ in range(40):
            data = bytes([chance.choice(kinds)]) * chance.randrange(2) + chance.randbytes(chance.choice((0, 1, 17, 18, 40, 200, 244)))
            if chance.random() < 0.3:
                data = bytes([c.PACKET_HELLO, c.LINK_VERSION]) + bytes(16)
            with contextlib.suppress(Exception):  # ATT errors, and the recorder hanging up
                await asyncio.wait_for(chance.choice(writable).write_value(data, with_response=chance.random() < 0.5), 0.3)

    async def speak(recorder):
        client = recorder._client
        for _ in range(20):
            plaintext = bytes([chance.choice((0, 1, 1, 1, 2, 6, 0x81, 127))]) + chance.randbytes(chance.choice((0, 1, 3, 12, 200)))
            if plaintext[:1] == b"\1" and plaintext[2:3] and plaintext[2] in (c.COMMAND_START, c.COMMAND_STOP):
                continue
            await recorder._transport.send(client._sealer.seal(c.PACKET_SEALED, plaintext))
        await asyncio.sleep(0.05)

    async def get_in(bench):
        for _ in range(20):
            try:
                async with await connect(bench) as recorder:
                    return await recorder.status(), await recorder.stop()
            except (LinkRefusedError, LinkLostError):
                await asyncio.sleep(0.5)
        raise AssertionError("a right host does not get in any more")

    async def authenticated_junk(bench):
        for _ in range(3):
            with contextlib.suppress(LinkError):
                async with await connect(bench) as recorder:
                    await speak(recorder)

    with run(tmp_path, input_500, speed=5) as bench:
        with_recorder(bench, lambda recorder: recorder.start())
        if authenticated:
            asyncio.run(authenticated_junk(bench))
        else:
            for _ in range(3):
                as_stranger(bench, write_junk)
        status, _ = asyncio.run(get_in(bench))
        assert status.state == "recording"
        assert bench.end()["frames_lost"] == 0
    assert {bytes(packet)[0] for packet in told} <= {c.PACKET_CHALLENGE, c.PACKET_REFUSED}
    with octolead.open(tmp_path / "card.img", check=True) as recording:
        assert not recording.gaps and not [f for f in recording.problems if f.severity.name == "ERROR"]


def test_who_never_shows_a_key_is_hung_up_on(tmp_path, input_500):
    async def hello(connection, peer):
        (link_in,) = peer.get_characteristics_by_uuid(UUID.from_bytes(c.LINK_IN_UUID[::-1]))
        over = asyncio.Event()
        connection.on(connection.EVENT_DISCONNECTION, lambda reason: over.set())
        for _ in range(c.RADIO_UNPROVEN_PACKETS + 1):
            assert not over.is_set()
            await link_in.write_value(bytes([c.PACKET_HELLO, c.LINK_VERSION]) + bytes(16))
            await asyncio.sleep(0.02)
        await asyncio.wait_for(over.wait(), 5)

    with run(tmp_path, input_500) as bench:
        as_stranger(bench, hello)
        with_recorder(bench, lambda recorder: recorder.ping())
        bench.end()


def test_the_cable_goes_before_the_air_and_the_air_serves_when_it_is_pulled(tmp_path, input_500):
    """SPEC 6.2: one host at a time."""

    async def main(bench):
        async with await connect_usb(bench.plug(), KEY, timeout_s=20) as wired:
            await wired.start()
            with pytest.raises(LinkRefusedError, match="over the cable"):
                await connect(bench)
            assert (await wired.status()).state == "recording"
        bench.pull()
        async with await connect(bench) as near:
            assert (await near.status()).state == "recording"
            await near.stop()

    with run(tmp_path, input_500) as bench:
        asyncio.run(asyncio.wait_for(main(bench), 60))
        bench.end()
