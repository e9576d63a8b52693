# SPDX-License-Identifier: Apache-2.0
"""Power cuts at every write of a scenario, torn sectors, lying caches, rot and bad places: `python -m tools.torture`."""
