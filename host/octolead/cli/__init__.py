# SPDX-License-Identifier: Apache-2.0
"""The command line. Only this room knows click.

Exit codes: 0 all is well; 1 data is missing or damaged; 2 wrong usage, or the source cannot be read;
3 refused or failed: a record that cannot be kept exactly, a file that cannot be written, a simulator that failed; 130 interrupted.
"""

from .app import main

__all__ = ["main"]
