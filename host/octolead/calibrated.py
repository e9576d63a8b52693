# SPDX-License-Identifier: Apache-2.0
"""The calibration of a session: found beside its recording and checked against its blocks, or words why it is not applied."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import calibration as records
from .calibration import Calibration
from .errors import CalibrationError
from .index import Index, SessionBlocks
from .leads import lead_name


def find_calibration(index: Index, session: SessionBlocks, key: bytes | None) -> Calibration | None:
    """The calibration that the session's blocks name, sound and fit for them; None, and a finding that says why, otherwise.

    With the device key its signature is checked; without, only that nothing changed by accident: its id is a digest of its values.
    """
    ids = [int(number) for number in np.unique(session.blocks["calibration_id"]) if number]
    if not ids:
        return None
    if len(ids) > 1 or not session.blocks["calibration_id"].all():
        index.findings.warning("calibration", "blocks of one session name several calibrations: nominal values")
        return None
    path = records.find(Path(index.source.path), session.device_id, ids[0])
    if path is None:
        name = records.file_name(session.device_id, ids[0])
        words = f"recorded under calibration {ids[0]:08x}, but {name} is not beside it: nominal values; octolead sync brings it"
        index.findings.info("calibration", words)
        return None
    try:
        found = records.parse(path.read_bytes(), device_id=session.device_id, calibration_id=ids[0], key=key)
        _check_fits(found, session)
    except (CalibrationError, OSError) as error:
        index.findings.warning("calibration", f"{path.name}: {error}; not applied: nominal values")
        return None
    return found


def _check_fits(found: Calibration, session: SessionBlocks) -> None:
    first = session.blocks[0]
    found.coefficients([lead_name(int(i)) for i in first["lead_ids"][: int(first["n_leads"])]])
    gains = {int(gain) for gain in np.unique(session.blocks["gain"])}
    if gains != {found.gain}:
        raise CalibrationError("gain", f"measured at gain {found.gain}, recorded at gain {', '.join(map(str, sorted(gains)))}")
