# SPDX-License-Identifier: Apache-2.0
"""What real boards share: button, battery, supply, watchdog, USB serial, settings, and the joining of all."""
