# SPDX-License-Identifier: Apache-2.0
"""The pins of the Pico 2 W, by GPIO number. The only place where they are written down; firmware/README.md draws them.

Left alone: GPIO23, 24, 25 and 29 belong to the radio (CYW43), and so does the LED on the module.
"""

# ADS1298. SCLK is driven by SPI0 between recordings, by PIO0 while recording; DRDY must be the pin behind DOUT.
AFE_SPI = 0
AFE_SCLK = 2
AFE_DIN = 3
AFE_DOUT = 4
AFE_DRDY = 5
AFE_CS = 6
AFE_START = 7
AFE_RESET = 8
AFE_PWDN = 9
AFE_SPI_HZ = 1000000

# microSD, a bus of its own
SD_SPI = 1
SD_SCK = 10
SD_MOSI = 11
SD_MISO = 12
SD_CS = 13

BUTTON = 14  # to ground, pull-up
LED = 15  # through a resistor to ground
BATTERY_ADC = 28  # ADC2, half of the cell's voltage
BATTERY_RATIO = (2, 1)  # cell voltage over pin voltage
ADC_FULL_MV = 3300
