# SPDX-License-Identifier: Apache-2.0
"""Octolead: recordings of the open 8-lead ECG recorder, on the desk.

>>> import octolead
>>> with octolead.open("card.img") as recording:  # doctest: +SKIP
...     microvolt = recording.signal_uv(0, 5000, leads=["II", "aVF"])
"""

from .calibration import Calibration
from .errors import (
    BlockError,
    CalibrationError,
    CardKeyError,
    ImportRefused,
    OctoleadError,
    SessionError,
    SignalRangeError,
    SimulatorError,
    SourceError,
    UnknownLeadError,
)
from .findings import Finding, Severity
from .gaps import Gap
from .reader import MISSING_RAW
from .recording import Recording, Session, open  # noqa: A004
from .timeline import Anchor, Mark, Moment, Span

__version__ = "0.1.0"

__all__ = [
    "MISSING_RAW",
    "Anchor",
    "BlockError",
    "Calibration",
    "CalibrationError",
    "CardKeyError",
    "Finding",
    "Gap",
    "ImportRefused",
    "Mark",
    "Moment",
    "OctoleadError",
    "Recording",
    "Session",
    "SessionError",
    "Severity",
    "SignalRangeError",
    "SimulatorError",
    "SourceError",
    "Span",
    "UnknownLeadError",
    "__version__",
    "open",
]
