# SPDX-License-Identifier: Apache-2.0
"""Stands in for MicroPython's bluetooth where a board's own files run: it is switched on, told services, and advertises.

What a radio does over the air is tested over the virtual radio (boards/sim/virtual_radio.py).
"""


def UUID(value):  # noqa: N802 (its name there)
    return value


class BLE:
    seen = {"services": 0, "advertised": 0}  # noqa: RUF012 (a chip has one radio)
    broken = False

    def active(self, on):
        if BLE.broken:
            raise OSError(110)

    def config(self, **settings):
        pass

    def irq(self, handler):
        self.handler = handler

    def gatts_register_services(self, services):
        BLE.seen["services"] = len(services)
        handle = 0
        found = []
        for _, characteristics in services:
            handles = []
            for _ in characteristics:
                handle += 3
                handles.append(handle)
            found.append(tuple(handles))
        return tuple(found)

    def gatts_set_buffer(self, handle, size, append=False):
        pass

    def gatts_write(self, handle, value, update=False):
        pass

    def gap_advertise(self, interval_us, adv_data=None, resp_data=None):
        BLE.seen["advertised"] += 1
