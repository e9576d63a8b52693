# SPDX-License-Identifier: Apache-2.0
"""How a virtual SD card may misbehave. A fault is a dict; writes and reads are counted by command, from 1.

{"on": "write", "nth": n, "count": 1, "block": k} at block k (from 0) of write n:
    "do": "busy", "ms": t       busy for t ms after it
    "do": "stuck"               busy for ever after it
    "do": "answer", "value": v  the data response is v (0x0B CRC error, 0x0D write error, 0x1F none)
    "do": "pull", "byte": b     pulled after so many bytes of it; with "back_ms" put back, with "other" another card
    "do": "line", "value": v    from its byte "byte" on the data line is stuck at v (0 or 255); "back_ms" ends it
    "do": "cut", "byte": b      the recorder's supply goes
{"on": "read", "nth": n, "count": 1, "block": k}:
    "do": "flip", "byte": b     one bit of the packet is wrong
    "do": "hold", "ms": t       the data begin so much later
    "do": "answer", "value": v  an error token in place of data
{"on": "command", "index": i, "nth": n, "count": 1}: "do": "silent", or "answer" with R1 "value"
{"on": "time", "at_ms": t}: "do": "pull", "line" or "cut" at the first use after t ms
"""

_FAR = 1 << 60
_FOR_EVER_US = 1 << 50


class Faults:
    """The faults of a card, counted from here on."""

    def __init__(self, card, faults):
        self._faults = [dict(fault) for fault in faults]
        self._count = {"write": 0, "read": 0}
        self._commands = {}
        self._pending = None
        self._back = None  # (time, fault) at which something ends
        self._began_ms = card.ticks.ms()
        card.faults = self

    def _match(self, on, block):
        n = self._count[on]
        for fault in self._faults:
            if fault["on"] == on and fault["nth"] <= n < fault["nth"] + fault.get("count", 1) and fault.get("block", 0) == block:
                return fault
        return None

    def begin(self, on):
        """A read or a write begins."""
        self._count[on] += 1

    def look(self, card):
        """The card is selected or let go: what is due by time?"""
        ticks = card.ticks
        if self._back and ticks.diff(ticks.ms(), self._back[0]) >= 0:
            fault = self._back[1]
            self._back = None
            card.line = -1
            if not card.present:
                card.put_back(card.serial + 1 if fault.get("other") else None)
        for fault in self._faults:
            if fault["on"] == "time" and ticks.diff(ticks.ms(), self._began_ms) >= fault["at_ms"]:
                self._faults.remove(fault)
                self._strike(card, fault)
                break

    def event(self, card):
        """The byte that a fault waits for has come."""
        card.event_at = _FAR
        fault = self._pending
        self._pending = None
        self._strike(card, fault)

    def _strike(self, card, fault):
        card.excused = True
        if fault["do"] == "cut":
            card.cut()
        if fault["do"] == "pull":
            card.pull()
        else:
            card.line = fault["value"]
        if "back_ms" in fault:
            self._back = (card.ticks.ms() + fault["back_ms"], fault)

    def command(self, card, index):
        """True when a fault has dealt with this command."""
        n = self._commands[index] = self._commands.get(index, 0) + 1
        for fault in self._faults:
            if fault["on"] == "command" and fault["index"] == index and fault["nth"] <= n < fault["nth"] + fault.get("count", 1):
                card.excused = True
                if fault["do"] == "answer":
                    card.answer_with(fault["value"])
                return True
        return False

    def block_begins(self, card, block):
        """The token of a block has come in."""
        fault = self._match("write", block)
        if fault and fault["do"] in ("pull", "line", "cut"):
            self._pending = fault
            card.event_at = card.clocked + fault.get("byte", 0)

    def block_taken(self, card, block, answer):
        """Return the data response for a block that would get `answer`."""
        fault = self._match("write", block)
        if not fault:
            return answer
        if fault["do"] == "busy":
            card.busy(fault["ms"] * 1000)
        elif fault["do"] == "stuck":
            card.excused = True
            card.busy(_FOR_EVER_US)
        elif fault["do"] == "answer":
            card.excused = fault["value"] == 0x1F
            return 0xE0 | fault["value"]
        return answer

    def block_out(self, card, block, packet):
        """Return the packet of a block that is to be sent."""
        fault = self._match("read", block)
        if not fault:
            return packet
        if fault["do"] == "hold":
            card.hold(fault["ms"] * 1000)
        elif fault["do"] == "answer":
            return b"\xff" + bytes([fault["value"]])
        elif fault["do"] == "flip":
            packet = bytearray(packet)
            packet[len(packet) - 514 + fault["byte"]] ^= 0x10
        return packet
