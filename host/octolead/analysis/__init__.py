# SPDX-License-Identifier: Apache-2.0
"""From samples to beats, episodes and numbers: `analyze(source)`."""

from .analysis import Analysis, analyze, analyze_signal
from .episodes import Episode

__all__ = ["Analysis", "Episode", "analyze", "analyze_signal"]
