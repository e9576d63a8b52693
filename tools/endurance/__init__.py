# SPDX-License-Identifier: Apache-2.0
"""Ninety hours in virtual time: the real app over the simulated board, with everything that goes wrong on the way.

python -m tools.endurance [--hours 90] [--card small|big|both] [--seed 1] [--json FILE] [--keep FOLDER]
"""
