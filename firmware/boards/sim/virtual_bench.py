# SPDX-License-Identifier: Apache-2.0
"""The simulator on a cable and on the air: the firmware's own link over a TCP connection to the host, which stands for the USB cable.

The host listens on 127.0.0.1:`link_port`; each connection it accepts is the cable plugged in, each one it closes the cable
pulled. When the host listens no more, the run is over. With `radio_port` the recorder has a radio too (virtual_radio.py).
"""

import asyncio
import os
import socket

from recorder import constants as c
from recorder.kept import Kept
from recorder.link import Link
from recorder.link_session import LockOut, NoCounter
from recorder.radio import Radio
from recorder.recorder import RECORDING, Signal, start_reason
from recorder.serve import Control, Server
from recorder.settings import Settings
from recorder.wire import Wire

from .virtual_clock import RealTicks
from .virtual_hand import Hand, VirtualButton
from .virtual_radio import UUID, VirtualBle

_PATIENCE = 50  # tries in a row to connect
_LOOK_MS = 20


class TcpStream:
    """A serial port that is a TCP connection; reconnects by itself."""

    def __init__(self, port):
        self._address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
        self._socket = None
        self._refused = 0

    def gone(self):
        """True when the host listens no more."""
        return self._refused >= _PATIENCE

    def _connect(self):
        connection = socket.socket()
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            self._refused += 1
            return False
        connection.setblocking(False)
        self._refused = 0
        self._socket = connection
        return True

    def _close(self):
        self._socket.close()
        self._socket = None

    def readinto(self, buffer):
        """Return the number of bytes that came, None when none did, 0 when the connection was closed."""
        if self._socket is None and not self._connect():
            return None
        try:
            n = self._socket.readinto(buffer)
        except OSError:
            n = 0
        if n == 0:
            self._close()
        return n

    def write(self, view):
        """Return the number of bytes taken, None when none goes now."""
        if self._socket is None:
            return None
        try:
            return self._socket.write(view)
        except OSError:
            return None  # reading finds out


class FileCounter:
    """Wrong proofs, in a file: what is in flash on a board."""

    def __init__(self, path):
        self._path = path

    def load(self):
        """Return the count; 0 where there is no file yet."""
        try:
            with open(self._path) as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    def save(self, value):
        """Keep it."""
        with open(self._path, "w") as file:
            file.write(str(value))


class VirtualBench:
    """Serves a built recorder; a session that a power cut ended goes on by itself, as on a board."""

    def __init__(self, config, recorder, make_app, ticks, report):
        self.config = config
        self.recorder = recorder
        self.report = report
        kept = Kept(config["settings"]) if config["settings"] else None
        self.control = Control(recorder, make_app, ticks, Settings(kept, {"encrypt_card": config["encrypt_card"]}))
        self.stream = TcpStream(config["link_port"])
        wire = Wire(self.stream, config["link_max_packet"])
        self.links = [(wire, self._link(wire, config["link_counter"], ticks))]
        recorder.button = VirtualButton(recorder.capture, config["button_fault"])
        self.ble = None
        if config["radio_fails"]:
            self.control.radio = "the radio did not come up (%r)" % OSError(5)
        elif config["radio_port"]:
            self._add_radio(ticks)

    def _link(self, carrier, counter_path, ticks):
        key = self.config["link_key"]
        counter = FileCounter(counter_path) if counter_path else NoCounter()
        secret = bytes(int(key[i : i + 2], 16) for i in range(0, 64, 2)) if key else None
        low_mv = self.config["battery_low_mv"]
        return Link(self.control, carrier, secret, LockOut(counter, ticks), os.urandom, battery_low_mv=low_mv)

    def _add_radio(self, ticks):
        self.ble = VirtualBle(self.config["radio_port"])
        radio = Radio(self.ble, UUID, self.recorder, RealTicks())
        radio.begin()
        self.control.radio = radio
        self.links.append((radio, self._link(radio, self.config["radio_counter"], ticks)))

    async def _turn(self):
        """The scheduler of a board, in which its radio's stack runs."""
        while True:
            self.ble.turn()
            await asyncio.sleep_ms(1)

    def status(self):
        """Return what is known of the radio."""
        if self.ble is None:
            return {}
        return {"att_bytes": self.ble.database.bytes, "notify_bytes_queued_max": self.ble.most_queued}

    def run(self):
        """Serve until the host is gone; stop what is recorded then."""
        asyncio.run(self._main())

    async def _main(self):
        config = self.config
        server = Server(self.control, self.links)
        head = self.recorder.store.head
        if not head.clean:
            signal = Signal(config["rate_hz"], config["gain"], config["shift"], config["source"])
            self.control.start(signal, config["codec"], start_reason(head, config["reset_cause"] == "watchdog"))
        task = asyncio.create_task(server.run())
        tasks = [task]
        if self.ble is not None:
            tasks.append(asyncio.create_task(self._turn()))
        self.report({"event": "serving"})
        hand = Hand(config["bench_file"], self.recorder.capture, self.recorder.button) if config["bench_file"] else None
        while not self.stream.gone() and not any(each.done() for each in tasks):
            await asyncio.sleep_ms(_LOOK_MS)
            if hand:
                hand.look()
        for each in tasks:
            if each.done():
                await each  # raises what it ended by
        server.over = True
        if self.recorder.state == RECORDING:
            self.control.stop(c.STOP_REASON_COMMAND)
