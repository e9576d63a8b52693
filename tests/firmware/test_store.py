# SPDX-License-Identifier: Apache-2.0
"""The ring on a card that refuses places: blocks go further on, the head is found behind them, each write is synced."""

import pytest
from boards.sim.fault_card import FaultCard
from conftest import FIRMWARE
from recorder import constants as c
from recorder.block import renumber
from recorder.errors import CardError
from recorder.store import Store
from test_ring_head import DEVICE, image

assert FIRMWARE.is_dir()
SLOT_SECTORS = 8
FIRST = 100  # sector of the segment


class Ticks:
    """A clock that stands."""

    def ms(self):
        return 0

    def diff(self, a, b):
        return a - b


def store_on(card, slots):
    return Store(card, [FIRST], slots, SLOT_SECTORS * 512, b"\0" * 8, DEVICE, Ticks())


@pytest.fixture
def card(tmp_path):
    with open(tmp_path / "card.img", "wb") as file:
        file.truncate((FIRST + 4001 * SLOT_SECTORS) * 512)
    made = FaultCard(str(tmp_path / "card.img"))
    yield made
    made.close()


def refuse(card, slot, n):
    first = FIRST + (1 + slot) * SLOT_SECTORS
    card.unwritable |= set(range(first, first + n * SLOT_SECTORS))


def write(store):
    seq = store.next_seq
    return store.write_block(memoryview(image(seq, 0)), 1024, renumber)


@pytest.mark.parametrize("slots", [24, 4000])
def test_a_block_passes_over_three_bad_slots(card, slots):
    store = store_on(card, slots)
    refuse(card, 5, 3)
    assert [write(store) for _ in range(8)] == [0, 1, 2, 3, 4, 8, 9, 10]
    assert store.recover().next_seq == 10 + 4


@pytest.mark.parametrize(("bad", "lands"), [(4, 5 + 19), (19, 5 + 19), (20, 5 + 83), (300, 5 + 339)])
@pytest.mark.parametrize("after", [1, 2, 7])
def test_regression_a_longer_run_of_bad_slots_is_leaped_over_and_the_head_found_behind_it(card, bad, lands, after):
    """Found on reading: four bad slots in a row ended every session that came to them."""
    store = store_on(card, 4000)
    refuse(card, 5, bad)
    assert [write(store) for _ in range(5 + after)] == [0, 1, 2, 3, 4, *range(lands, lands + after)]
    assert store.recover().next_seq == lands + after - 1 + 4


def test_a_small_ring_is_not_leaped_through(card):
    store = store_on(card, 24)
    for _ in range(5):
        write(store)
    refuse(card, 5, 4)
    with pytest.raises(CardError) as error:
        write(store)
    assert error.value.kind == "card_write"
    assert store.next_seq == 5


def test_every_block_and_checkpoint_is_synced_before_it_counts(card):
    store = store_on(card, 100)
    write(store)
    assert store.write_checkpoint(memoryview(image(1, c.FLAG_CHECKPOINT)), 1024, 1, 0)
    assert [entry[0] < 0 for entry in card.log] == [False, True, False, True]


def test_a_sync_that_fails_is_a_write_that_failed(card):
    store = store_on(card, 100)
    card.ioctl = lambda request, _: 5 if request == 3 else 0
    with pytest.raises(CardError):
        write(store)
    assert not store.write_checkpoint(memoryview(image(0, c.FLAG_CHECKPOINT)), 1024, 0, 0)
    assert store.statistics.repeated > 0
