# SPDX-License-Identifier: Apache-2.0
"""The C core, for Python. The only package that knows the extension; thin on purpose.

Data is anything with a contiguous buffer (bytes, memoryview, mmap, numpy array) and is never copied.
Long calls release the interpreter lock. Wrong arguments are ValueErrors, bad bytes are BlockErrors.
"""

from .blocks import Event, crc32, iter_events, pack_events, seal_block
from .buffers import Data, Frames
from .faults import describe_damage, error_kind
from .header import PAYLOAD_ROOM, BlockHeader, check_body, parse_header
from .index import DAMAGE_DTYPE, INDEX_DTYPE, index_blocks
from .payloads import Encoder, decode_block, decode_blocks, decode_payload, encode_payload, encode_payloads
from .scale import to_microvolt

__all__ = [
    "DAMAGE_DTYPE",
    "INDEX_DTYPE",
    "PAYLOAD_ROOM",
    "BlockHeader",
    "Data",
    "Encoder",
    "Event",
    "Frames",
    "check_body",
    "crc32",
    "decode_block",
    "decode_blocks",
    "decode_payload",
    "describe_damage",
    "encode_payload",
    "encode_payloads",
    "error_kind",
    "index_blocks",
    "iter_events",
    "pack_events",
    "parse_header",
    "seal_block",
    "to_microvolt",
]
