# SPDX-License-Identifier: Apache-2.0
"""Whether what was recorded can be calibrated with: words for whoever stands at the bench, before it is measured on."""

from __future__ import annotations

import numpy as np

from .. import limits
from ..calibration import LEADS
from ..errors import CalibrationError, MeasureError
from ..limits import Trial, Verdict
from ..limits.trial import judge
from .bench import Stimulus, Wiring
from .evaluate import Driven, Leads, driven
from .take import Taken

_SEEN = 0.2  # of what is due: less is nothing
_FREQUENCY = 0.015  # the converter's clock may be off by 1 %
_AMPLITUDE = 0.05
_REST = 0.05
_ALIKE = 0.02  # leads that are off by the same part: it is the reference


def fitted(taken: Taken, wiring: Wiring, stimulus: Stimulus) -> Driven:
    """The reference as the leads saw it.

    Raises:
        CalibrationError: it is not connected, saturates, is set otherwise, or a lead does not see it.
    """
    _check_limits(taken, stimulus)
    try:
        found = driven(taken.microvolt, taken.rate_hz, stimulus.shape)
    except MeasureError as error:
        raise CalibrationError("not_connected", f"no reference is seen ({error}); {wiring.words}; set it to {stimulus.words}") from error
    expected = stimulus.amplitude_uv * np.abs(wiring.weights)
    seen = np.abs(found.amplitude.values)
    _check_connected(seen, expected, wiring, stimulus)
    _check_frequency(found, stimulus)
    _check_leads(seen, expected, wiring)
    _check_shape(found, wiring, stimulus)
    _check_amplitude(seen, expected, wiring, stimulus)
    return found


def _check_limits(taken: Taken, stimulus: Stimulus) -> None:
    if taken.saturated:
        names = ", ".join(taken.saturated)
        raise CalibrationError(
            "saturated",
            f"{names} at the converter's limit: the reference saturates; set it to {stimulus.words} and check its ground",
        )


def _check_connected(seen: np.ndarray, expected: np.ndarray, wiring: Wiring, stimulus: Stimulus) -> None:
    k = list(wiring.driven)
    if (seen[k] < _SEEN * expected[k]).all():
        words = f"no reference is seen ({seen[k].max():.3g} µV in the strongest lead, {stimulus.amplitude_uv:g} µV are due)"
        raise CalibrationError("not_connected", f"{words}: is it switched on? {wiring.words}; set it to {stimulus.words}")


def _check_frequency(found: Driven, stimulus: Stimulus) -> None:
    seen = found.frequency.value
    if abs(seen / stimulus.frequency_hz - 1) > _FREQUENCY:
        raise CalibrationError(
            "frequency", f"the reference gives {seen:.4g} Hz, {stimulus.frequency_hz:g} Hz are due: set it to {stimulus.words}"
        )


def _check_leads(seen: np.ndarray, expected: np.ndarray, wiring: Wiring) -> None:
    dead = [LEADS[k] for k in wiring.driven if seen[k] < _SEEN * expected[k]]
    if dead:
        which = f"{', '.join(dead)} {'sees' if len(dead) == 1 else 'see'}"
        raise CalibrationError("dead_lead", f"{which} nothing of the reference: check the electrode's wire and plug; else the lead is dead")
    grounded = [k for k in range(len(LEADS)) if not expected[k] and seen[k] > _SEEN * expected.max()]
    if grounded:
        names = ", ".join(LEADS[k] for k in grounded)
        raise CalibrationError(
            "not_connected", f"{names}: the reference is seen where ground is due ({seen[grounded].max():.3g} µV): {wiring.words}"
        )


def _check_amplitude(seen: np.ndarray, expected: np.ndarray, wiring: Wiring, stimulus: Stimulus) -> None:
    ratio = seen[list(wiring.driven)] / expected[list(wiring.driven)]
    middle = float(np.median(ratio))
    if len(ratio) > 1 and abs(middle - 1) > _AMPLITUDE and np.ptp(ratio) < _ALIKE * middle:
        words = f"all leads see {2 * stimulus.amplitude_uv * middle / 1000:.3g} mV peak to peak"
        raise CalibrationError(
            "amplitude", f"{words}, {2 * stimulus.amplitude_uv / 1000:g} mV are due: set the reference to {stimulus.words}"
        )


def _check_shape(found: Driven, wiring: Wiring, stimulus: Stimulus) -> None:
    worst = max(wiring.driven, key=lambda k: found.rest_uv[k])
    if found.rest_uv[worst] > _REST * stimulus.amplitude_uv:
        words = (
            f"{LEADS[worst]}: {found.rest_uv[worst]:.3g} µV rms beside the {stimulus.shape}: interference, a loose contact or another shape"
        )
        raise CalibrationError("shape", f"{words}; set the reference to {stimulus.words}, and keep mains and phones away")


class Judge:
    """Collects the lines of a calibration, and refuses what lies outside its limits.

    Attributes:
        trial: all lines so far.
    """

    def __init__(self, subject: dict[str, str]) -> None:
        self._limits = limits.load("calibrate")
        self.trial = Trial("Calibration", subject)

    def look(self, key: str, found: Leads, *, scale: float = 1.0, kind: str = "limits") -> None:
        """Judge the values of leads, `scale` times as the limit's unit has them."""
        self.figures(key, {name: part.value * scale for name, part in found.items()}, kind=kind)

    def repeats(self, key: str, found: Leads, *, scale: float = 1.0) -> None:
        """Judge how well values repeated: their first component."""
        self.figures(key, {name: part.components[0].u * scale for name, part in found.items()}, kind="repeatability")

    def figures(self, key: str, values: dict[str, float], *, kind: str = "limits") -> None:
        """Judge plain values.

        Raises:
            CalibrationError: one lies outside.
        """
        line = self.trial.add(judge(self._limits[key], values))
        if line.verdict is Verdict.FAIL:
            note = f" {line.limit.note}" if line.limit.note else ""
            raise CalibrationError(kind, f"{line.limit.title}: {line.measured}, allowed {line.limit.allowed} ({line.limit.cited}).{note}")
