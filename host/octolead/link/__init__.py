# SPDX-License-Identifier: Apache-2.0
"""The link to a recorder (docs/SPEC.md section 6). Needs the extra `link`: pip install 'octolead[link]'."""

from .client import BlockPiece, LiveFrames, Notice
from .recorder import Recorder, connect_ble, connect_usb, open_session
from .requests import Range, Status
from .sync import Archive, Sync, SyncReport

__all__ = [
    "Archive",
    "BlockPiece",
    "LiveFrames",
    "Notice",
    "Range",
    "Recorder",
    "Status",
    "Sync",
    "SyncReport",
    "connect_ble",
    "connect_usb",
    "open_session",
]
