# SPDX-License-Identifier: Apache-2.0
"""The pins of the ESP32-S3, by GPIO number. The only place where they are written down; firmware/README.md draws them.

Left alone: 0, 3, 45, 46 (strapping), 19, 20 (USB), 26 to 32 (flash), 33 to 37 (octal PSRAM of some modules).
"""

# ADS1298
AFE_SPI = 2
AFE_SCLK = 12
AFE_DIN = 11
AFE_DOUT = 13
AFE_DRDY = 14
AFE_CS = 10
AFE_START = 9
AFE_RESET = 8
AFE_PWDN = 18
AFE_SPI_HZ = 8000000
AFE_COMMAND_HZ = 1000000

# microSD on SDMMC slot 1, four data lines
SD_CLK = 39
SD_CMD = 38
SD_DATA = (40, 41, 42, 2)
SD_HZ = 20000000

BUTTON = 5  # to ground, pull-up
LED = 6  # through a resistor to ground
BATTERY_ADC = 4  # ADC1 channel 3, half of the cell's voltage
BATTERY_RATIO = (2, 1)  # cell voltage over pin voltage
ADC_FULL_MV = 3100  # at 11 dB; not linear at its upper end
