# SPDX-License-Identifier: Apache-2.0
"""Giving a recorder its identity and its key, and the label that carries them (docs/SPEC.md 6.9, docs/FACTORY.md)."""

from .give import Provisioned, provision
from .label import Label

__all__ = ["Label", "Provisioned", "provision"]
