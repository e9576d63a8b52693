# SPDX-License-Identifier: Apache-2.0
"""Reports that a physician can read, as PDF or HTML: `write_report(open_report_source(SRC), "a.pdf")`."""

from .identity import Identity
from .pages import Choices
from .report import Written, write_report
from .source import Source, open_report_source

__all__ = ["Choices", "Identity", "Source", "Written", "open_report_source", "write_report"]
