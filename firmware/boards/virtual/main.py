# SPDX-License-Identifier: Apache-2.0
"""Boot entry of the virtual board: the release's own files are loaded, then it confirms itself at once."""

from recorder.recorder import VERSION

from boards.parts import release


def run():
    """Say what runs; back to the prompt."""
    print("recorder %s%s" % (VERSION, ", confirmed" if release.confirm() else ""))
