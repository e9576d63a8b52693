# SPDX-License-Identifier: Apache-2.0
"""The driver against the virtual chip, byte by byte, under MicroPython; each case prints its name when it holds."""

from pathlib import Path

import pytest
from conftest import needs_micropython, run_micropython
from recorder import ads1298_map as m
from recorder.ads1298 import FrontEndSettings
from recorder.errors import SettingError

CASES = (
    "reset values",
    "every writable bit",
    "read-only registers",
    "ignored in continuous mode",
    "power-up and settings",
    "bad ID",
    "write that does not stick",
    "commands too close",
    "RDATA and RDATAC",
    "lead-off only with comparators",
    "slip of the nibble",
    "stop and standby",
    "gains and limits",
)


@needs_micropython
def test_driver_and_virtual_chip():
    lines = run_micropython(Path(__file__).parent / "mp_ads1298.py").splitlines()
    assert lines == ["ok " + case for case in CASES]


def test_registers_are_those_of_the_data_sheet():
    """SBAS459, register map: 26 registers 0x00 to 0x19, each once, in order."""
    assert [address for address, _, _, _ in m.REGISTERS] == list(range(0x1A))
    assert m.ADDRESS["CH8SET"] == 0x0C
    assert m.ADDRESS["WCT2"] == 0x19
    assert m.ADDRESS["CONFIG4"] == 0x17


def test_settings_become_registers():
    values = dict(FrontEndSettings(500, 6).registers())
    assert values["CONFIG1"] == 0x86
    assert values["CONFIG2"] == 0x00
    assert values["CONFIG3"] == 0xCC
    assert values["LOFF"] == 0x03
    assert values["CONFIG4"] == 0x02
    assert values["LOFF_SENSP"] == 0xFF
    assert values["LOFF_SENSN"] == 0x01
    assert values["WCT1"] == 0x08
    assert values["WCT2"] == 0xCA
    assert values["CH1SET"] == values["CH8SET"] == 0x00
    values = dict(FrontEndSettings(250, 12, "test", test_amplitude=2, test_frequency="2hz").registers())
    assert values["CONFIG1"] == 0x06
    assert values["CONFIG2"] == 0x15
    assert values["CH3SET"] == 0x65
    assert values["LOFF_SENSP"] == values["CONFIG4"] == 0
    assert dict(FrontEndSettings(1000).registers())["CONFIG1"] == 0x85
    assert dict(FrontEndSettings(lead_off_na=24, comparator_percent=70).registers())["LOFF"] == 0xEF


def test_settings_that_do_not_exist_are_refused():
    for wrong in ({"rate_hz": 360}, {"gain": 5}, {"source": "sine"}, {"lead_off_na": 7}, {"comparator_percent": 50}):
        with pytest.raises(SettingError) as error:
            FrontEndSettings(**wrong)
        assert next(iter(wrong)) in str(error.value)
