# SPDX-License-Identifier: Apache-2.0
"""The registers of the ADS1298 as data: names, addresses, reset values, writable bits, bit fields.

Source: TI data sheet SBAS459, section "Register Maps". Pure data, shared by the driver and by the virtual chip,
so it is checked against the data sheet once and nowhere written down twice.
"""

# Commands (SBAS459 "SPI Command Definitions").
WAKEUP = 0x02
STANDBY = 0x04
RESET = 0x06
START = 0x08
STOP = 0x0A
RDATAC = 0x10
SDATAC = 0x11
RDATA = 0x12
RREG = 0x20
WREG = 0x40

CLOCK_HZ = 2048000
DEVICE_ID = 0x92
FRAME_BYTES = 27
STATUS_NIBBLE = 0xC

# address, name, value after reset, bits that a write changes. Bits outside the mask are read-only or fixed.
REGISTERS = (
    (0x00, "ID", 0x92, 0x00),
    (0x01, "CONFIG1", 0x06, 0xE7),
    (0x02, "CONFIG2", 0x40, 0xF7),
    (0x03, "CONFIG3", 0x40, 0xFE),
    (0x04, "LOFF", 0x00, 0xFF),
    (0x05, "CH1SET", 0x00, 0xF7),
    (0x06, "CH2SET", 0x00, 0xF7),
    (0x07, "CH3SET", 0x00, 0xF7),
    (0x08, "CH4SET", 0x00, 0xF7),
    (0x09, "CH5SET", 0x00, 0xF7),
    (0x0A, "CH6SET", 0x00, 0xF7),
    (0x0B, "CH7SET", 0x00, 0xF7),
    (0x0C, "CH8SET", 0x00, 0xF7),
    (0x0D, "RLD_SENSP", 0x00, 0xFF),
    (0x0E, "RLD_SENSN", 0x00, 0xFF),
    (0x0F, "LOFF_SENSP", 0x00, 0xFF),
    (0x10, "LOFF_SENSN", 0x00, 0xFF),
    (0x11, "LOFF_FLIP", 0x00, 0xFF),
    (0x12, "LOFF_STATP", 0x00, 0x00),
    (0x13, "LOFF_STATN", 0x00, 0x00),
    (0x14, "GPIO", 0x0F, 0xFF),
    (0x15, "PACE", 0x00, 0x1F),
    (0x16, "RESP", 0x00, 0xFF),
    (0x17, "CONFIG4", 0x00, 0xEE),
    (0x18, "WCT1", 0x00, 0xFF),
    (0x19, "WCT2", 0x00, 0xFF),
)
N_REGISTERS = len(REGISTERS)
ADDRESS = {name: address for address, name, _, _ in REGISTERS}

# What may hold any pattern for a moment while nothing converts: no clock, reference, pin or current source hangs on them.
HARMLESS = ("RLD_SENSP", "RLD_SENSN", "LOFF_SENSP", "LOFF_SENSN", "LOFF_FLIP", "WCT1", "WCT2") + tuple("CH%dSET" % n for n in range(1, 9))

# CONFIG1
HIGH_RESOLUTION = 0x80
# Data rate bits: high resolution runs the modulator at f_CLK/4, low power at f_CLK/8. 500 and 1000 samples/s take
# high resolution (less noise); 250 exists in low-power mode only.
RATE_BITS = {250: 0x06, 500: HIGH_RESOLUTION | 0x06, 1000: HIGH_RESOLUTION | 0x05}

# CONFIG2. Bits 7:6 read 01 after reset and are to be written zero.
TEST_INTERNAL = 0x10
TEST_AMPLITUDE_2 = 0x04
TEST_FREQUENCY = {"1hz": 0x00, "2hz": 0x01, "dc": 0x03}  # f_CLK/2^21, f_CLK/2^20, level

# CONFIG3
REFERENCE_ON = 0x80
CONFIG3_FIXED = 0x40
RLD_REFERENCE_INTERNAL = 0x08
RLD_ON = 0x04
RLD_STATUS = 0x01

# LOFF
COMPARATOR_PERCENT = {95: 0x00, 92: 0x20, 90: 0x40, 87: 0x60, 85: 0x80, 80: 0xA0, 75: 0xC0, 70: 0xE0}
LEAD_OFF_NA = {6: 0x00, 12: 0x04, 18: 0x08, 24: 0x0C}
LEAD_OFF_DC = 0x03

# CHnSET
CHANNEL_OFF = 0x80
GAIN_BITS = {6: 0x00, 1: 0x10, 2: 0x20, 3: 0x30, 4: 0x40, 8: 0x50, 12: 0x60}
GAIN_MASK = 0x70
MUX_MASK = 0x07
MUX_NORMAL = 0x00
MUX_SHORTED = 0x01
MUX_TEST = 0x05

# CONFIG4
COMPARATORS_ON = 0x02

# WCT1, WCT2: an amplifier's input, by channel pin.
WCT_A_ON = 0x08
WCT_B_ON = 0x40
WCT_C_ON = 0x80
WCT_CH1P = 0
WCT_CH1N = 1
WCT_CH2P = 2
