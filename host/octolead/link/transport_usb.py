# SPDX-License-Identifier: Apache-2.0
"""USB serial: pyserial with a thread that reads; packets as COBS frames. Only this file knows pyserial."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import serial
from serial.tools import list_ports

from .. import _constants as c
from ..errors import LinkLostError
from .packets import CobsReader, cobs_encode

_READ_TIMEOUT_S = 0.1
_WRITE_TIMEOUT_S = 5.0
_READ_BYTES = 16384


MAKERS = {0x2E8A: "Raspberry Pi", 0x303A: "Espressif"}
"""USB vendor ids of the boards' makers."""


def find_ports() -> list[tuple[str, str]]:
    """Return (name, what it says it is) of the serial ports that may be boards, by the vendor of their USB."""
    return [
        (port.device, f"{MAKERS[port.vid]}, {port.product or port.description}, serial number {port.serial_number or 'unknown'}")
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
        if port.vid in MAKERS
    ]


def find_boards() -> list[tuple[str, str]]:
    """Return (port, USB serial number) of the ports that may be boards; where a board says none, its port stands for it."""
    ports = sorted(list_ports.comports(), key=lambda port: str(port.device))
    return [(port.device, str(port.serial_number or port.device).lower()) for port in ports if port.vid in MAKERS]


class UsbTransport:
    """An open port.

    Attributes:
        max_packet: largest packet, bytes.
        window: packets of blocks that may be on their way.
        live_window: packets of live frames that may be on their way.
    """

    max_packet = c.LINK_USB_PACKET_BYTES
    window = 64
    live_window = 64

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._packets: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._reader = CobsReader(self.max_packet)
        self._writer = ThreadPoolExecutor(1, "octolead-usb-write")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="octolead-usb-read", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, name: str) -> UsbTransport:
        """Open a serial port by its name, such as /dev/ttyACM0 or COM3.

        Raises:
            LinkLostError: there is no such port, or another program has it.
        """
        try:
            port = await asyncio.to_thread(_open_port, name)
        except (OSError, ValueError) as error:
            raise LinkLostError(f"{name}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
        return cls(port)

    def _read(self) -> None:
        """In the thread: what comes goes to the loop; the end is told by None."""
        try:
            while not self._over.is_set():
                data = self._port.read(min(self._port.in_waiting, _READ_BYTES) or 1)
                if data:
                    self._tell(self._reader.feed(data))
        except (OSError, TypeError, ValueError):  # pyserial's own errors are OSErrors; the others come of a port closed meanwhile
            pass
        finally:
            self._tell([None])

    def _tell(self, packets: list[bytes] | list[None]) -> None:
        try:
            for packet in packets:
                self._loop.call_soon_threadsafe(self._packets.put_nowait, packet)
        except RuntimeError:
            self._over.set()  # the loop is closed: nobody listens

    async def send(self, packet: bytes) -> None:
        """Send one packet."""
        try:
            await self._loop.run_in_executor(self._writer, self._port.write, cobs_encode(packet))
        except (OSError, RuntimeError, TypeError) as error:
            raise LinkLostError(f"{self._port.name}: the recorder is gone ({error})") from error

    async def receive(self) -> bytes:
        """The next packet."""
        packet = await self._packets.get()
        if packet is None:
            self._packets.put_nowait(None)
            raise LinkLostError(f"{self._port.name}: the recorder is gone")
        return packet

    async def close(self) -> None:
        """Close the port."""
        self._over.set()
        await asyncio.to_thread(self._thread.join, 2 * _READ_TIMEOUT_S + 1)
        self._writer.shutdown(wait=False)
        self._port.close()


def _open_port(name: str) -> serial.Serial:
    return serial.Serial(name, timeout=_READ_TIMEOUT_S, write_timeout=_WRITE_TIMEOUT_S, exclusive=True)
