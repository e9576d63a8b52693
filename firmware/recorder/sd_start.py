# SPDX-License-Identifier: Apache-2.0
"""Bring an SD card up in SPI mode and learn what it is (SD physical layer specification, simplified, 3.01, 7.2.1).

At no more than 400 kHz: 80 clocks, CMD0 to the idle state, CMD8 with a check pattern (not known to cards before
version 2), CMD59 so that the card checks CRCs, CMD58 for the voltage, ACMD41 until it is awake, CMD58 for its kind of
addresses, CMD9 and CMD10 for what it is, CMD16 where blocks have another length. Then full speed.
"""

from .errors import SdAbsent, SdUnusable
from .sd_registers import OCR_3V3, OCR_BLOCKS, OCR_POWERED, Cid, Csd
from .sd_wire import BAD_CRC, IDLE, ILLEGAL, NO_ANSWER, raise_answer

SLOW_HZ = 400000
START_MS = 1500  # 1000 are the card's by the specification, from ACMD41 on
RESETS = 4
_PATTERN = 0xAA
_3V3 = 1


class CardInfo:
    """What a card said: by_blocks (SDHC, SDXC) or by bytes, csd, cid and the raw cid as `identity`."""

    def __init__(self, by_blocks, csd, identity):
        self.by_blocks = by_blocks
        self.csd = csd
        self.identity = identity
        self.cid = Cid(identity)


def start(wire, full_hz):
    """Initialise the card on the wire and return its CardInfo. Raises SdError."""
    wire.spi.init(baudrate=SLOW_HZ)
    wire.limit(START_MS)
    try:
        _to_idle(wire)
        second = _is_second(wire)
        _expect(wire.command(59, 0, 1), 59)
        _check_voltage(_ocr(wire))
        _leave_idle(wire, second)
        by_blocks = second and bool(_ocr(wire)[0] & OCR_BLOCKS)
        csd = Csd(_register(wire, 9))
        identity = _register(wire, 10)
        if not by_blocks:
            wire.must(wire.command(16, 0, 512), 16)
    finally:
        wire.release()
    wire.spi.init(baudrate=min(full_hz, csd.max_hz))
    return CardInfo(by_blocks, csd, identity)


def _to_idle(wire):
    """CMD0. A card that waits for the rest of a block, from before a reset of the recorder, swallows the first ones."""
    for _ in range(RESETS):
        wire.wake()
        wire.select()
        answer = wire.command(0)
        if answer == IDLE:
            return
        wire.flush()
        wire.release()
    if answer == NO_ANSWER:
        raise SdAbsent("no answer to CMD0: no card in the slot, or no contact")
    raise SdUnusable("the card answers CMD0 with 0x%02x, not 0x01: another device, or a wire is wrong" % answer)


def _expect(answer, index):
    """What R1 must be before the card is awake."""
    if answer in (0, IDLE):
        return
    if answer & ILLEGAL and not answer & BAD_CRC:
        raise SdUnusable("the card does not know CMD%d: not an SD card" % index)
    raise_answer(answer if answer == NO_ANSWER else answer & ~IDLE, index)


def _is_second(wire):
    """CMD8: True for a card of version 2 or later, False for an older one, which does not know it."""
    answer = wire.command(8, 0, _3V3 << 8 | _PATTERN)
    if answer == NO_ANSWER or answer & ILLEGAL:
        return False
    _expect(answer, 8)
    echo = [wire.get() for _ in range(4)]
    if echo[3] != _PATTERN or echo[2] & 15 != _3V3:
        raise SdUnusable("CMD8 gives back 0x%02x%02x, sent 0x01aa: no 3.3 V card, or bad wires" % (echo[2], echo[3]))
    return True


def _ocr(wire):
    _expect(wire.command(58), 58)
    return [wire.get() for _ in range(4)]


def _check_voltage(ocr):
    if ocr[1] & OCR_3V3 != OCR_3V3:
        raise SdUnusable("the card does not run at 3.3 V (OCR 0x%02x%02x%02x%02x)" % tuple(ocr))


def _leave_idle(wire, second):
    """ACMD41 until the card is awake; a host that knows SDHC says so."""
    high = 0x4000 if second else 0
    while True:
        answer = wire.application(41, high)
        if answer == 0:
            break
        _expect(answer, 41)
        wire.pause("did not leave its idle state", 5)
    if not _ocr(wire)[0] & OCR_POWERED:
        raise SdUnusable("the card says it is awake and not powered up: take another")


def _register(wire, index):
    wire.must(wire.command(index), index)
    return wire.get_register(16)
