# SPDX-License-Identifier: Apache-2.0
"""The self-test of an idle recorder: converter, electrodes, card, battery, memory. It takes a second and what the card needs.

Every part gives {"ok": True, False, or None where it was not tested, "words": what to do, ...}. Nothing that is recorded is
touched: the card is tested at the slot that is given out next, where no block is told any more (docs/SPEC.md 2).
"""

import gc
from array import array

from . import frame as plain
from .capture import MASK
from .errors import RecorderError
from .recorder import IDLE

LISTEN_MS = 200
CARD_WRITES = 4
_MANY_MS = 500  # a write longer than what a card may be busy
_TOLERANCE = 4  # frames that may be more or fewer than the clock says: a quarter of them, and so many


def _failed(words, **values):
    values.update({"ok": False, "words": words})
    return values


def _good(**values):
    values["ok"] = True
    return values


def run(recorder, signal):
    """Return {part: result, "ok": no part failed, "took_ms"}; `signal` is what the converter is set to."""
    ticks = recorder.store.ticks
    began = ticks.ms()
    parts = {
        "converter": _converter(recorder, signal),
        "card": _card(recorder.store) if recorder.state == IDLE else _not_now(),
        "battery": _battery(recorder),
        "memory": _memory(),
    }
    parts["ok"] = all(part["ok"] is not False for part in parts.values())
    parts["took_ms"] = ticks.diff(ticks.ms(), began)
    return parts


def _not_now():
    return {"ok": None, "words": "not tested while it records"}


# The converter


def _converter(recorder, signal):
    """Power it, check its id and every register, and let it convert for a moment."""
    if recorder.state != IDLE:
        return _not_now()
    front_end = recorder.front_end
    try:
        front_end.power_up()
        front_end.configure(signal.settings)
        error = front_end.verify(signal.settings)
        if error:
            raise error
        return _listen(recorder, signal)
    except (RecorderError, OSError) as error:
        return _failed(str(error))
    finally:
        front_end.power_down()


def _listen(recorder, signal):
    """Count frames for LISTEN_MS and look at the newest."""
    capture = recorder.capture
    ticks = recorder.store.ticks
    capture.reset()
    recorder.front_end.start()
    capture.start()
    began = ticks.ms()
    try:
        recorder.front_end.sleep_ms(LISTEN_MS)
    finally:
        capture.stop()
        recorder.front_end.stop()
    due = ticks.diff(ticks.ms(), began) * signal.rate_hz // 1000
    came = capture.now() & MASK
    if abs(came - due) > due // 4 + _TOLERANCE:
        return _failed("%d frames came, %d were due: check DRDY, SCLK and the clock" % (came, due), frames=came)
    return _newest(capture, signal, came)


def _newest(capture, signal, came):
    capture.refresh()
    while capture.ready > 1:
        capture.release(min(capture.ready - 1, capture.run()))
    unpack = plain.unpack_words if capture.frame_bytes == plain.WORDS_STRIDE else plain.unpack_bytes
    result = array("i", [0, 0])
    unpack(capture.ring, capture.offset, 1, array("i", bytes(4 * plain.LEADS)), 0, signal.shift, 0, plain.ALL, result)
    if result[0] == plain.SLIPPED:
        return _failed("the last frame does not begin with 1100: check SCLK and DOUT", frames=came)
    state = result[1] if result[0] == plain.CHANGED else 0
    return _good(frames=came, electrodes_off=state & 0xFFFF, leads_saturated=state >> 16)


# The rest


def _card(store):
    """Write and read a slot a few times."""
    if not store.n_slots:
        return _failed("no card: put one in")
    ticks = store.ticks
    written = bytearray(store.slot_bytes)
    read = bytearray(store.slot_bytes)
    times_ms = []
    sector = store.sector_of(store.next_seq)
    for turn in range(CARD_WRITES):
        for i in range(0, len(written), 4):
            written[i] = (i >> 2) + turn & 0xFF
        try:
            began = ticks.ms()
            store.device.writeblocks(sector, written)
            store.sync()
            times_ms.append(ticks.diff(ticks.ms(), began))
            store.device.readblocks(sector, read)
        except OSError as error:
            return _failed("the card failed (%r): take another" % error, write_ms=times_ms)
        if read != written:
            return _failed("the card gives back something else than was written: take another", write_ms=times_ms)
    if max(times_ms) > _MANY_MS:
        return _failed("a write took %d ms, %d are allowed: take another card" % (max(times_ms), _MANY_MS), write_ms=times_ms)
    return _good(write_ms=times_ms, slots=store.n_slots, slot_bytes=store.slot_bytes)


def _battery(recorder):
    if not recorder.battery_mv:
        return {"ok": None, "words": "this board does not measure its battery"}
    values = {"mv": recorder.battery_mv, "percent": recorder.battery_percent}
    if recorder.battery_percent < 10:
        return _failed("nearly empty: charge it", **values)
    return _good(**values)


def _memory():
    gc.collect()
    if not hasattr(gc, "mem_free"):
        return {"ok": None, "words": "not known here"}
    return _good(free=gc.mem_free(), used=gc.mem_alloc())
