# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: each prints what was measured beside its goal or its reference, in one run."""
