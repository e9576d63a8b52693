# SPDX-License-Identifier: Apache-2.0
"""Training of the wave delineator: its data, its network, its tables."""
