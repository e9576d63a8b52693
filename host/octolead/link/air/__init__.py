# SPDX-License-Identifier: Apache-2.0
"""The air of the simulated recorder: real Bluetooth LE from the link layer up, by Bumble, in a thread. Needs the extra `air`."""
