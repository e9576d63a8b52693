# SPDX-License-Identifier: Apache-2.0
# pyright: reportUndefinedVariable=false, reportCallIssue=false, reportAttributeAccessIssue=false
"""The PIO program that takes a frame of the ADS1298 at each DRDY: 27 bytes as nine words of 24 bits, with no CPU.

Pins: IN base = DOUT, IN base + 1 = DRDY, side-set = SCLK. SPI mode 1 (SBAS459): the converter changes DOUT on the
rising edge, the state machine samples on the falling edge, half a clock (two cycles) later.

A state machine that has just been (re)started may stand in the middle of a conversion, so it waits for DRDY to be high
before it waits for it to fall: it never takes half a frame. The converter starts each frame anew at DRDY, whatever was
clocked before; a clock too many or too few spoils one frame. The status nibble shows it if it happened before or in
the status word.

The names in the function are those of MicroPython's PIO assembler; `rp2.asm_pio` puts them there.
"""

import rp2

PIO_HZ = 15000000  # 150 MHz / 10: no fraction, no jitter
CYCLES_A_BIT = 4
CYCLES_A_FRAME = 2 + 1 + 9 * (1 + 24 * CYCLES_A_BIT + 1)
SCLK_HZ = PIO_HZ // CYCLES_A_BIT


@rp2.asm_pio(
    sideset_init=rp2.PIO.OUT_LOW,
    in_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopush=True,
    push_thresh=24,
    fifo_join=rp2.PIO.JOIN_RX,
)
def take_frames():
    wrap_target()
    wait(1, pin, 1).side(0)
    wait(0, pin, 1).side(0)
    set(y, 8).side(0)  # nine words
    label("word")
    set(x, 23).side(0)  # of 24 bits
    label("bit")
    nop().side(1)[1]  # the converter puts the next bit out
    in_(pins, 1).side(0)
    jmp(x_dec, "bit").side(0)
    jmp(y_dec, "word").side(0)
    wrap()


PUSH = 0x8000  # PUSH NOBLOCK with SCLK low, for StateMachine.exec: one more word, whatever it is
