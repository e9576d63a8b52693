# SPDX-License-Identifier: Apache-2.0
"""What the link costs on the box: viper code in instructions on an emulated Cortex-M33, the port's C code in units of its work.

    python -m tools.bench.link_cost

AES and SHA-256 are MicroPython's own C (cryptolib, hashlib): what they cost on the board has not been measured. How often they
run for a packet is counted here by what the firmware asks of them.
"""

from __future__ import annotations

import sys
from array import array

import numpy as np

from tools.bench.cost import Machine, converter_codes, unpack_cost

PACKETS = (244, 2048)  # over BLE, over USB
OVERHEAD = 14
HEAD = 5
SHA_BLOCK, SHA_TAIL = 64, 9  # of SHA-256: the bytes of a block, and what padding takes at least
DIGEST = 32
LIVE_FRAMES = 25


def compressions(n_bytes: int) -> int:
    """SHA-256 compressions of one HMAC over so many bytes: inner and outer pad, nothing kept from one packet to the next."""
    return -(-(SHA_BLOCK + n_bytes + SHA_TAIL) // SHA_BLOCK) + -(-(SHA_BLOCK + DIGEST + SHA_TAIL) // SHA_BLOCK)


def sealing(packet_bytes: int) -> dict[str, float]:
    """What sealing one packet takes."""
    n = packet_bytes - OVERHEAD + 1  # with the fragment's head
    blocks = -(-n // 16)
    machine = Machine("link_crypto_fast")
    machine.call("stamp", bytearray(16 * blocks), 12345, blocks)
    machine.call("xor", bytearray(packet_bytes), HEAD, bytearray(16 * blocks), n)
    viper = sum(machine.instructions.values())
    return {"viper": viper, "aes_blocks": blocks, "sha_compressions": compressions(HEAD + n)}


def live_frame(values: np.ndarray) -> float:
    """Instructions a frame of eight leads, packed LIVE_FRAMES at a time."""
    machine = Machine("link_live_fast")
    n_packets = min(40, len(values) // LIVE_FRAMES)
    for packet in range(n_packets):
        some = np.ascontiguousarray(values[packet * LIVE_FRAMES : (packet + 1) * LIVE_FRAMES], "<i4")
        frames = bytearray(array("i", some.ravel().tolist()).tobytes())
        out, at = bytearray(1200), 12
        for k in range(8):
            width = machine.call("width", frames, k, LIVE_FRAMES, 0)
            at = machine.call("pack_lead", frames, k, LIVE_FRAMES, out, at, width)
    return sum(machine.instructions.values()) / (n_packets * LIVE_FRAMES)


def main() -> int:
    """Print the table."""
    for size in PACKETS:
        cost = sealing(size)
        print(
            f"sealing a packet of {size} bytes: {cost['viper']:.0f} instructions of viper, {cost['aes_blocks']} blocks of AES-128, "
            f"{cost['sha_compressions']} compressions of SHA-256"
        )
    _, values = unpack_cost(converter_codes()[:2000])
    print(f"packing live frames of eight leads: {live_frame(values):.0f} instructions a frame (link_live_fast)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
