# SPDX-License-Identifier: Apache-2.0
"""The ESP32-S3 as a board: an interrupt in software, SDMMC."""
