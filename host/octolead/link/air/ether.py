# SPDX-License-Identifier: Apache-2.0
"""What lies between antennas: Bumble's virtual controllers on a link that can be slow, late, or lost at any packet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

RSSI_DBM = -50
_NOTIFICATION = 0x1B
_HEADERS = 7  # L2CAP 4, ATT opcode and handle 3
_AIR_BYTES = 14  # of each packet beside its value, as radio.py counts


@dataclass
class Faults:
    """What is wrong with the air.

    Attributes:
        cut_after: packets from the recorder until the connection is lost; None: it lasts.
        bytes_per_s: what the air carries from the recorder; None: as much as comes.
        delay_s: of every packet, both ways.
    """

    cut_after: int | None = None
    bytes_per_s: float | None = None
    delay_s: float = 0.0


class Radio(Controller):
    """A controller without extended advertising, as the Pico's; its scan response is heard."""

    le_features = Controller.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    le_acl_data_packet_length = 251  # a packet of the link whole; what the link layer makes of it is not simulated

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report the advertisement and what a scan request would bring; connect, where that is wanted."""
        kinds = hci.HCI_LE_Advertising_Report_Event.EventType
        sender = self.link.find_le_controller(pdu.advertiser_address)
        response = sender.le_legacy_advertiser.scan_response_data if sender else b""
        if self.le_scan_enable:
            self._report(kinds.ADV_IND, pdu.advertiser_address, pdu.data)
            self._report(kinds.SCAN_RSP, pdu.advertiser_address, response)
        wanted = self.pending_le_connection
        if wanted and wanted.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, kind: hci.HCI_LE_Advertising_Report_Event.EventType, address: hci.Address, data: bytes) -> None:
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind, address_type=address.address_type, address=address, data=data, rssi=RSSI_DBM
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))


class Ether(LocalLink):
    """Carries the data of one recorder; `sent(bytes)` is called when a notification has left it; `losses` counts lost connections."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.faults = Faults()
        self.losses = 0
        self.recorder: Controller | None = None
        self.sent: Callable[[int], None] = lambda size: None
        self._free_at = {True: 0.0, False: 0.0}

    def send_acl_data(
        self, sender_controller: Controller, destination_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """Carry a packet, or lose the connection at it."""
        loop = asyncio.get_running_loop()
        is_recorder = sender_controller is self.recorder
        connection = sender_controller.le_connections.get(destination_address)
        faults = self.faults
        at = max(loop.time(), self._free_at[is_recorder])
        if is_recorder and faults.bytes_per_s:
            at += (len(data) - _HEADERS + _AIR_BYTES) / faults.bytes_per_s
        self._free_at[is_recorder] = at

        def deliver() -> None:
            if sender_controller.le_connections.get(destination_address) is not connection:
                return  # that connection is gone, and all that was on its way
            if is_recorder and self._is_cut():
                self.lose()
                return
            if is_recorder and len(data) >= _HEADERS and data[4] == _NOTIFICATION:
                self.sent(len(data) - _HEADERS)
            LocalLink.send_acl_data(self, sender_controller, destination_address, transport, data)

        if at + faults.delay_s <= loop.time():
            deliver()
        else:
            loop.call_at(at + faults.delay_s, deliver)

    def _is_cut(self) -> bool:
        if self.faults.cut_after is None:
            return False
        self.faults.cut_after -= 1
        return self.faults.cut_after < 0

    def lose(self) -> None:
        """Out of range: both sides find out by their supervision timeout."""
        if self.recorder is None:
            return
        self.faults.cut_after = None
        for mine in list(self.recorder.le_connections.values()):
            self.losses += 1
            other = self.find_le_controller(mine.peer_address)
            its = other.le_connections.get(mine.self_address) if other else None
            self.recorder.on_le_disconnected(mine, hci.HCI_CONNECTION_TIMEOUT_ERROR)
            if other and its:
                other.on_le_disconnected(its, hci.HCI_CONNECTION_TIMEOUT_ERROR)
