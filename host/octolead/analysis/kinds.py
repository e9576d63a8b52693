# SPDX-License-Identifier: Apache-2.0
"""What kinds of episodes are called, for people."""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    "pause": "Pause",
    "asystole": "No beat found",
    "vf": "Fast disorganised rhythm (VF or flutter)",
    "vt": "Run of ventricular beats, fast",
    "idioventricular-run": "Run of ventricular beats, slow",
    "v-couplet": "Ventricular couplet",
    "bigeminy": "Bigeminy",
    "trigeminy": "Trigeminy",
    "svt": "Run of supraventricular beats, fast",
    "supraventricular-run": "Run of supraventricular beats, slow",
    "s-couplet": "Supraventricular couplet",
    "af": "Irregular rhythm as in atrial fibrillation",
    "tachycardia": "Rate of 120 a minute and more",
    "bradycardia": "Rate below 50 a minute",
    "not-analysable": "No usable lead",
    "gap": "Not recorded",
}
"""Words for each kind of episode, in the order of the report."""
