# SPDX-License-Identifier: Apache-2.0
"""Instruction counts of viper code on an emulated Cortex-M."""
