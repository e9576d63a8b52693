# SPDX-License-Identifier: Apache-2.0
"""Measured values against limits: pass, warn, fail or not run, each limit with its source and whether that text was read.

The numbers stand in data files (`selftest.toml`, `validate.toml`), not in code. Used by the self-test and by `octolead validate`.
"""

from .limit import Limit, LimitError, Limits, Source, load
from .show import as_html, as_markdown, as_text
from .trial import Line, Trial, Verdict

__all__ = ["Limit", "LimitError", "Limits", "Line", "Source", "Trial", "Verdict", "as_html", "as_markdown", "as_text", "load"]
