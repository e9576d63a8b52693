# SPDX-License-Identifier: Apache-2.0
"""The virtual board of `octolead flash --sim`: it runs whatever release it was given, and records nothing."""
