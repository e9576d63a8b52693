# SPDX-License-Identifier: Apache-2.0
"""Scores of detectors against annotated databases, after ANSI/AAMI EC57: `octolead score`.

>>> from octolead.score import Options, score  # doctest: +SKIP
>>> score(["mitdb"], Options(detector="sleepecg"))  # doctest: +SKIP
"""

from .annotations import Annotations, Beats, read_annotations
from .beats import BeatScore, score_beats
from .detectors import DETECTORS, Detector, DetectorMissing
from .matching import Matches, match
from .rhythm import AfScore, score_af
from .run import DatabaseScore, Options, RecordScore, score
from .waves import WaveScore, score_lead

__all__ = [
    "DETECTORS",
    "AfScore",
    "Annotations",
    "BeatScore",
    "Beats",
    "DatabaseScore",
    "Detector",
    "DetectorMissing",
    "Matches",
    "Options",
    "RecordScore",
    "WaveScore",
    "match",
    "read_annotations",
    "score",
    "score_af",
    "score_beats",
    "score_lead",
]
