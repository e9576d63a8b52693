# SPDX-License-Identifier: Apache-2.0
"""Boot entry of the virtual board: the release's own files are loaded, then it confirms itself at once."""

import sys

import machine
from recorder.recorder import VERSION

from boards.parts import release


def run():
    """Say what runs; back to the prompt, or, as a recorder does, never again."""
    print("recorder %s%s" % (VERSION, ", confirmed" if release.confirm() else ""))
    while machine.serves:
        sys.stdin.read(1)  # Ctrl-C is a byte like others: the pty is raw while a program runs
