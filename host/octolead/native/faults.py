# SPDX-License-Identifier: Apache-2.0
"""What the C core found wrong, in words."""

from __future__ import annotations

from typing import Any, Final

from ..errors import BlockError, BlockFault
from .core import ffi, lib

FAULTS: Final = {
    lib.OL_E_MAGIC: BlockFault.MAGIC,
    lib.OL_E_SHORT: BlockFault.CUT,
    lib.OL_E_HEADER_BYTES: BlockFault.HEADER_BYTES,
    lib.OL_E_BLOCK_BYTES: BlockFault.BLOCK_BYTES,
    lib.OL_E_HEADER_CRC: BlockFault.HEADER_CRC,
    lib.OL_E_N_FRAMES: BlockFault.N_FRAMES,
    lib.OL_E_N_LEADS: BlockFault.N_LEADS,
    lib.OL_E_RATE: BlockFault.RATE,
    lib.OL_E_STEP: BlockFault.STEP,
    lib.OL_E_PAYLOAD_BYTES: BlockFault.PAYLOAD_BYTES,
    lib.OL_E_VERSION: BlockFault.MAJOR_VERSION,
    lib.OL_E_FLAGS: BlockFault.FLAGS,
    lib.OL_E_ENCRYPTED: BlockFault.ENCRYPTED,
    lib.OL_E_CODEC: BlockFault.CODEC,
    lib.OL_E_BODY_CRC: BlockFault.BODY_CRC,
    lib.OL_E_PAYLOAD: BlockFault.PAYLOAD,
    lib.OL_E_EVENT: BlockFault.EVENT,
}

_WORDS: Final = {
    BlockFault.MAGIC: "no block begins here: magic {expected:#010x} expected, found {got:#010x}",
    BlockFault.CUT: "cut off: {got} of {expected} bytes are there",
    BlockFault.HEADER_BYTES: "header of {got} bytes, {expected} is the least and block_bytes the most",
    BlockFault.BLOCK_BYTES: "block of {got} bytes, {expected} is the most, and a multiple of 4",
    BlockFault.HEADER_CRC: "header CRC {expected:#010x}, computed {got:#010x}",
    BlockFault.N_FRAMES: "{got} frames, {expected} is the most",
    BlockFault.N_LEADS: "{got} leads, 1 to {expected} are possible",
    BlockFault.RATE: "sampling rate 0",
    BlockFault.STEP: "a step of 0 or without denominator",
    BlockFault.PAYLOAD_BYTES: "payload of {got} bytes in a body of {expected}",
    BlockFault.MAJOR_VERSION: "newer major version {got}, this program reads {expected}",
    BlockFault.FLAGS: "flags {got:#06x}: a flag that must be understood is unknown",
    BlockFault.ENCRYPTED: "the body is enciphered: it takes the recorder's key (--key FILE)",
    BlockFault.CODEC: "codec {got}, {expected} is the last one known",
    BlockFault.BODY_CRC: "body CRC {expected:#010x}, computed {got:#010x}",
    BlockFault.PAYLOAD: "the codec cannot read the payload",
    BlockFault.EVENT: "an event runs past the end of the block",
}


def error_kind(code: int) -> str:
    """Return the name of an error code of the C core: "" for 0, else a `BlockFault`."""
    return "" if code == 0 else FAULTS[code]


def describe_damage(item: Any) -> str:
    """Return a row of `DAMAGE_DTYPE` in words, without its place."""
    return _words(FAULTS[int(item["kind"])], int(item["expected"]), int(item["got"]))


def _words(kind: BlockFault, expected: int, got: int) -> str:
    return _WORDS[kind].format(expected=expected, got=got)


def block_error(view: Any, offset: int, code: int) -> BlockError:
    """Return what is wrong with the block at `offset`, by the core's code, with both numbers."""
    expected, got = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    lib.ol_block_explain(view + offset, len(view) - offset, code, expected, got)
    kind = FAULTS[code]
    words = _words(kind, expected[0], got[0])
    known = bool(expected[0] or got[0])
    return BlockError(kind, offset, expected[0] if known else None, got[0] if known else None, message=f"block at byte {offset}: {words}")
