# SPDX-License-Identifier: Apache-2.0
"""The limits of IEC 60601-2-25, IEC 60601-2-47 and ANSI/AAMI EC11 as tests of recorder and decoder together. No claim of conformity."""

from .run import STEPS, validate
from .stimulus import GuidedStimulus, SimulatedStimulus, Stimulus

__all__ = ["STEPS", "GuidedStimulus", "SimulatedStimulus", "Stimulus", "validate"]
