# SPDX-License-Identifier: Apache-2.0
"""Generators, golden vectors, benchmarks: what the project needs and does not ship."""
