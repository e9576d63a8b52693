# SPDX-License-Identifier: Apache-2.0
"""What lies on the card comes home byte for byte, whatever happens on the way, and carries the recorder's tags."""

import random
import zlib

from octolead import _constants as c
from octolead.errors import LinkLostError
from octolead.verify import verify


def test_blocks_are_sealed_while_it_records(link, folder):
    """Without a codec a block of 8 KiB is full after 335 frames, one of 16 KiB after 671."""
    seqs = []

    async def during(recorder):
        for _ in range(3):
            seqs.append((await recorder.status()).fields["ring_seq"])
            await link.pause(3)

    link.record(folder, 1, during, codec=c.CODEC_RAW24)
    assert seqs[0] < seqs[1] < seqs[2]


def test_what_came_home_is_sound_by_its_chain(link, folder):
    recorded = link.record(folder, 6, codec=c.CODEC_RAW24)
    report = verify(recorded.path, key=link.key)
    (session,) = [s for s in report.sessions if s.session_id == recorded.session]
    assert report.exit_code == 0, report.findings
    assert session.chained and session.chain.n_right == session.n_blocks > 2 and session.chain.n_wrong == 0 and session.stopped


def test_a_sync_brings_home_what_is_missing_and_no_more(link, folder):
    recorded = [link.record(folder, 4, codec=c.CODEC_RAW24) for _ in range(2)]
    first = link.sync(folder / "archive", recorded[0].first_seq)
    again = link.sync(folder / "archive", recorded[0].first_seq)
    assert first.blocks > 4 and again.blocks == 0 and first.damaged == again.damaged == 0
    for one in recorded:
        with link.open(one) as recording:
            assert (folder / "archive" / f"{one.session}.olr").read_bytes() == b"".join(block for _, block in recording.blocks())


def test_a_sync_that_is_cut_off_again_and_again_ends_byte_identical(link, folder):
    """The host closes the connection in the middle, five times; the recorder must take the next one each time."""
    recorded = link.record(folder, 8, codec=c.CODEC_RAW24)
    chance, cuts = random.Random(3), 5

    async def connect():
        nonlocal cuts
        recorder = await link.connect()
        if cuts:
            cuts -= 1
            cut_short(recorder, chance.randrange(3, 10))
        return recorder

    report = link.sync(folder / "archive", recorded.first_seq, connect)
    assert report.reconnects == 5 and not cuts
    with link.open(recorded) as recording:
        assert (folder / "archive" / f"{recorded.session}.olr").read_bytes() == b"".join(block for _, block in recording.blocks())


def cut_short(recorder, packets):
    """Let the connection be lost after so many packets have come."""
    transport, receive = recorder._transport, recorder._transport.receive
    left = packets

    async def until_cut():
        nonlocal left
        left -= 1
        if left < 0:
            raise LinkLostError("cut by the test")
        return await receive()

    transport.receive = until_cut


def test_the_desk_says_what_was_altered_on_the_way(link, folder):
    """The chain is the recorder's own: one bit of what it sealed, and it shows."""
    recorded = link.record(folder, 4, codec=c.CODEC_RAW24)
    with link.open(recorded) as recording:
        blocks = [block for _, block in recording.blocks()]
    broken = bytearray(blocks[1])
    broken[200] ^= 1
    broken[136:140] = zlib.crc32(broken[144:]).to_bytes(4, "little")  # whoever alters it makes the CRCs right again
    broken[140:144] = zlib.crc32(broken[:140]).to_bytes(4, "little")
    recorded.path.write_bytes(b"".join([blocks[0], bytes(broken), *blocks[2:]]))
    assert {f.block for f in verify(recorded.path, key=link.key).findings if f.kind == "chain-altered"} == {1}
    recorded.path.write_bytes(b"".join([blocks[0], *blocks[2:]]))
    assert [f.kind for f in verify(recorded.path, key=link.key).findings].count("chain-removed") == 1
