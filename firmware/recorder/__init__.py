# SPDX-License-Identifier: Apache-2.0
"""The recorder: one feature a file, hardware handed in. Importing it does nothing."""
