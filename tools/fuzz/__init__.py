# SPDX-License-Identifier: Apache-2.0
"""Whatever the bytes, reading them ends, with a typed error at worst: `python -m tools.fuzz --seconds 60`."""
