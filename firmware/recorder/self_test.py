# SPDX-License-Identifier: Apache-2.0
"""The self-test of an idle recorder: converter, card, battery, button, radio, memory. It takes a second and what the card needs.

Every part gives {"ok": True, False, or None where it was not tested, "words": what to do, ...}. Nothing that is recorded is
touched. What the converter makes of a signal is measured on the desk, from what it records (host/octolead/selftest).
"""

import gc
from array import array

from . import ads1298_map as m
from . import frame as plain
from . import self_test_card
from .capture import MASK
from .errors import IdError, RecorderError, RegisterError
from .recorder import IDLE

LISTEN_MS = 200
_TOLERANCE = 4  # frames that may be more or fewer than the clock says: a quarter of them, and so many


def _failed(words, **values):
    values.update({"ok": False, "words": words})
    return values


def _good(**values):
    values["ok"] = True
    return values


def run(recorder, signal, radio=None):
    """Return {part: result, "ok": no part failed, "took_ms"}; `signal` is what the converter is set to.

    `radio` has on_air(), or is the words of why it did not come up, or None where the board has none.
    """
    ticks = recorder.store.ticks
    began = ticks.ms()
    parts = {
        "converter": _converter(recorder, signal),
        "card": self_test_card.test(recorder.store, recorder.urandom) if recorder.state == IDLE else _not_now(),
        "battery": _battery(recorder),
        "button": _button(recorder.button),
        "radio": _radio(radio),
        "memory": _memory(),
    }
    parts["ok"] = all(part["ok"] is not False for part in parts.values())
    parts["took_ms"] = ticks.diff(ticks.ms(), began)
    return parts


def _not_now():
    return {"ok": None, "words": "not tested while it records"}


# The converter


def _converter(recorder, signal):
    """Power it, check its id and every register, set it up and let it convert for a moment."""
    if recorder.state != IDLE:
        return _not_now()
    front_end = recorder.front_end
    try:
        front_end.power_up()
        wrong = front_end.stuck_registers()
        if wrong:
            words = "does not take what is written to %s: check DIN and SCLK, or take another chip" % ", ".join(wrong)
            return _failed(words, id=m.DEVICE_ID, registers=len(wrong))
        front_end.power_up()  # as after power: nothing of the patterns stays
        front_end.configure(signal.settings)
        error = front_end.verify(signal.settings)
        if error:
            raise error
        result = _listen(recorder, signal)
        result["id"] = m.DEVICE_ID
        result["registers"] = 0
        return result
    except IdError as error:
        return _failed(str(error), id=error.got)
    except RegisterError as error:
        return _failed(str(error), id=m.DEVICE_ID, registers=1)
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
        return _failed("%d frames came, %d were due: check DRDY, SCLK and the clock" % (came, due), frames=came, frames_due=due)
    return _newest(capture, signal, came, due)


def _newest(capture, signal, came, due):
    capture.refresh()
    while capture.ready > 1:
        capture.release(min(capture.ready - 1, capture.run()))
    unpack = plain.unpack_words if capture.frame_bytes == plain.WORDS_STRIDE else plain.unpack_bytes
    result = array("i", [0, 0])
    unpack(capture.ring, capture.offset, 1, array("i", bytes(4 * plain.LEADS)), 0, signal.shift, 0, plain.ALL, result)
    if result[0] == plain.SLIPPED:
        return _failed("the last frame does not begin with 1100: check SCLK and DOUT", frames=came, frames_due=due)
    state = result[1] if result[0] == plain.CHANGED else 0
    return _good(frames=came, frames_due=due, electrodes_off=state & 0xFFFF, leads_saturated=state >> 16)


# The rest


def _battery(recorder):
    if recorder.supply:
        recorder.observe_supply(*recorder.supply())
    if not recorder.battery_mv:
        return {"ok": None, "words": "this board does not measure its battery"}
    values = {"mv": recorder.battery_mv, "percent": recorder.battery_percent}
    if recorder.battery_percent < 10:
        return _failed("nearly empty: charge it", **values)
    return _good(**values)


def _button(button):
    if button is None:
        return {"ok": None, "words": "this board has no button"}
    button.look()
    if button.pressed:
        return _failed("held down: let it go; where nobody holds it, it is stuck or its wire lies at ground", pressed=True)
    return _good(pressed=False)


def _radio(radio):
    if radio is None:
        return {"ok": None, "words": "this board has no radio"}
    if not hasattr(radio, "on_air"):
        return _failed(radio, on_air=False)
    if not radio.on_air():
        return _failed("neither advertises nor is connected: restart the recorder", on_air=False)
    return _good(on_air=True)


def _memory():
    gc.collect()
    if not hasattr(gc, "mem_free"):
        return {"ok": None, "words": "not known here"}
    return _good(free=gc.mem_free(), used=gc.mem_alloc())
