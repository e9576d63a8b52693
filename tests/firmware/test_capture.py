# SPDX-License-Identifier: Apache-2.0
"""The ring of frames under CPython: what is read is what was put in, what was overwritten is counted where it was."""

from hypothesis import given
from hypothesis import strategies as st
from recorder.capture import LATCHES, MASK, Capture


class Source(Capture):
    """Puts its counter into the first bytes of each frame; `start_at` lets the counters wrap."""

    def __init__(self, n_frames, guard, start_at):
        self.produced = 0
        self.start_at = start_at
        super().__init__(n_frames, 27, guard=guard)

    def reset(self):
        super().reset()
        self.tail = self.start_at & MASK

    def _head(self):
        return (self.start_at + self.produced) & MASK

    def put(self, n):
        for _ in range(n):
            at = self.produced % self.n_frames * 27
            self.ring[at : at + 8] = self.produced.to_bytes(8, "little")
            self.produced += 1


@given(
    st.integers(4, 20),
    st.integers(0, 3),
    st.sampled_from([0, MASK - 5, MASK]),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=30),
)
def test_frames_come_out_in_order_and_missing_ones_are_counted(n_frames, guard, start_at, steps):
    capture = Source(n_frames, guard, start_at)
    expected = 0
    for put, take in steps:
        capture.put(put)
        lost = capture.refresh()
        unread = capture.produced - expected
        assert lost == max(0, unread - (n_frames - guard))
        expected += lost
        while take and capture.ready:
            n = min(take, capture.run())
            for i in range(n):
                at = capture.offset + 27 * i
                assert int.from_bytes(capture.ring[at : at + 8], "little") == expected
                expected += 1
            capture.release(n)
            take -= n
    capture.refresh()
    assert capture.tail == (start_at + capture.produced - capture.ready) & MASK


def test_the_button_is_latched_with_the_frame_to_come():
    capture = Source(16, 0, MASK)
    capture.put(1)
    capture.latch(True)
    capture.put(5)
    capture.latch(False)
    assert capture.latched() == 0 << 1 | 1
    capture.take_latch()
    assert capture.latched() == 5 << 1
    capture.take_latch()
    assert capture.latched() == -1
    for _ in range(LATCHES + 3):
        capture.latch(True)
    assert capture.latch_drops == 4
