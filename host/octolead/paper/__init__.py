# SPDX-License-Identifier: Apache-2.0
"""Drawing at true scale: one set of operations in millimetres, put on paper by PDF, on a screen by SVG.

Only this room knows reportlab and pypdfium2. It knows nothing of analyses.
"""
