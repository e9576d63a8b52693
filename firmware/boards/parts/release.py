# SPDX-License-Identifier: Apache-2.0
"""A release on trial confirms itself: until then each boot counts against it (main.py, docs/FLASH.md)."""

import json
import os

PATH = "/release/state.json"


def confirm(path=PATH):
    """Make the release that runs the good one; return True when it was on trial. Does nothing where there is no state."""
    try:
        with open(path) as file:
            state = json.load(file)
        run = state["run"]
        if run == state["good"]:
            return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with open(path + ".new", "w") as file:
        json.dump({"run": run, "good": run, "tries": 0}, file)
    os.rename(path + ".new", path)
    return True
