# SPDX-License-Identifier: Apache-2.0
"""The Raspberry Pi Pico 2 W as a board: RP2350, DRDY to RAM by PIO and DMA."""
