# SPDX-License-Identifier: Apache-2.0
"""One recording: frames from the capture through the unpacker and the encoder into blocks, with events beside them.

`pump` takes what the capture has, and returns when it is empty or when a sealed block waits while the next one is
full too. `flush` writes the sealed block, `checkpoint` the image of the open one. Nothing here sleeps or waits, and
nothing is allocated per frame. Frames of the session are counted by the blocks: first_frame + n_frames.
"""

from array import array

from . import constants as c
from . import events
from . import frame as plain
from .block import BlockBuilder, events_of, new_conditions
from .capture import MASK
from .clock import Anchors
from .errors import CardError
from .faults import Faults
from .load import HEART_RATE, Load

try:
    from . import frame_fast as fast
except ImportError:
    fast = plain

BATCH = 128  # frames unpacked in one go
CHECKPOINT_AFTER_MS = 1900  # leaves room for a poll and a slow write within constants.CHECKPOINT_MS
SLIPS_TO_RESYNC = 8
MARKS_KEPT = 16  # the newest ones, for `status`; all of them are in the record
MOST_LOST = 0x7FFFFFFF  # what an array of conditions holds: 49 days at 500 samples/s
HELD_BYTES = 40  # of a block, while the one before is not on the card: for a GAP and some marks
CARD_AWAY_MS = 6000  # sealed blocks wait so long for a card that was pulled, while the ring of frames has room
FLAPS = 16  # changes of state within a second from which on a bit that toggles is held set for a second
LEAD_IDS = (c.LEAD_I, c.LEAD_II, c.LEAD_V1, c.LEAD_V2, c.LEAD_V3, c.LEAD_V4, c.LEAD_V5, c.LEAD_V6)


class Session:
    """A running recording. `signal` has rate_hz, gain, shift, source_id; `encoder_class` follows codec_raw; `seal`: a BlockSeal."""

    def __init__(self, capture, store, encoder_class, signal, device_id, session_id, seal=None):
        self.capture = capture
        self.store = store
        self.session_id = session_id
        self.rate_hz = signal.rate_hz
        self.shift = signal.shift
        self.source = signal.source_id
        encoder = encoder_class(len(LEAD_IDS), LEAD_IDS, signal.rate_hz * 1000)
        rate_mhz = signal.rate_hz * 1000
        self.builder = BlockBuilder(
            store.slot_bytes, encoder, LEAD_IDS, rate_mhz, signal.gain, signal.shift, device_id, session_id, store.ring_tag
        )
        self.builder.seal = seal
        self.anchors = Anchors()
        self.conditions = new_conditions()
        self.state = 0
        self.marks = []  # the newest MARKS_KEPT: (frame, origin, text)
        self.n_marks = 0
        self.lost = 0
        self.blocks = 0
        self.waiting = 0  # bytes of the sealed block that waits to be written
        self._waiting_frames = 0
        self._checkpointed = 0  # frames of the open block that are on the card
        self._imaged = 0  # frames of the newest checkpoint of the open block, written or not
        self._turn = 0
        self.card_failures = 0  # blocks in a row that the card did not take
        self._card_lost = 0  # frames in them
        self._away_since = None  # when the card was found to be gone
        self._checkpoint_frames = signal.rate_hz * CHECKPOINT_AFTER_MS // 1000
        self._unpack = fast.unpack_words if capture.frame_bytes == plain.WORDS_STRIDE else fast.unpack_bytes
        self._work = array("i", bytes(BATCH * plain.LEADS * 4))
        self._work_at = 0
        self._work_end = 0
        self._result = array("i", [0, 0])
        self.load = Load(capture.capacity)
        self.faults = Faults()
        self._stale = False  # a write came between the last look into the ring and now
        self._latch_drops = capture.latch_drops
        self._slips = 0
        self._slips_total = 0
        self._mask = plain.ALL
        self._window = 0  # frames until changes are counted anew
        self._changes = 0
        self._pending = []  # (counter, function, arguments), by counter
        self._repeated_before = self._repeated = store.statistics.repeated
        self.skipped_checkpoints = 0
        self.live = None  # a LiveBuffer that is shown every frame unpacked
        self.watch = None  # a RateWatch of the converter
        self.heart = None  # a HeartRate that is shown them too, while there is time
        self.on_write = None  # called when the card has taken a block

    # Beginning and end

    def begin(self, reason, notes, anchor=None, first_frame=0):
        """Open block 0: START, NOTEs and, if time is known, an ANCHOR; `anchor` is (utc_us, uncertainty_ms).

        `first_frame` is for tests: the counter begins there, behind a gap that was asked for.
        """
        self.builder.begin(0, first_frame, self.source, self.state)
        if first_frame:
            self._event(events.gap(c.GAP_CAUSE_PAUSE, first_frame))
        self._event(events.start(reason))
        for key, value in notes:
            self._event(events.note(key, value))
        if anchor is not None:
            self._anchor(*anchor)

    def finish(self, reason):
        """Take what is left, seal with STOP and LAST, and write it."""
        self._drain_all()
        while self._pending:
            self._do_pending()
        while self.capture.latched() >= 0:
            self._button()
        if self.builder.settled_bytes() != self.builder.event_bytes:
            self._seal(0)  # marks after the last frame stand in a block of no frames
        if not self.builder.add_event(*events.stop(reason)):
            self._seal(0)
            self.builder.add_event(*events.stop(reason))
        self._seal(c.FLAG_LAST)
        self.flush()
        try:
            self.store.sync()
        except OSError:
            pass  # the card is gone; of every block it was told whether it is there

    def _drain_all(self):
        self.pump()
        while self.waiting:
            self.flush()
            self.pump()

    # What happens beside the samples

    def at(self, counter, function, *arguments):
        """Let `function(*arguments)` act at the frame with this counter of the capture (modulo 2^28)."""
        i = len(self._pending)
        while i and self._distance(self._pending[i - 1][0]) > self._distance(counter):
            i -= 1
        self._pending.insert(i, (counter, function, arguments))

    def mark(self, text, origin=c.MARK_ORIGIN_REMOTE):
        """Mark the next frame to come; return its number, as frame_due() does."""
        return self._at_next(self._mark, origin, text)

    def set_time(self, utc_us, uncertainty_ms):
        """Time of day now, at the next frame to come; return its number."""
        return self._at_next(self._anchor, utc_us, uncertainty_ms)

    def _at_next(self, function, *arguments):
        counter = self.capture.now()
        frame = self._frame_of(counter)
        self.at(counter, function, *arguments)
        return frame

    def set_source(self, source_id):
        """The signal comes from elsewhere from the next frame to come on."""
        self.at(self.capture.now(), self._source, source_id)

    def frame(self):
        """Return the session's frame number of the next frame to be stored."""
        return self.builder.first_frame + self.builder.n_frames

    def frame_due(self):
        """Return the number that the next frame to come will have, if none is lost until it is stored."""
        return self._frame_of(self.capture.now())

    def _frame_of(self, counter):
        return self.frame() + self._work_end - self._work_at + self._distance(counter)

    def _mark(self, origin, text):
        self._event(events.mark(origin, text))
        self.n_marks += 1
        if len(self.marks) == MARKS_KEPT:
            self.marks.pop(0)
        self.marks.append((self.frame(), origin, text))

    def _anchor(self, utc_us, uncertainty_ms):
        self._event(events.anchor(utc_us, uncertainty_ms))
        self.anchors.observe(self.frame(), utc_us, uncertainty_ms)

    def _source(self, source_id):
        self.source = source_id
        if not self.builder.n_frames:
            self.builder.set_source(source_id)
        self._event(events.source(source_id))

    def _button(self):
        pressed = self.capture.latched() & 1
        self.capture.take_latch()
        if pressed:
            self.conditions[5] |= c.INPUT_BUTTON
            self._mark(c.MARK_ORIGIN_PATIENT, "")
        else:
            self.conditions[5] &= ~c.INPUT_BUTTON
        if not self.builder.n_frames:
            self.builder.set_inputs(self.conditions[5])
        self._event(events.button(pressed))

    def _distance(self, counter):
        """Frames from the next unread one to `counter`; 0 when that is past."""
        distance = (counter - self.capture.tail) & MASK
        return 0 if distance > MASK >> 1 else distance

    def _do_pending(self):
        _, function, arguments = self._pending.pop(0)
        function(*arguments)

    def fault(self, kind, count):
        """Tell a fault that somebody else has seen, at the next frame to be stored."""
        self._fault(kind, count)

    def rate_faults(self):
        """Return how often the converter's rate was not the one that was set."""
        return self.watch.wrong if self.watch else 0

    def _fault(self, kind, count):
        """`kind` has come `count` times since the session's start."""
        self.faults.note(kind, count, self.frame())
        self._event(events.fault(kind, count))

    def _event(self, event):
        if not self.builder.add_event(*event):
            self._seal(0)
            self.builder.add_event(*event)

    # The samples

    def pump(self):
        """Take what the capture has."""
        if not self._drain():
            return
        capture = self.capture
        self._look(capture)
        while capture.ready:
            if self._stale:
                self._look(capture)  # while a block was written the ring went on, and may have run over
            n = self._piece(capture)
            if n:
                self._take(capture, n)
                if not self._drain():
                    return
        if self._pending or capture.latched() >= 0:
            self._piece(capture)  # things due at the frame to come wait no longer than the last frame

    def _look(self, capture):
        """See what is in the ring; what was overwritten is a gap just before it."""
        self._stale = False
        lost = capture.refresh()
        self.load.look(capture.ready)
        if self.watch and self.watch.look(capture.now()):
            self.at(capture.now(), self._fault, c.FAULT_REGISTER, self.watch.wrong)
        if lost:
            self._close_slip()
            self._gap(c.GAP_CAUSE_OVERFLOW, lost)
            self._fault(c.FAULT_OVERFLOW, capture.overflows)
        if capture.latch_drops != self._latch_drops:
            self._latch_drops = capture.latch_drops
            self._fault(c.FAULT_BUTTON, capture.latch_drops)

    def _piece(self, capture):
        """Return how many frames to unpack before something is due; do what is due now and return 0."""
        n = capture.run()
        if n > BATCH:
            n = BATCH
        latched = capture.latched()
        if latched >= 0:
            distance = self._distance(latched >> 1)
            if not distance:
                self._button()
                return 0
            if distance < n:
                n = distance
        if self._pending:
            distance = self._distance(self._pending[0][0])
            if not distance:
                self._do_pending()
                return 0
            if distance < n:
                n = distance
        return n

    def _take(self, capture, n):
        """Unpack up to n frames into the work buffer, up to the first change."""
        result = self._result
        count = self._unpack(capture.ring, capture.offset, n, self._work, 0, self.shift, self.state, self._mask, result)
        reason = result[0]
        if reason == plain.SLIPPED and not count:
            self._slips += 1
            capture.release(1)
            if self._slips == SLIPS_TO_RESYNC:
                capture.resync()
            return
        if self._slips:
            self._close_slip()
        if not count:  # the state differs at the very first frame
            self._change(result[1])
            return
        capture.release(count)
        self._work_at = 0
        self._work_end = count
        if self.live:
            self.live.take(self._work, count, self.frame())
        if self.heart:
            if self.load.gives_way(HEART_RATE):
                self.heart.skip()
            else:
                self.heart.take(self._work, count, self.state)
        if self._window:
            self._window -= count
            if self._window <= 0:
                self._window = self._changes = 0
                self._mask = plain.ALL

    def _drain(self):
        """Encode the work buffer; False when that has to wait for a slot buffer."""
        while self._work_at < self._work_end:
            taken = self.builder.encode(self._work, self._work_at, self._work_end - self._work_at)
            self._work_at += taken
            if self._work_at < self._work_end:
                if self.waiting:
                    return False
                self._seal(0)
        return True

    def _change(self, state):
        """Lead-off or saturation is `state` from the next frame on."""
        changed = state ^ self.state
        if not self._window:
            self._window = self.rate_hz
        self._changes += 1
        if self._changes > FLAPS:
            self._mask &= ~changed
            state |= changed
            changed = state ^ self.state
        self.state = state
        if not self.builder.n_frames:
            self.builder.set_state(state)
        if changed & 0xFFFF:
            self._event(events.lead_off(state & 0xFFFF))
        if changed >> 16:
            self._event(events.saturated(state >> 16))

    def _close_slip(self):
        if self._slips:
            lost = self._slips
            self._slips = 0
            self._slips_total += lost
            self._gap(c.GAP_CAUSE_SLIP, lost)
            self._fault(c.FAULT_SLIP, self._slips_total)

    def _gap(self, cause, n):
        """`n` frames before the next one are missing."""
        builder = self.builder
        self._count_lost(n)
        if self.heart:
            self.heart.skip()
        if builder.n_frames:
            self._seal(0, n)
        else:
            builder.move(builder.first_frame + n)
        self._event(events.gap(cause, n))

    def _count_lost(self, n):
        self.lost += n
        self.conditions[4] = self.lost if self.lost < MOST_LOST else MOST_LOST

    # Blocks

    def _seal(self, flags, missing=0):
        """Complete the open block and open the next one, `missing` frames later."""
        if self.waiting:
            self.flush()
        builder = self.builder
        statistics = self.store.statistics
        self.conditions[2] = min(statistics.last_ms, 0xFFFF)
        self.conditions[3] = min(statistics.max_ms, 0xFFFF)
        self.waiting = builder.finish(self.store.next_seq, flags, self.anchors.latest, self.conditions)
        self._waiting_frames = builder.n_frames
        self._checkpointed = self._imaged = 0
        if flags & c.FLAG_LAST:
            builder.swap()
            return
        builder.begin(builder.block_number + 1, self.frame() + missing, self.source, self.state, self.conditions[5])
        builder.hold(HELD_BYTES)  # until it is known whether the card takes the block before

    def flush(self):
        """Write the sealed block, if one waits. One that the card does not take becomes a gap."""
        if not self.waiting:
            return
        n = self.waiting
        view = self.builder.other_view()
        self.waiting = 0
        self._stale = True
        try:
            self.store.write_block(view, n, self.builder.renumber)
            self.builder.written(view)
            self.blocks += 1
            self.builder.hold(0)
            self.card_failures = 0
            if self._card_lost:
                self._card_lost = 0
                self._repeated = -1  # the FAULT event may have been in a block that was lost: tell it again
            self._away_since = None
            if self.on_write:
                self.on_write()
        except CardError as error:
            if error.kind == "card_gone" and self._may_wait():
                self.waiting = n
                return
            self.builder.hold(0)
            self.card_failures += 1
            self._give_up(view, n)
        repeated = self.store.statistics.repeated
        if repeated != self._repeated:
            self._repeated = repeated
            self.at(self.capture.tail, self._fault, c.FAULT_CARD_WRITE, repeated - self._repeated_before)

    def _give_up(self, view, block_bytes):
        """The card took none of it: its frames are a gap. Gaps told in it, marks and notes go on to the open block."""
        self._count_lost(self._waiting_frames)
        self._card_lost += self._waiting_frames  # with those of the blocks just before it, as one gap
        add = self.builder.add_first_event
        add(*events.gap(c.GAP_CAUSE_CARD, self._card_lost))
        self.builder.reopen(view, block_bytes)
        kept = events_of(view, block_bytes)
        kept.reverse()
        for kind in (c.EVENT_GAP, c.EVENT_NOTE, c.EVENT_MARK):
            for event in kept:
                if event[0] == kind and (kind != c.EVENT_GAP or event[1][0] != c.GAP_CAUSE_CARD):
                    add(*event)

    def _may_wait(self):
        """True while a block may wait for a card that is out of its slot: CARD_AWAY_MS from then on, and 3/4 of the ring."""
        ticks = self.store.ticks
        now_ms = ticks.ms()
        if self._away_since is None:
            self._away_since = now_ms
            self.store.statistics.repeated += 1
        capture = self.capture
        has_room = (capture.now() - capture.tail & MASK) * 4 <= capture.capacity * 3
        return has_room and ticks.diff(now_ms, self._away_since) <= CARD_AWAY_MS

    def checkpoint_due(self):
        """True when the open block has frames that are not on the card for long enough."""
        return self.builder.n_frames - self._checkpointed >= self._checkpoint_frames and not self.waiting

    def checkpoint(self):
        """Write the image of the open block; it goes on. Two images never have the same frames: see BlockSeal."""
        if self.waiting or self.builder.n_frames <= self._imaged:
            return
        self._imaged = self.builder.n_frames
        seq = self.store.next_seq
        n = self.builder.finish(seq, c.FLAG_CHECKPOINT, self.anchors.latest, self.conditions)
        if self.store.write_checkpoint(self.builder.image, n, seq, self._turn):
            self._turn ^= 1
            self._checkpointed = self.builder.n_frames

    def skip_checkpoint(self):
        """Leave the checkpoint out to save the record: the ring of frames is filling up."""
        self.skipped_checkpoints += 1
        self._checkpointed = self.builder.n_frames
        self.at(self.capture.tail, self._fault, c.FAULT_CHECKPOINT_SKIPPED, self.skipped_checkpoints)
