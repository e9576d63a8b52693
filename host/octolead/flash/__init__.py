# SPDX-License-Identifier: Apache-2.0
"""Putting firmware onto boards: releases, boards behind MicroPython's prompt, installing (docs/FLASH.md)."""

from .board import Board, Identity
from .install import Installed, install
from .release import Release, build, load

__all__ = ["Board", "Identity", "Installed", "Release", "build", "install", "load"]
