# SPDX-License-Identifier: Apache-2.0
"""What recordings of the converter's own sources show: its test signal, its inputs shorted; and what hands make it show."""

from __future__ import annotations

import asyncio
import struct

import numpy as np

from .. import _constants as c
from ..errors import MeasureError
from ..link import Recorder
from ..measure import fit_square, measure_noise
from ..native import filters
from ..recording import Recording
from .bench import Desk
from .hands import ALL_ELECTRODES, Declined
from .session import drift, read_clock, record, whole_uv

RATE_HZ = 500
TEST_S = 6.6  # nine edges of 0.98 Hz and more
NOISE_S = 12.5  # ten seconds, and the filters' beginning
CLOCK_LOOKS = 12
SETTLE_S = 1.0
PRESS_S = 15.0
_LOW_PASS_HZ = 150
_CONVERTER = "the converter failed: nothing to measure"
_ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")


def _note_gaps(desk: Desk, name: str, recording: Recording) -> None:
    desk.slips[name] = float(sum(gap.stop_frame - gap.start_frame for gap in recording.gaps))


def _has_converter(desk: Desk) -> bool:
    return desk.box.get("converter", {}).get("ok") is not False


async def test_signal(desk: Desk) -> None:
    """The converter's own square wave in all leads."""
    if not _has_converter(desk):
        desk.leave(_CONVERTER, "test_amplitude", "test_period")
        return
    desk.say("the converter's test signal")
    with await record(
        desk.recorder, desk.folder, TEST_S, speed=desk.speed, key=desk.key, shift=2, source=c.SIGNAL_SOURCE_TEST_SIGNAL
    ) as recording:
        _note_gaps(desk, "test signal", recording)
        signal, leads = whole_uv(recording), recording.stored_leads
    try:
        found = fit_square(signal, RATE_HZ)
    except MeasureError as error:
        desk.fail(str(error), "test_amplitude", "test_period")
        return
    desk.judge("test_amplitude", dict(zip(leads, found.amplitude.values.tolist(), strict=True)))
    desk.judge("test_period", 1000 * found.period.value)


async def shorted(desk: Desk) -> None:
    """Noise and offset; the clock beside it."""
    if not _has_converter(desk):
        desk.leave(_CONVERTER, "noise", "offset", "clock")
        return
    desk.say("noise with shorted inputs, and the clock")

    async def watch() -> None:
        for _ in range(CLOCK_LOOKS):
            await asyncio.sleep(NOISE_S / CLOCK_LOOKS / desk.speed / 2)
            desk.clock.append(await read_clock(desk.recorder))
            await asyncio.sleep(NOISE_S / CLOCK_LOOKS / desk.speed / 2)

    with await record(
        desk.recorder, desk.folder, NOISE_S, speed=desk.speed, key=desk.key, during=watch, shift=0, source=c.SIGNAL_SOURCE_SHORTED
    ) as recording:
        _note_gaps(desk, "shorted", recording)
        signal, leads = whole_uv(recording), recording.stored_leads
    _judge_noise(desk, signal, leads)
    found_ppm, width_ppm = drift(desk.clock, RATE_HZ, desk.speed)
    desk.judge("clock", found_ppm, uncertainty=width_ppm)


def _judge_noise(desk: Desk, signal: np.ndarray, leads: tuple[str, ...]) -> None:
    n = round(10 * RATE_HZ)
    try:
        offset = measure_noise(signal[-n:], RATE_HZ).offset.values
        level = np.float32(np.nan_to_num(signal[0]))
        heard = filters.low_pass(filters.monitor_baseline((signal - level).astype(np.float32), RATE_HZ), RATE_HZ, _LOW_PASS_HZ)
        noise = measure_noise(heard[-n:], RATE_HZ).worst_uv
    except MeasureError as error:
        desk.fail(str(error), "noise", "offset")
        return
    desk.judge("noise", dict(zip(leads, noise.tolist(), strict=True)))
    desk.judge("offset", dict(zip(leads, offset.tolist(), strict=True)))


async def by_hand(desk: Desk) -> None:
    """Electrodes joined and lifted, the button pressed, amid one recording."""
    keys = ("electrodes_closed", "electrodes_open", "button")
    if not _has_converter(desk):
        desk.leave(_CONVERTER, *keys)
        return
    desk.say("electrodes and button")
    reasons: dict[str, str] = {}
    with await record(desk.recorder, desk.folder, 1.0, speed=desk.speed, key=desk.key, during=lambda: _hands(desk, reasons)) as recording:
        _note_gaps(desk, "electrodes", recording)
        presses = sum(mark.origin == "patient" for mark in recording.marks)
    if "button" in reasons:
        desk.leave(reasons["button"], "button")
    else:
        desk.judge("button", presses, "" if presses else f"no press came within {PRESS_S:g} s: button, wire or pull-up")


async def _hands(desk: Desk, reasons: dict[str, str]) -> None:
    for key, move, wanted in (("electrodes_closed", desk.hands.join, 0), ("electrodes_open", desk.hands.lift, ALL_ELECTRODES)):
        try:
            await move()
        except Declined as declined:
            desk.leave(str(declined), key)
            continue
        off = await _electrodes_off(desk, wanted)
        wrong = [name for k, name in enumerate(_ELECTRODES) if (off ^ wanted) >> k & 1]
        desk.judge(key, len(wrong), f"{', '.join(wrong)}: clip, cable, or comparator" if wrong else "")
    try:
        await desk.hands.join()
        await desk.hands.press()
        await _wait_for_press(desk.recorder, PRESS_S)
    except Declined as declined:
        reasons["button"] = str(declined)


async def _electrodes_off(desk: Desk, wanted: int) -> int:
    """As they are told once they are as wanted, or after SETTLE_S; the app polls every 100 ms."""
    until = asyncio.get_running_loop().time() + max(SETTLE_S / desk.speed, 1.0)
    while True:
        off = int((await desk.recorder.status()).fields["electrodes_off"]) & ALL_ELECTRODES
        if off == wanted or asyncio.get_running_loop().time() > until:
            return off
        await asyncio.sleep(0.05)


async def _wait_for_press(recorder: Recorder, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while (left := until - asyncio.get_running_loop().time()) > 0:
        notice = await recorder.wait_for_notice(left)
        if notice is not None and notice.kind == c.NOTICE_MARK and struct.unpack_from("B", notice.data)[0] == c.MARK_ORIGIN_PATIENT:
            return
