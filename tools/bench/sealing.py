# SPDX-License-Identifier: Apache-2.0
"""What sealing a block costs on the box, in instructions a byte: the firmware's viper loops on an emulated Cortex-M33.

    python -m tools.bench.sealing

SHA-256 and the AES block function are C of the port and are not in the figures; the bytes that go through them are.
"""

from __future__ import annotations

from pathlib import Path

from tools.cortexm.viper_cost import ViperModule

RECORDER = Path(__file__).resolve().parents[2] / "firmware" / "recorder"
BATCH = 32  # counter blocks at once, as recorder/seal.py does
BLOCK = 8192
HEADER = 144
HMAC_BYTES = 16 + 2 * 64 + 32 + 64  # tag before, both pads, inner digest, about a block of padding
CORE_HZ = 150_000_000


def viper_instructions() -> tuple[int, int]:
    """Instructions of one batch: (counter blocks, exclusive or)."""
    seal = ViperModule.compile(RECORDER / "seal_fast.py")
    made = seal.run("counters", bytearray(16 * BATCH), bytearray(HEADER), 0, 0, BATCH)
    mixed = seal.run("xor_words", bytearray(16 * BATCH), 0, bytearray(16 * BATCH), 4 * BATCH)
    return made.instructions + 20 * sum(made.calls.values()), mixed.instructions + 20 * sum(mixed.calls.values())


def main() -> None:
    """Print the figures."""
    counters, xor = viper_instructions()
    batches = -(-(BLOCK - HEADER) // (16 * BATCH))
    whole = batches * (counters + xor)
    print(f"a block of {BLOCK} bytes: {batches} batches of {16 * BATCH} bytes")
    print(f"counter blocks {counters} and exclusive or {xor} instructions a batch: {whole} a block, {whole / BLOCK:.1f} a byte,")
    ms = 1000 * whole / CORE_HZ
    print(f"{ms:.1f} ms at one instruction a cycle of {CORE_HZ // 1_000_000} MHz, if it is enciphered; none if it is only chained")
    print(f"through SHA-256: {BLOCK + HMAC_BYTES} bytes; through AES: {batches * 16 * BATCH} bytes if it is enciphered")


if __name__ == "__main__":
    main()
