# SPDX-License-Identifier: Apache-2.0
"""Who has not the key gets nothing, learns nothing, and disturbs nothing."""

import asyncio
import random
import struct
import time

import pytest

import octolead
from octolead import _constants as c
from octolead.errors import CardKeyError, KeyRefusedError, LinkLostError
from octolead.verify import verify

HELLO = bytes([c.PACKET_HELLO, c.LINK_VERSION]) + bytes(c.LINK_NONCE_BYTES)
WRONG_PROOF = bytes([c.PACKET_PROOF]) + bytes(c.LINK_PROOF_BYTES)


async def answers(transport, wait_s=0.5):
    """All packets that come until it is quiet."""
    found = []
    while True:
        try:
            found.append(await asyncio.wait_for(transport.receive(), wait_s))
        except TimeoutError:
            return found


def raw(link, work):
    """Do `work(transport)` without a session."""

    async def main():
        transport = await link.transport()
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(main())


def test_a_host_with_another_key_is_refused_and_sees_it(link):
    with pytest.raises(KeyRefusedError):
        asyncio.run(link.connect(bytes(32)))
    assert link.run(lambda recorder: recorder.ping(b"right")) == b"right"


def test_without_a_session_nothing_is_answered_but_the_challenge(link):
    async def work(transport):
        chance = random.Random(1)
        for kind in (c.PACKET_CHALLENGE, c.PACKET_PROOF, c.PACKET_READY, c.PACKET_SEALED, c.PACKET_REFUSED, 0, 77, 255):
            await transport.send(bytes([kind]) + chance.randbytes(30))
        silence = await answers(transport)
        await transport.send(HELLO)
        return silence, await answers(transport)

    silence, said = raw(link, work)
    assert silence == []
    assert said and {packet[0] for packet in said} == {c.PACKET_CHALLENGE}
    assert link.key not in b"".join(said)


def test_guessing_locks_it_for_a_while_and_the_right_key_opens_it_again(link):
    """Three wrong proofs are free; the fourth costs two seconds (SPEC 6.2). Before that no answer says that a proof was wrong."""
    quiet_s = 0.5 / link.bench.speed

    async def guess(transport):
        said = []
        for _ in range(c.LINK_FREE_PROOFS + 1):
            await transport.send(HELLO)
            said += await answers(transport, quiet_s)
            await transport.send(WRONG_PROOF)
        await transport.send(HELLO)
        return said, (await answers(transport, quiet_s))[-1]

    said, last = raw(link, guess)
    assert {packet[0] for packet in said} == {c.PACKET_CHALLENGE}
    kind, refusal, wait_s = struct.unpack("<BBH", last)
    assert (kind, refusal) == (c.PACKET_REFUSED, c.REFUSAL_LOCKED)
    assert 0 < wait_s <= 2
    time.sleep(2.5 / link.bench.speed)
    assert link.run(lambda recorder: recorder.ping()) == b""


def test_a_card_that_is_to_be_enciphered_is_and_only_the_key_opens_it(link, folder):
    async def set_to(value):
        async with await link.connect() as recorder:
            return (await recorder.settings({"encrypt_card": value}))["encrypt_card"]

    assert asyncio.run(set_to(True)) is True
    try:
        recorded = link.record(folder, 4, lambda recorder: recorder.mark("nobody shall read this"))
    finally:
        assert asyncio.run(set_to(False)) is False
    assert b"nobody shall read this" not in recorded.path.read_bytes()
    for key in (None, bytes(32)):
        with pytest.raises(CardKeyError):
            octolead.open(recorded.path, session=recorded.session, key=key)
    with link.open(recorded) as recording:
        assert [m.text for m in recording.marks] == ["nobody shall read this"]
        assert recording.n_frames == recorded.n_frames and not recording.gaps


def test_junk_on_the_carrier_does_not_disturb_the_recording(link, folder):
    async def start(recorder):
        first = (await recorder.range()).next_seq
        return first, (await recorder.start()).hex()

    async def junk(transport):
        chance = random.Random(2)
        for _ in range(60):
            await transport.send(chance.randbytes(chance.randrange(1, 240)))
        return await answers(transport)

    async def stop(recorder):
        frames = await recorder.stop()
        return frames, await link.bring_home(recorder, folder, first)

    first, session = link.run(start)
    try:
        said = raw(link, junk)
    except LinkLostError:
        said = []  # the carrier may end the connection over it
    frames, path = link.run(stop)
    assert not any(link.key in packet for packet in said)
    report = verify(path, key=link.key)
    assert report.exit_code == 0 and [s.n_frames for s in report.sessions if s.session_id == session] == [frames]
