# SPDX-License-Identifier: Apache-2.0
"""The factory station: a tray of boards from bare to labelled, one record each; a failed board never stops the tray (docs/FACTORY.md)."""
