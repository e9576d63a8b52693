# SPDX-License-Identifier: Apache-2.0
"""Calibrating a recorder against its internal test signal and an external reference; docs/CALIBRATION.md.

async with await connect_usb(port, key) as recorder:
certificate = await calibrate(recorder, bench, Reference("calibrator 4711"), operator="me")
certificate.save(Path("certificates"))
"""

from ..errors import CalibrationError
from .bench import Bench, Reference, SimulatedBench, Stimulus, Wiring
from .certificate import Certificate, load
from .evaluate import Conditions
from .run import FULL, INTERNAL, QUICK, Plan, calibrate

__all__ = [
    "FULL",
    "INTERNAL",
    "QUICK",
    "Bench",
    "CalibrationError",
    "Certificate",
    "Conditions",
    "Plan",
    "Reference",
    "SimulatedBench",
    "Stimulus",
    "Wiring",
    "calibrate",
    "load",
]
